"""What becomes of a request: an answer read within bounds, or an error of ours for each of aiohttp's and of the bridge's."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import hdrs
from aiohttp.http import HttpProcessingError
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads
from multidict import CIMultiDict

from .errors import (
    BadAddress,
    BridgeError,
    Busy,
    CannotConnect,
    CertificateChanged,
    CertificateUntrusted,
    ConnectionLost,
    Misdirected,
    NotABridge,
    NotAllowed,
    NotFound,
    PairingClosed,
    PairingCodeWrong,
    PairingRefused,
    Refused,
    TokenRefused,
    Unanswered,
)
from .models import JsonObject, an_object

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVED = frozenset({200, 206, 304, 416})
"""The statuses of a picture or clip that whoever has asked for it understands."""
MOST_BYTES = 16 * 1024 * 1024
"""What an answer may have: a thousand monitors with their states, and a page of a thousand events, have a tenth of that."""
MOST_PROBLEM_BYTES = 256 * 1024
MOST_LINE_BYTES = 64 * 1024
LONGEST_PAUSE_S = 3_600.0
_LONGEST_TEXT = 500
_LEAST_AHEAD_S = 2.0
_PROXY_FAILED = frozenset({502, 503, 504})
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[BridgeError], str], ...] = (
    ((aiohttp.ClientSSLError, ssl.SSLError), CannotConnect, "{place} does not speak TLS as it should: {reason}"),
    (aiohttp.InvalidURL, BadAddress, "{place} is no address"),
    (aiohttp.ConnectionTimeoutError, CannotConnect, "{place} is not reached in time"),
    (TimeoutError, Unanswered, "{place} does not answer in time"),
    (aiohttp.ClientResponseError, NotABridge, "{place} does not speak HTTP as it should"),
    (aiohttp.ClientConnectorError, CannotConnect, "{place} can't be reached: {reason}"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), ConnectionLost, "{place} broke off: {reason}"),
    ((aiohttp.ClientConnectionError, OSError), CannotConnect, "{place} can't be reached: {reason}"),
    (Exception, CannotConnect, "{place} can't be asked: {reason}"),
)
"""What each of aiohttp's errors is: the first one of these that it is."""


async def read_json(response: aiohttp.ClientResponse, place: str, within_s: float, most: int | None = None) -> JsonObject:
    """Return the JSON object that an answer of `most` bytes is, empty where there is no content. Raises BridgeError."""
    raw = await _whole(response, place, within_s, MOST_BYTES if most is None else most)
    if response.status == 204 and not raw:
        return {}
    return an_object(load(raw, place), "the answer")


async def read_line(response: aiohttp.ClientResponse, place: str, silence_s: float) -> JsonObject | None:
    """Return the next line of an answer in lines of JSON objects, None at the end. Raises BridgeError."""
    try:
        async with asyncio.timeout(silence_s):
            while (line := await response.content.readline()) and not line.strip():
                pass
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
        raise _broken_off(error, place) from None
    if len(line) > MOST_LINE_BYTES:
        raise NotABridge(f"{place} says too much at a time")
    return an_object(load(line, place), "a line of the answer") if line else None


def load(raw: bytes | str, place: str) -> Any:  # noqa: ANN401 - JSON
    """Return what JSON says. Raises NotABridge."""
    try:
        return json_loads(raw)
    except ValueError, RecursionError:
        raise NotABridge(f"{place} says what is no JSON") from None


