"""Errors as RFC 9457 tells them: whatever goes wrong with a request is answered by one kind of JSON, with a code of errors.py."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api.models.problem import Mistake, Problem
from vms_bridge.entities.states import encode
from vms_bridge.errors import (
    BackendDefect,
    BodyInvalid,
    BodyTooLarge,
    BridgeError,
    ClipRefused,
    CommandForbidden,
    CommandRejected,
    LinkKeyRefused,
    LinkRefused,
    MediaBusy,
    MediaUnavailable,
    Misdirected,
    NobodyAnswers,
    NoRoom,
    NoSuchPart,
    NotFound,
    PairingClosed,
    PairingCodeWrong,
    RangeUnsatisfiable,
    ReceiverBusy,
    RequestError,
    RequestForbidden,
    RequestInvalid,
    RequestUnanswered,
    SearchBusy,
    SearchRefused,
    StoreError,
    TimedOut,
    TokenRefused,
    TooManyRequests,
    Unauthenticated,
    UnsupportedCommand,
    VideoFailed,
    VmsError,
)
from vms_bridge.script_errors import PermissionMissing, ScriptError, ScriptsOff, StateRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

_LOGGER = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
STATUSES: tuple[tuple[type[BridgeError], HTTPStatus], ...] = (
    (BodyInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RequestInvalid, HTTPStatus.BAD_REQUEST),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (RequestForbidden, HTTPStatus.FORBIDDEN),
    (CommandForbidden, HTTPStatus.FORBIDDEN),
    (PairingClosed, HTTPStatus.FORBIDDEN),
    (PairingCodeWrong, HTTPStatus.FORBIDDEN),
    (LinkRefused, HTTPStatus.FORBIDDEN),
    (Misdirected, HTTPStatus.MISDIRECTED_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (ReceiverBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (RangeUnsatisfiable, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    (RequestError, HTTPStatus.BAD_REQUEST),
    (SearchBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (SearchRefused, HTTPStatus.BAD_REQUEST),
    (NobodyAnswers, HTTPStatus.SERVICE_UNAVAILABLE),
    (RequestUnanswered, HTTPStatus.GATEWAY_TIMEOUT),
    (NoSuchPart, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    (MediaBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (ClipRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NoRoom, HTTPStatus.INSUFFICIENT_STORAGE),
    (MediaUnavailable, HTTPStatus.NOT_FOUND),
    (CommandRejected, HTTPStatus.CONFLICT),
    (UnsupportedCommand, HTTPStatus.CONFLICT),
    (TokenRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (LinkKeyRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ScriptsOff, HTTPStatus.NOT_FOUND),
    (StateRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (PermissionMissing, HTTPStatus.FORBIDDEN),
    (ScriptError, HTTPStatus.CONFLICT),
    (TimedOut, HTTPStatus.GATEWAY_TIMEOUT),
    (VideoFailed, HTTPStatus.BAD_GATEWAY),
    (VmsError, HTTPStatus.BAD_GATEWAY),
)
"""The status of each kind of error: of the first one in this list that it is."""
_CODES = {
    HTTPStatus.BAD_REQUEST: RequestInvalid.code,
    HTTPStatus.UNAUTHORIZED: Unauthenticated.code,
    HTTPStatus.FORBIDDEN: RequestForbidden.code,
    HTTPStatus.NOT_FOUND: NotFound.code,
    HTTPStatus.METHOD_NOT_ALLOWED: "method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "content_type",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "range",
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests.code,
}
"""The code of what aiohttp itself refuses."""
_DETAILS = {
    HTTPStatus.NOT_FOUND: "the API has nothing there",
    HTTPStatus.METHOD_NOT_ALLOWED: "that can't be done there",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is no JSON by its Content-Type, which has to be application/json",
}
_KEPT_HEADERS = (hdrs.ALLOW, hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE)


def status_of(error: BridgeError) -> HTTPStatus:
    """Return the status by which an error is answered."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(error: BridgeError, status: int | None = None) -> web.Response:
    """Return the answer that tells of an error; what a defect says of itself is for the log."""
    status = status_of(error) if status is None else status
    is_defect = isinstance(error, BackendDefect)
    said = Problem(
        title=_title(status),
        status=status,
        detail=f"internal error: {error.kind}" if isinstance(error, BackendDefect) else str(error),
        code=error.code,
        hint=None if is_defect or not error.hint else error.hint,
        mistakes=_mistakes(error),
    )
    return _answer(said, _headers(error))


def defect() -> web.Response:
    """Return the answer that tells of a mistake in the program, and nothing about it."""
    return problem(BridgeError("an internal error", hint="the bridge's log says more"), HTTPStatus.INTERNAL_SERVER_ERROR)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the answer that tells of what is refused by this status."""
    try:
        known: HTTPStatus | None = HTTPStatus(status)
    except ValueError:
        known = None
    said = Problem(
        title=_title(status),
        status=status,
        detail=_DETAILS.get(known, _title(status).lower()) if known else "refused",
        code=_CODES.get(known, RequestError.code) if known else RequestError.code,
    )
    return _answer(said, headers or {})


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever goes wrong within: the border at which a request's errors end."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return of_status(error.status, {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers})
    except BridgeError as error:
        if status_of(error) is HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOGGER.warning("%s could not be served: %s", _where(request), error)
        return problem(error)
    except ConnectionError:
        raise  # the client has gone: there is nobody to answer
    except Exception:
        _LOGGER.exception("%s failed in an unforeseen way", _where(request))
        return defect()


def _answer(said: Problem, headers: Mapping[str, str]) -> web.Response:
    answer = web.Response(body=encode(said), status=said.status, headers=headers, content_type=CONTENT_TYPE)
    answer.headers[hdrs.CACHE_CONTROL] = "no-store"
    return answer


def _headers(error: BridgeError) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return {hdrs.WWW_AUTHENTICATE: "Bearer"}
        case TooManyRequests(retry_after_s=seconds):
            return {hdrs.RETRY_AFTER: str(max(1, math.ceil(seconds)))}
        case MediaBusy() | SearchBusy() | ReceiverBusy():
            return {hdrs.RETRY_AFTER: "1"}
        case RangeUnsatisfiable(length=length) | NoSuchPart(length=length):
            return {hdrs.CONTENT_RANGE: f"bytes */{length}"}
        case _:
            return {}


def _mistakes(error: BridgeError) -> tuple[Mistake, ...]:
    found = error.mistakes if isinstance(error, RequestInvalid) else ()
    return tuple(Mistake(field=field, reason=reason) for field, reason in found)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _where(request: web.Request) -> str:
    """Return which route it was: a path may hold anything."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else 'something unknown'}"
