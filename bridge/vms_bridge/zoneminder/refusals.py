"""What an answer of ZoneMinder's API amounts to: its JSON, or the reason why there is none, in the words of our errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.errors import GateClosed, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.zoneminder.answers import Decoded, NotJson, UnfitJson
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.zoneminder.transport import Answer, Transport

SEARCHED_BYTES = 64 * 1024
DATABASE_HINT = "is its database running? ZoneMinder says nothing at all while it is not"
_LOG_HINT = "look at the web server's error log"
_NO_DATABASE = re.compile(rb"(?i)unable to connect to zm db|SQLSTATE\[HY000\] \[(?:2002|2006|2013|1040)\]")


class PermissionMissing(VmsAuthFailed):
    """The login is good, but this user may not do this."""


class LoginWanted(VmsAuthFailed):
    """ZoneMinder wants a login for a page of its own: the token is good no more, or this user may not see this."""


class ServerFailed(VmsProtocolError):
    """ZoneMinder failed at this question (HTTP 5xx); it may do better the next time."""


class GatewayFailed(ServerFailed):
    """A proxy got no answer from ZoneMinder (HTTP 502, 503, 504); what was asked for may have been done all the same."""


class EmptyAnswer(ServerFailed):
    """ZoneMinder answered this question with nothing, and others in proper words: it can't say this as JSON."""


class DatabaseDown(VmsUnreachable):
    """The web server answers, but ZoneMinder can't get at its database: it has nothing to say about anything."""


class NotThere(VmsProtocolError):
    """ZoneMinder has no such thing (HTTP 404)."""


class AnsweredPage(VmsProtocolError):
    """ZoneMinder answered a question of its API with a web page."""


class WrongValue(VmsProtocolError, ValueError):
    """What was asked for can't be meant; nothing was sent."""


class NotDone(VmsProtocolError):
    """ZoneMinder took a change without a complaint, or with one that says little; reading again shows that it was not made."""


def interpret(path: str, answer: Answer, found: Decoded | NotJson | UnfitJson, transport: Transport) -> Decoded:
    """Return what was found in the answer of `api/<path>`; None for one without a word. Raises VmsError.

    `transport` is what it came by.
    """
    status = answer.status
    if status in {502, 503, 504}:
        raise GatewayFailed(f"api/{path} failed with HTTP {status}", hint=_LOG_HINT)
    if isinstance(found, UnfitJson):
        raise VmsProtocolError(f"api/{path} can't be used: {found}", hint="is it ZoneMinder that answers at url:?")
    if isinstance(found, NotJson):
        raise _not_json(f"api/{path}", answer, transport.quoted(str(found)), transport)
    if status < 400:
        return found
    raise _refusal(path, status, found.value, transport.quoted)


def _not_json(where: str, answer: Answer, complaint: str, transport: Transport) -> VmsError:
    status, body = answer.status, answer.body
    if _NO_DATABASE.search(body[:SEARCHED_BYTES]):
        return DatabaseDown("ZoneMinder can't get at its database", hint=DATABASE_HINT)
    if b"zoneminder" not in body.lower() and (gate := transport.login_page(where, body)) is not None:
        return gate
    if complaint:
        return ServerFailed(f"{where} failed in PHP: {complaint}", hint=_LOG_HINT)
    if status < 400:
        return _page(where, answer)
    if status >= 500:
        return ServerFailed(f"{where} failed with HTTP {status}", hint=_LOG_HINT)
    return _web_server_refusal(where, status)


def _page(where: str, answer: Answer) -> VmsProtocolError:
    if b"<" in answer.body[:200] or "html" in answer.content_type:
        return AnsweredPage(
            f"{where} answered a web page instead of JSON",
            hint="turn on OPT_USE_API under Options > System, and check the web server's rewrite rules for /api",
        )
    return VmsProtocolError(f"{where} answered what is no JSON (HTTP {answer.status})", hint=_LOG_HINT)


def _web_server_refusal(where: str, status: int) -> VmsError:
    if status == 401:
        return GateClosed(
            f"the web server itself, or a proxy before ZoneMinder, wants a login ({where}, HTTP 401)",
            hint="have it let the bridge in by HTTP basic authentication (http_username:, http_password:), by a client"
            " certificate or by its address: the bridge needs to get to ZoneMinder's API",
        )
    if status == 404:
        return NotThere(
            f"{where} is not there (HTTP 404)",
            hint="url: must be ZoneMinder's web address, such as http://host/zm, and its /api must be served",
        )
    hint = f"{_LOG_HINT}: it or a proxy before ZoneMinder may not let this machine in" if status == 403 else _LOG_HINT
    return VmsProtocolError(f"{where} answered what is no JSON (HTTP {status})", hint=hint)


def _refusal(path: str, status: int, answer: object, quoted: Callable[[str], str]) -> VmsError:
    data = mapping(mapping(answer).get("data")) or mapping(answer)
    thrown = mapping(data.get("exception"))
    said = quoted(as_text(thrown.get("message")) or as_text(data.get("message")) or as_text(data.get("name")))
    what = f"{said or 'no reason given'} (api/{path}, HTTP {status})"
    if status == 401 and "nsufficient" in said:
        return PermissionMissing(what, hint="give the user this permission in ZoneMinder's Options > Users")
    if status in {401, 403}:
        return VmsAuthFailed(what, hint="check that the user is enabled, has API access and the permissions it needs")
    if status == 404:
        return NotThere(what)
    name = quoted(as_text(thrown.get("class")))
    kind = ServerFailed if status >= 500 else VmsProtocolError
    return kind(f"{name}: {what}" if name else what, hint="look at ZoneMinder's and the web server's logs")
