"""The border to HTTP that backends and libraries share: the only place that knows aiohttp, and where its errors become ours.

A client is used for one attempt and thrown away. It follows no redirect, so that nothing meant for one host gets to another,
and distinguishes what the server itself says from what is in front of it. No message ever holds a URL's query: tokens are there.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from vms_bridge.concealment import Secrets
from vms_bridge.errors import (
    BrokeOff,
    ConnectionClosed,
    GateClosed,
    Redirected,
    TimedOut,
    TooLarge,
    VmsProtocolError,
    VmsUnreachable,
)
from vms_bridge.tls import Failure, UnusableFile, client_context, explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.doors import HttpOptions
    from vms_bridge.http_resolving import CheckedResolver

CONNECTIONS = 4
_CONNECT_S = 5.0
_QUOTED_AT_MOST = 100_000
_CHUNK_BYTES = 256 * 1024
_REFUSAL_BYTES = 64 * 1024
"""So much is read of an answer that is no picture or clip, to see who gave it."""
_GZIP = 31  # zlib: the largest window, and gzip's own head
_SECRETS = re.compile(
    r"(?i)\b(token|auth|pass|password|access_token|refresh_token)=[^&\s\"']*|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=://)[^/\s\"']{1,200}@"
)
"""Tokens, passwords, and the logins that stand in the addresses of cameras."""
_PORTS = {"http": 80, "https": 443}
_SCHEMES = re.compile(r"(?i)(?:^|,)\s*(basic|digest|negotiate|ntlm)\b")
_REALM = re.compile(r'(?i)\brealm="?([^",]{1,60})')
_PORTAL = re.compile(
    r"(?i)(?:^|[/.])(?:log[-_]?[io]n|sign[-_]?in|sso|oauth2?|auth|authelia|authentik|authorize|goauthentik|cdn-cgi/access)(?=[/.]|$)"
)
"""What the addresses of login portals have in their host or path."""
_PASSWORD_FIELD = re.compile(rb"(?i)<input[^>]{0,300}type\s*=\s*[\"']?password")
_PLAIN_TO_TLS = re.compile(
    rb"(?i)plain HTTP request was sent to HTTPS|speaking plain HTTP to an SSL|HTTP request to an HTTPS server"
)
"""What nginx, Apache and servers in Go say of it."""
_LET_IN = "have it let the bridge in by HTTP basic authentication (http_username:, http_password:)"
_DIRECT = "or set url: to an address that leads past it"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    content_type: str
    date: datetime | None = None
    """When it was given, by the server's clock; None where it does not say, or the answer comes from a cache."""
    retry_after_s: float | None = None
    """After how many seconds it wants to be asked again, None where it does not say."""


