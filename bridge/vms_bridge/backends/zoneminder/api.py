"""One HTTP connection to a ZoneMinder: its API's paths, tokens and ways to say no.

Used for one attempt and thrown away. No message ever holds a URL's query: that is where the token is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from vms_bridge.backends.http import GateClosed, HttpClient, Redirected, login_page, redacted
from vms_bridge.backends.zoneminder.auth import Authenticator
from vms_bridge.backends.zoneminder.parse import as_text, mapping
from vms_bridge.errors import VmsAuthFailed, VmsError, VmsProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.clock import Clock

JSON_LIMIT_BYTES = 32 * 1024 * 1024
# A second login can't mend a refusal that comes this soon after the first.
_FRESH_TOKEN_S = 30.0


class PermissionMissing(VmsAuthFailed):
    """The login is good, but this user may not do this."""


class ServerFailed(VmsProtocolError):
    """ZoneMinder failed at this question (HTTP 5xx); it may do better the next time."""


class GatewayFailed(ServerFailed):
    """What stands before ZoneMinder gave up on it (HTTP 502, 503, 504); what was asked for may have been done all the same."""


class NotThere(VmsProtocolError):
    """ZoneMinder has no such thing (HTTP 404)."""


class Api:
    """Requests below one ZoneMinder's portal, authenticated and bounded; use as an async context manager."""

    def __init__(self, config: ZoneMinderConfig, clock: Clock) -> None:
        self._config = config
        self._http = HttpClient(config, config.timeout, "application/json, image/jpeg", name="ZoneMinder")
        self.auth = Authenticator(config.username, config.password, self._login, clock)
        self.requests = 0

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, timeout_s: float | None = None, at: str | None = None
    ) -> object:
        """GET `api/<path>.json` and return its JSON; `at` is another server's API. Raises VmsError."""
        return await self._json("GET", path, query or {}, timeout_s=timeout_s, at=at)

    async def post(self, path: str, form: Mapping[str, str], *, timeout_s: float | None = None) -> object:
        """POST a form to `api/<path>.json` and return its JSON. Raises VmsError."""
        return await self._json("POST", path, {}, form=form, timeout_s=timeout_s)

    async def get_without_token(self, path: str) -> object:
        """GET without logging in, to see whether the server wants a login at all. Raises VmsError."""
        status, body, content_type = await self._send("GET", self._api(path), {})
        return _decoded(path, status, body, content_type)

    async def fetch(self, url: str, query: Mapping[str, str], limit_bytes: int) -> tuple[int, str, bytes]:
        """GET anything on this server with the token: status, content type, body. Raises VmsError."""
        token = await self.auth.token()
        status, body, content_type = await self._send("GET", url, _with_token(query, token), limit_bytes=limit_bytes)
        if status in {401, 403} and token is not None:
            await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S)
            query = _with_token(query, await self.auth.token())
            status, body, content_type = await self._send("GET", url, query, limit_bytes=limit_bytes)
        return status, content_type, body

    async def _login(self, form: Mapping[str, str]) -> object:
        path = "host/login"
        status, body, content_type = await self._send("POST", self._api(path), {}, form=form)
        try:
            return _decoded(path, status, body, content_type)
        except GateClosed:
            raise
        except VmsAuthFailed as error:
            raise VmsAuthFailed(
                f"ZoneMinder refused the login: {error}",
                hint="check username: and password:, and that the user is enabled and has API access",
            ) from None

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        at: str | None = None,
    ) -> object:
        token = await self.auth.token()
        url = self._api(path) if at is None else f"{at}/{path}.json"
        asked = _with_token(query, token)
        status, body, content_type = await self._send(method, url, asked, form=form, timeout_s=timeout_s)
        # 401 says both "not logged in" and "not allowed": one new login tells them apart.
        in_doubt = status == 401 and token is not None and not _is_about_permission(body)
        if in_doubt and token and await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S):
            asked = _with_token(query, await self.auth.token())
            status, body, content_type = await self._send(method, url, asked, form=form, timeout_s=timeout_s)
        return _decoded(path, status, body, content_type)

    def _api(self, path: str) -> str:
        return f"{self._config.url}/api/{path}.json"

    async def _send(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        limit_bytes: int = JSON_LIMIT_BYTES,
    ) -> tuple[int, bytes, str]:
        self.requests += 1
        encoded = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items())
        target = f"{url}?{encoded}" if encoded else url
        try:
            answer = await self._http.send(method, target, form=form, timeout_s=timeout_s, limit_bytes=limit_bytes)
        except Redirected as error:
            if "view=login" in urlsplit(error.location).query:
                raise VmsAuthFailed(
                    f"{urlsplit(url).path} wants a login", hint="the user may lack the permission to view this"
                ) from None
            raise
        return answer.status, answer.body, answer.content_type


def segments(*parts: tuple[str, str]) -> str:
    """Return CakePHP's named path segments, such as `Id >:5/MonitorId:1`, encoded."""
    return "/".join(f"{quote(name, safe='')}:{quote(value, safe='')}" for name, value in parts)


def _with_token(query: Mapping[str, str], token: str | None) -> Mapping[str, str]:
    return query if token is None else {**query, "token": token}


def _is_about_permission(body: bytes) -> bool:
    return b"nsufficient" in body[:2000]


def _decoded(path: str, status: int, body: bytes, content_type: str) -> object:
    if status in {502, 503, 504}:
        raise GatewayFailed(f"api/{path} failed with HTTP {status}", hint="look at the web server's error log")
    try:
        answer: object = json.loads(body) if body else None
    except (ValueError, RecursionError):
        raise _not_json(path, status, body, content_type) from None
    if status < 400:
        if answer is None:
            raise VmsProtocolError(f"api/{path} answered nothing", hint="look at the web server's error log")
        return answer
    raise _refusal(path, status, answer)


def _not_json(path: str, status: int, body: bytes, content_type: str) -> VmsError:
    where = f"api/{path}"
    if b"zoneminder" not in body.lower() and (gate := login_page(where, body)) is not None:
        return gate
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
    if status < 400 and (b"<" in body[:200] or "html" in content_type):
        return VmsProtocolError(
            f"{where} answered a web page instead of JSON",
            hint="turn on OPT_USE_API under Options > System, and check the web server's rewrite rules for /api",
        )
    if status >= 500:
        return ServerFailed(f"{where} failed with HTTP {status}", hint="look at the web server's error log")
    hint = "look at the web server's error log"
    if status == 403:
        hint = f"{hint}: it or a proxy before ZoneMinder may not let this machine in"
    return VmsProtocolError(f"{where} answered what is no JSON (HTTP {status})", hint=hint)


def _refusal(path: str, status: int, answer: object) -> VmsError:
    data = mapping(mapping(answer).get("data")) or mapping(answer)
    thrown = mapping(data.get("exception"))
    said = redacted(as_text(thrown.get("message")) or as_text(data.get("message")) or as_text(data.get("name")))
    what = f"{said or 'no reason given'} (api/{path}, HTTP {status})"
    if status == 401 and "nsufficient" in said:
        return PermissionMissing(what, hint="give the user this permission in ZoneMinder's Options > Users")
    if status in {401, 403}:
        return VmsAuthFailed(what, hint="check that the user is enabled, has API access and the permissions it needs")
    if status == 404:
        return NotThere(what)
    name = redacted(as_text(thrown.get("class")))
    kind = ServerFailed if status >= 500 else VmsProtocolError
    return kind(f"{name}: {what}" if name else what, hint="look at ZoneMinder's and the web server's logs")