def clock_ahead_s(date: str | None) -> float:
    """Return how many seconds whoever sends that `Date` is ahead of us; 0 for less than can be told, or where it is none."""
    try:
        said = parsedate_to_datetime(date or "")
    except ValueError, TypeError, IndexError, OverflowError:
        return 0.0
    ahead_s = (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() - dt_util.utcnow().timestamp()
    return ahead_s if abs(ahead_s) >= _LEAST_AHEAD_S else 0.0


def failure_of(error: Exception, place: str) -> BridgeError:
    """Return what went wrong before there was an answer."""
    match error:
        case aiohttp.ServerFingerprintMismatch():
            return CertificateChanged(f"{place} shows another certificate than the one that is pinned", error.got.hex())
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return CertificateUntrusted(f"the certificate of {place} is not trusted: {_reason(error)}", None)
        case aiohttp.WSServerHandshakeError():
            return _shut(error, place)
    made, words = next((made, words) for kinds, made, words in _FAILURES if isinstance(error, kinds))
    return made(words.format(place=place, reason=_reason(error)))


async def refusal_of(response: aiohttp.ClientResponse, place: str, within_s: float) -> BridgeError:
    """Return what an answer says that is not the one that was asked for (RFC 9457)."""
    status = response.status
    if 300 <= status < 400:
        return NotABridge(f"{place} leads elsewhere ({status}), where nobody goes")
    try:
        problem = await read_json(response, place, within_s, MOST_PROBLEM_BYTES)
    except BridgeError:
        problem = {}
    code = _said(problem, "code")
    if code is None:  # so it is no bridge's answer: a proxy's before it, say
        if status in _PROXY_FAILED:
            return CannotConnect(f"what is in front of {place} does not reach the bridge ({status})")
        return NotABridge(f"{place} answers {status}, as no bridge does")
    return _refusal(status, code, problem, response.headers, place)


def _refusal(status: int, code: str, problem: JsonObject, headers: Mapping[str, str], place: str) -> BridgeError:
    detail, hint = _said(problem, "detail") or f"{place} answers {status}", _said(problem, "hint")
    if status == 429 or (status == 503 and hdrs.RETRY_AFTER in headers):
        return Busy(detail, _pause(headers), code=code, hint=hint)
    if status == 403 and (refused := _pairing(code, detail)) is not None:
        return refused(detail, code=code, hint=hint)
    kinds: dict[int, type[BridgeError]] = {
        401: TokenRefused,
        403: NotAllowed,
        404: NotFound,
        421: Misdirected,
        504: Unanswered,
    }
    if status in kinds:
        return kinds[status](detail, code=code, hint=hint)
    return Refused(detail, code=code, hint=hint, fields=_fields(problem))


def _pairing(code: str, detail: str) -> type[PairingRefused] | None:
    """Return which refusal of pairing it is, None where it is none; an older bridge tells them apart by its words only."""
    match code:
        case "pairing_closed":
            return PairingClosed
        case "wrong_code":
            return PairingCodeWrong
        case "pairing":
            return PairingCodeWrong if "wrong" in detail else PairingClosed if "closed" in detail else PairingRefused
        case _:
            return PairingRefused if code.startswith("pairing") else None


def _shut(error: aiohttp.WSServerHandshakeError, place: str) -> BridgeError:
    """Return why no WebSocket was opened."""
    status, headers = error.status, CIMultiDict(error.headers or {})
    if status in {429, 503} and hdrs.RETRY_AFTER in headers:
        return Busy(f"{place} has too much to do", _pause(headers))
    if status == 421:
        return Misdirected(f"{place} does not know that this is its address")
    if status in _PROXY_FAILED:
        return CannotConnect(f"{place} opens no WebSocket ({status})")
    return NotABridge(f"{place} opens no WebSocket ({status})")


async def _whole(response: aiohttp.ClientResponse, place: str, within_s: float, most: int) -> bytes:
    whole = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in response.content.iter_any():
                whole += piece
                if len(whole) > most:
                    raise NotABridge(f"{place} answers more than {most} bytes")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _broken_off(error, place) from None
    return bytes(whole)


def _broken_off(error: Exception, place: str) -> BridgeError:
    if isinstance(error, TimeoutError):
        return Unanswered(f"{place} does not go on in time")
    if isinstance(error, HttpProcessingError | ValueError) and not isinstance(error, aiohttp.ClientError):
        return NotABridge(f"{place} says too much at a time")
    return ConnectionLost(f"{place} broke off: {_reason(error)}")


def _said(problem: JsonObject, name: str) -> str | None:
    said = problem.get(name)
    return said[:_LONGEST_TEXT] if isinstance(said, str) and said else None


def _fields(problem: JsonObject) -> frozenset[str]:
    mistakes = problem.get("mistakes")
    said = [each.get("field") for each in mistakes if isinstance(each, dict)] if isinstance(mistakes, list) else []
    return frozenset(field[:_LONGEST_TEXT] for field in said if isinstance(field, str))


def _pause(headers: Mapping[str, str]) -> float:
    said = headers.get(hdrs.RETRY_AFTER, "").strip()
    return min(float(said), LONGEST_PAUSE_S) if said.isascii() and said.isdigit() and len(said) < 10 else 1.0


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:_LONGEST_TEXT]