class HttpClient:
    """Requests to one configured server and, without its login, to others; use as an async context manager.

    `resolver` keeps what others have named from leading where nobody may go.
    """

    def __init__(
        self,
        options: HttpOptions,
        timeout_s: float,
        accept: str,
        *,
        name: str,
        secrets: Secrets | None = None,
        connections: int = CONNECTIONS,
        resolver: CheckedResolver | None = None,
    ) -> None:
        self._options, self._timeout_s, self._accept, self._name = options, timeout_s, accept, name
        self._connections, self._resolver = connections, resolver
        self.secrets = Secrets.of(options) if secrets is None else secrets
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None
        self._login = options.authorization

    async def __aenter__(self) -> Self:
        if self._options.url.startswith("https:"):
            self._tls = await self._context()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, resolver=self._resolver),
            # A session cookie would make PHP handle our requests one after the other.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(_CONNECT_S, self._timeout_s)),
            headers={"Accept": self._accept, "Accept-Encoding": "gzip"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit_bytes: int,
        form: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask at a URL that is encoded already, and return the whole answer. Raises VmsError.

        What is sent is a form, or a body of any kind that `headers` say; a body in pieces needs its length there.
        """
        where, host = _place(url)
        session, tls = await self._ready(url)
        login = self._login_for(url)
        data, sent = form if body is None else body, {**(headers or {}), **login}
        timeout = session.timeout if timeout_s is None else aiohttp.ClientTimeout(total=timeout_s)
        async with (
            self._translated(where, host),
            session.request(
                method, _encoded(url), data=data, headers=sent, allow_redirects=False, timeout=timeout, ssl=tls
            ) as response,
        ):
            given = await _bounded(response, limit_bytes, where)
            self._examine(response, given, where, has_login=bool(login))
            return Answer(response.status, given, response.content_type, _date(response), _retry_after_s(response))

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        """GET at a URL that is encoded already; the answer, or each piece of it, may take that long. Raises VmsError.

        Whoever gets it closes it. What is not what was asked for, by its status, has been looked at already.
        """
        where, host = _place(url)
        session, tls = await self._ready(url)
        login = self._login_for(url)
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_S, limit_s), sock_read=limit_s)
        # Parts of what is packed can't be had, and pictures and clips are packed already.
        sent = {"Accept": "*/*", "Accept-Encoding": "identity", **headers, **login}
        async with self._translated(where, host):
            response = await session.get(_encoded(url), headers=sent, allow_redirects=False, timeout=timeout, ssl=tls)
        stream = Stream(response, partial(self._translated, where, host))
        try:
            await self._look_at(response, where, host, has_login=bool(login))
        except BaseException:
            stream.close()
            raise
        return stream

    async def _look_at(self, response: aiohttp.ClientResponse, where: str, host: str, *, has_login: bool) -> None:
        """Raise if this is no answer that can be read piece by piece, as far as its head tells."""
        if response.status not in {200, 206}:
            async with self._translated(where, host):
                body = await response.content.read(_REFUSAL_BYTES)
            self._examine(response, body, where, has_login=has_login)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise VmsProtocolError(f"{where} answered in a coding that was not asked for ({coding[:20]})")

    async def _ready(self, url: str) -> tuple[aiohttp.ClientSession, ssl.SSLContext | bool]:
        """Return what is needed to ask there. Raises VmsUnreachable."""
        session = self._session
        if session is None or session.closed:
            raise _not_open()
        if self._resolver is not None:
            self._resolver.check(urlsplit(url).hostname or "")
        if self._tls is None and url.startswith("https:"):
            self._tls = await self._context()
        return session, self._tls or True

    @property
    def _is_open(self) -> bool:
        return self._session is not None and not self._session.closed

    def _login_for(self, url: str) -> dict[str, str]:
        """Return the header with the HTTP login, which is for the configured server only."""
        is_own = _origin(url) == _origin(self._options.url)
        return {"Authorization": self._login} if self._login is not None and is_own else {}

    def quoted(self, text: str, *, longest: int = 300) -> str:
        """Return what somebody else has said without secrets, and no longer than a line or two, or than that."""
        return _SECRETS.sub("<secret>", self.secrets.strike_foreign(text[:_QUOTED_AT_MOST]))[:longest]

    def login_page(self, where: str, body: bytes) -> GateClosed | None:
        """Return what to raise where a page with a field for a password came in the place of something else."""
        if _PASSWORD_FIELD.search(body[:200_000]) is None:
            return None
        return GateClosed(
            f"{where} answered the login page of a proxy or web server",
            hint=f"{_LET_IN} or a client certificate, {_DIRECT}",
        )

    async def _context(self) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(client_context, self._options)
        except UnusableFile as error:
            raise VmsUnreachable(str(error), hint=error.hint) from error

    def _examine(self, response: aiohttp.ClientResponse, body: bytes, where: str, *, has_login: bool) -> None:
        """Raise if this is not the server's own answer, but that of something before it."""
        status, host = response.status, response.url.raw_host or ""
        if status in {401, 407}:
            challenge = ", ".join(response.headers.getall("WWW-Authenticate" if status == 401 else "Proxy-Authenticate", []))
            self._examine_challenge(host, status, challenge, has_login=has_login)
        if status in {301, 302, 303, 307, 308}:
            raise self._redirected(where, host, response.headers.get("Location", ""))
        if status == 400 and b"SSL certificate" in body[:2000]:
            raise _certificate_wanted(host, is_shown=self._options.client_certificate is not None)
        if status == 400 and _PLAIN_TO_TLS.search(body[:2000]):
            raise VmsProtocolError(f"{host} speaks HTTPS at this port", hint="write https:// in url:")

    def _examine_challenge(self, host: str, status: int, challenge: str, *, has_login: bool) -> None:
        schemes = [scheme.lower() for scheme in _SCHEMES.findall(challenge)]
        if not schemes:
            return
        realm = _REALM.search(challenge)
        named = f", realm {self.quoted(realm[1])!r}" if realm and realm[1].isprintable() else ""
        said = f"HTTP {status}{named}"
        if "basic" not in schemes:
            raise GateClosed(
                f"the web server or proxy at {host} wants a login by {schemes[0]} ({said})",
                hint=f"have it offer HTTP basic authentication, for http_username: and http_password:, {_DIRECT}",
            )
        if has_login:
            raise GateClosed(
                f"the web server or proxy at {host} refuses this user and password ({said})",
                hint="check http_username: and http_password:",
            )
        hint = "set http_username: and http_password: to a user that it knows"
        if self._login is not None:
            hint = "http_username: is sent to the host of url: only; let this one's address through without a login"
        raise GateClosed(f"the web server or proxy at {host} wants a login of its own ({said})", hint=f"{hint}, {_DIRECT}")

    def _redirected(self, where: str, host: str, location: str) -> VmsProtocolError | GateClosed:
        """Distinguish a proxy's redirect to its login from a server that has moved."""
        try:
            target = urlsplit(location)
            elsewhere = target.hostname
        except ValueError:
            return Redirected(
                f"{where} redirects to an address that is none", hint="look at the web server's configuration", location=""
            )
        place = self.quoted(f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}" if elsewhere else target.path)
        is_elsewhere = elsewhere not in {None, host}
        leads_back = is_elsewhere and host in unquote(unquote(target.query))
        own_path = urlsplit(self._options.url).path
        inside = f"{elsewhere}{target.path}" if is_elsewhere else target.path.removeprefix(own_path)
        if leads_back or _PORTAL.search(inside):
            return GateClosed(
                f"{where} is sent to a login at {place}",
                hint=f"{_LET_IN}, {_DIRECT}",
            )
        hint = f"set url: to the address that it is really served at; this leads to {place}"
        return Redirected(f"{where} redirects to {place}", hint=hint, location=location)

    @asynccontextmanager
    async def _translated(self, where: str, host: str) -> AsyncIterator[None]:
        """Turn what aiohttp raises into ours, most specific first."""
        try:
            yield
        except asyncio.CancelledError:
            if self._is_open or _is_cancelled():
                raise
            raise _not_open() from None  # so aiohttp ends who waits for a free connection
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise _no_tls(host, explain(error.__cause__ or error, self._options, "http")) from None
        except TimeoutError:
            raise TimedOut(f"{where} on {host} did not answer in time", hint=f"is {self._name} overloaded?") from None
        except aiohttp.ClientConnectorError as error:
            # asyncio writes its own words in the place of the system's.
            number = error.os_error.errno
            reason = os.strerror(number).lower() if number and number > 0 else error.os_error.strerror or error.os_error
            raise VmsUnreachable(
                f"no connection to {host}: {reason}",
                hint=f"check url:, and whether {self._name}'s host and its web server are up",
            ) from None
        except aiohttp.ClientPayloadError:
            raise BrokeOff(f"{where} broke off in the middle of its answer") from None
        except aiohttp.ClientResponseError as error:
            raise VmsProtocolError(f"{where} did not answer in proper HTTP: {self.quoted(str(error.message))}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _closed(host, error, self._options) from None
        except (aiohttp.http.HttpProcessingError, ValueError) as error:
            raise VmsProtocolError(f"{where} can't be asked: {type(error).__name__}") from None


class Stream:
    """An answer that is read piece by piece; whoever has it closes it."""

    def __init__(self, response: aiohttp.ClientResponse, translated: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._response, self._translated = response, translated
        self.status, self.content_type = response.status, response.content_type
        self.length = response.content_length
        """How many bytes are to come, None where that is not told."""
        self.content_range = response.headers.get("Content-Range")

    async def read(self) -> bytes:
        """Return what has come, 256 KB at most, as soon as there is something; nothing at the end. Raises VmsError."""
        async with self._translated():
            try:
                return await self._response.content.read(_CHUNK_BYTES)
            except RuntimeError:  # what aiohttp says where it was closed from this side
                raise ConnectionClosed("the connection was closed while it was read") from None

    def close(self) -> None:
        """Let go of it, and of its connection if there was more to come."""
        self._response.close()


def _place(url: str) -> tuple[str, str]:
    """Return where one asks, for people: path and host."""
    parts = urlsplit(url)
    return parts.path, parts.netloc.rpartition("@")[2]


def _encoded(url: str) -> URL:
    # Already encoded: yarl would turn `%2B` and `%3A` of names back into what Cake reads otherwise.
    return URL(url, encoded=True)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _date(response: aiohttp.ClientResponse) -> datetime | None:
    if response.headers.get("Age", "0").strip() != "0":
        return None
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    """Return what `Retry-After` says: seconds, or a time by the server's own clock."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        date = _date(response)
        return None if date is None else max(0.0, (until - date).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


async def _bounded(response: aiohttp.ClientResponse, limit_bytes: int, where: str) -> bytes:
    """Return the body, unpacked by ourselves: a few kilobytes may stand for gigabytes. Raises TooLarge."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in _unpacked(response, where):
        size += len(chunk)
        if size > limit_bytes:
            raise TooLarge(f"{where} answered more than {limit_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def _unpacked(response: aiohttp.ClientResponse, where: str) -> AsyncIterator[bytes]:
    coding = response.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
    if coding == "identity":
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk
        return
    if coding not in {"gzip", "x-gzip"}:
        raise VmsProtocolError(f"{where} answered in a coding that was not asked for ({coding[:20]})")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            packed = chunk
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _CHUNK_BYTES)
                packed = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error:
        raise VmsProtocolError(f"{where} answered what can't be unpacked") from None
    if not unpacker.eof:
        raise BrokeOff(f"{where} broke off in the middle of its answer")


def _certificate_wanted(host: str, *, is_shown: bool) -> GateClosed:
    if is_shown:
        hint = "was it signed by the authority that the server asks for, and is it still valid?"
        return GateClosed(f"{host} does not accept the certificate of client_certificate:", hint=hint)
    return GateClosed(f"{host} wants a client certificate", hint="set client_certificate: and client_key:")


def _is_cancelled() -> bool:
    """Say whether somebody has cancelled this task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _not_open() -> VmsUnreachable:
    return VmsUnreachable("the connection is not open")


def _closed(host: str, error: Exception, options: HttpOptions) -> VmsUnreachable:
    if "[SSL:" in str(error):  # by TLS 1.3 a server refuses our certificate only when the handshake is over
        return _no_tls(host, explain(_as_ssl_error(error), options, "http"))
    hint = "look at the web server's error log"
    if options.url.startswith("https:") and options.client_certificate is None:
        hint = f"{hint}; if it wants a client certificate, set client_certificate: and client_key:"
    return ConnectionClosed(f"{host} closed the connection ({type(error).__name__})", hint=hint)


def _no_tls(host: str, failure: Failure) -> VmsUnreachable:
    what = "has a certificate that can't be trusted" if failure.is_certificate else "and the bridge find no common TLS"
    return VmsUnreachable(f"{host} {what}: {failure.what}", hint=failure.hint)


def _as_ssl_error(error: Exception) -> ssl.SSLError:
    """Return what aiohttp has made an error of its own from."""
    text = str(error)
    found = re.search(r"\[SSL: (\w+)", text)
    lost = ssl.SSLError(1, text)
    lost.reason = found[1] if found else text
    return lost
