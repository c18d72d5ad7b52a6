"""One HTTP connection to a ZoneMinder: the only place that knows aiohttp, and where its errors become ours.

Used for one attempt and thrown away. No message ever holds a URL's query: that is where the token is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from vms_bridge.backends.zoneminder.auth import Authenticator
from vms_bridge.backends.zoneminder.parse import as_text, mapping
from vms_bridge.errors import VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.clock import Clock

_LOG = logging.getLogger(__name__)
JSON_LIMIT_BYTES = 32 * 1024 * 1024
CONNECTIONS = 4
_CHUNK_BYTES = 256 * 1024
# A second login can't mend a refusal that comes this soon after the first.
_FRESH_TOKEN_S = 30.0
_SECRETS = re.compile(r"(?i)\b(token|auth|pass|password|access_token|refresh_token)=[^&\s\"']*|eyJ[\w-]+\.[\w-]+\.[\w-]+")


class PermissionMissing(VmsAuthFailed):
    """The login is good, but this user may not do this."""


class TimedOut(VmsUnreachable):
    """No answer in time; what was asked for may have been done all the same."""


class GatewayFailed(VmsProtocolError):
    """What stands before ZoneMinder gave up on it (HTTP 502, 503, 504); what was asked for may have been done all the same."""


class NotThere(VmsProtocolError):
    """ZoneMinder has no such thing (HTTP 404)."""


class Api:
    """Requests below one ZoneMinder's portal, authenticated and bounded; use as an async context manager."""

    def __init__(self, config: ZoneMinderConfig, clock: Clock) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self.auth = Authenticator(config.username, config.password, self._login, clock)
        self.requests = 0

    async def __aenter__(self) -> Self:
        ssl_option = await asyncio.to_thread(ssl_choice, self._config)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl_option, limit=CONNECTIONS),
            # A session cookie would make PHP handle our requests one after the other.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._config.timeout, sock_connect=min(5.0, self._config.timeout)),
            headers={"Accept": "application/json, image/jpeg"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

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
        except (PermissionMissing, VmsAuthFailed) as error:
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
        if self._session is None or self._session.closed:
            raise VmsUnreachable("the connection is not open")
        self.requests += 1
        timeout = None if timeout_s is None else aiohttp.ClientTimeout(total=timeout_s)
        encoded = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items())
        # Already encoded: yarl would turn `%2B` and `%3A` of names back into what Cake reads otherwise.
        target = URL(f"{url}?{encoded}" if encoded else url, encoded=True)
        where = urlsplit(url).path
        async with (
            _translated(where, urlsplit(url).netloc),
            self._session.request(
                method, target, data=form, allow_redirects=False, timeout=timeout or self._session.timeout
            ) as response,
        ):
            body = await _bounded(response, limit_bytes, where)
            if response.status in {301, 302, 303, 307, 308}:
                raise _redirected(where, response.headers.get("Location", ""))
            return response.status, body, response.content_type


def ssl_choice(config: ZoneMinderConfig) -> ssl.SSLContext | aiohttp.Fingerprint | bool:
    """Return how aiohttp is to check the server's certificate; reads files. Raises VmsError."""
    if config.fingerprint is not None:
        return aiohttp.Fingerprint(bytes.fromhex(config.fingerprint))
    if config.ca_file is not None:
        try:
            return ssl.create_default_context(cafile=str(config.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise VmsUnreachable(
                f"ca_file: {config.ca_file} can't be used: {error}", hint="it must be a readable PEM file"
            ) from error
    return config.verify_tls


def segments(*parts: tuple[str, str]) -> str:
    """Return CakePHP's named path segments, such as `Id >:5/MonitorId:1`, encoded."""
    return "/".join(f"{quote(name, safe='')}:{quote(value, safe='')}" for name, value in parts)


def redacted(text: str) -> str:
    """Return the text without tokens and passwords, and no longer than a line or two."""
    return _SECRETS.sub("<secret>", text)[:300]


def _with_token(query: Mapping[str, str], token: str | None) -> Mapping[str, str]:
    return query if token is None else {**query, "token": token}


def _is_about_permission(body: bytes) -> bool:
    return b"nsufficient" in body[:2000]


async def _bounded(response: aiohttp.ClientResponse, limit_bytes: int, where: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit_bytes:
            raise VmsProtocolError(f"{where} answered more than {limit_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


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
    if status == 401:
        return VmsAuthFailed("the web server itself wants a login", hint="the bridge needs direct access to ZoneMinder's API")
    if status == 404:
        return NotThere(
            f"api/{path} is not there (HTTP 404)",
            hint="url: must be ZoneMinder's web address, such as http://host/zm, and its /api must be served",
        )
    if status < 400 and (b"<" in body[:200] or "html" in content_type):
        return VmsProtocolError(
            f"api/{path} answered a web page instead of JSON",
            hint="turn on OPT_USE_API under Options > System, and check the web server's rewrite rules for /api",
        )
    if status >= 500:
        return VmsProtocolError(f"api/{path} failed with HTTP {status}", hint="look at the web server's error log")
    return VmsProtocolError(f"api/{path} answered what is no JSON (HTTP {status})", hint="look at the web server's error log")


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
    return VmsProtocolError(f"{name}: {what}" if name else what, hint="look at ZoneMinder's and the web server's logs")


def _redirected(where: str, location: str) -> VmsError:
    target = urlsplit(location)
    if "view=login" in target.query:
        return VmsAuthFailed(f"{where} wants a login", hint="the user may lack the permission to view this")
    place = redacted(f"{target.scheme}://{target.hostname}{target.path}" if target.hostname else target.path)
    return VmsProtocolError(f"{where} redirects to {place}", hint="set url: to the address that ZoneMinder is really served at")


@asynccontextmanager
async def _translated(where: str, host: str) -> AsyncIterator[None]:
    """Turn what aiohttp raises into ours, most specific first."""
    try:
        yield
    except aiohttp.ServerFingerprintMismatch as error:
        raise VmsUnreachable(
            f"{host} shows another certificate than the pinned one: its SHA-256 is {error.got.hex()}",
            hint="if the certificate was renewed on purpose, set fingerprint: to this value",
        ) from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise VmsUnreachable(
            f"{host} has a certificate that can't be trusted: {error.__cause__ or type(error).__name__}",
            hint="set ca_file:, or fingerprint: to the SHA-256 that `vms-bridge check` shows",
        ) from None
    except TimeoutError:
        raise TimedOut(f"{where} on {host} did not answer in time", hint="is ZoneMinder overloaded?") from None
    except aiohttp.ClientConnectorError as error:
        # asyncio writes its own words in the place of the system's.
        number = error.os_error.errno
        reason = os.strerror(number).lower() if number and number > 0 else error.os_error.strerror or error.os_error
        raise VmsUnreachable(
            f"no connection to {host}: {reason}", hint="check url:, and whether ZoneMinder's host and its web server are up"
        ) from None
    except aiohttp.ClientPayloadError:
        raise VmsProtocolError(f"{where} broke off in the middle of its answer") from None
    except aiohttp.ClientResponseError as error:
        raise VmsProtocolError(f"{where} did not answer in proper HTTP: {redacted(str(error.message))}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise VmsUnreachable(
            f"{host} closed the connection ({type(error).__name__})", hint="look at the web server's error log"
        ) from None
    except (aiohttp.http.HttpProcessingError, ValueError) as error:
        raise VmsProtocolError(f"{where} can't be asked: {type(error).__name__}") from None
