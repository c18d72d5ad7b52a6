"""One request of a script to a server outside: to an address that was checked, and to no other; bounded in time and size.

A connection is made for one request and thrown away. No proxy is used, no cookie kept, no redirect followed, nothing unpacked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from vms_bridge import __version__
from vms_bridge.doors import TlsOptions
from vms_bridge.errors import BridgeError
from vms_bridge.http_addresses import refusal
from vms_bridge.http_resolving import as_results, resolve_by_system
from vms_bridge.marks import SCRIPTS_VIA
from vms_bridge.threads import in_thread
from vms_bridge.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from aiohttp.abc import ResolveResult

    from vms_bridge.http_addresses import Address
    from vms_bridge.http_resolving import Resolve
    from vms_bridge.scripts.urls import Url

MOST_ANSWER_BYTES = 4 * 1024 * 1024
MOST_HEADERS = 128
MOST_HEADER_CHARACTERS = 64 * 1024
_CONNECT_S = 5.0


class HttpFailed(BridgeError):
    """No answer, or none that can be used."""

    code = "failed"


class HttpRefused(BridgeError):
    """It leads where no script may go, or this one may not."""

    code = "refused"


class HttpTimedOut(BridgeError):
    """No answer in time; what was asked for may have been done all the same."""

    code = "timeout"


class HttpTooLarge(BridgeError):
    """There is more of it than a script can be given, or may send."""

    code = "too_large"


class Upload(Protocol):
    """What is sent piece by piece."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    @property
    def type(self) -> str:
        """Its media type."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield all of it, from the beginning each time: a redirect may have it sent once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to one place. `headers` may hold secrets, and are shown nowhere."""

    method: str
    url: Url
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | Upload | None = field(default=None, repr=False)
    is_local_named: bool = False
    """Whether the URL's host is meant although it is in a private network."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server has answered, whole; each header once, by its name in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    location: str | None = None


def trust_as_the_system_does() -> ssl.SSLContext:
    """Return how to speak TLS with servers that the system's authorities vouch for; blocks."""
    return client_context(TlsOptions(url="https:"))


class HttpClient:
    """Asks. `resolve` finds the addresses of a name, in a thread."""

    def __init__(
        self, *, resolve: Resolve = resolve_by_system, tls: Callable[[], ssl.SSLContext] = trust_as_the_system_does
    ) -> None:
        self._resolve, self._make_tls = resolve, tls
        self._tls: ssl.SSLContext | None = None

    async def ask(self, question: Question) -> Reply:
        """Return the answer. Raises HttpRefused, HttpFailed, HttpTooLarge; that it ends in time is for the caller to see to."""
        url = question.url
        addresses = await self._addresses(url, is_local_named=question.is_local_named)
        if url.scheme == "https" and self._tls is None:
            self._tls = await in_thread("script-http-tls", self._make_tls)
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(url.host, addresses), use_dns_cache=False, force_close=True, limit=1, ssl=self._tls or True
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            auto_decompress=False,
            trust_env=False,
        )
        try:
            async with session:
                return await self._exchange(session, question)
        except aiohttp.ClientConnectorCertificateError as error:
            raise HttpFailed(f"the certificate of {url.host} is not good: {_said(error.__cause__ or error)}") from None
        except (aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
            raise HttpFailed(f"no TLS with {url.host}: {_said(error)}", hint="is this an https port?") from None
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno
            reason = os.strerror(number).lower() if number and number > 0 else str(error.os_error.strerror or "no answer")
            raise HttpFailed(f"no connection to {url.host}: {reason}", hint="is it up, and is this its port?") from None
        except aiohttp.ServerTimeoutError:
            raise HttpFailed(f"no connection to {url.host} within {_CONNECT_S:g} s", hint="is it up?") from None
        except aiohttp.ClientPayloadError:
            raise HttpFailed(f"{url.host} broke off in the middle of its answer", hint="it may have been done") from None
        except aiohttp.ClientResponseError:
            raise HttpFailed(f"{url.host} does not answer in proper HTTP") from None
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, ValueError) as error:
            raise HttpFailed(f"{url.host} did not answer: {type(error).__name__}", hint="it may have been done") from None

    async def _exchange(self, session: aiohttp.ClientSession, question: Question) -> Reply:
        headers = {
            "User-Agent": f"VMS-Bridge/{__version__}",
            "Accept": "*/*",
            **_titled(question.headers),
            "Accept-Encoding": "identity",
            "Via": f"1.1 {SCRIPTS_VIA}",
        }
        data: bytes | AsyncIterator[bytes] | None = None
        if isinstance(question.body, bytes):
            headers.setdefault("Content-Type", "application/octet-stream")
            data = question.body
        elif question.body is not None:
            headers["Content-Length"] = str(question.body.size)
            headers.setdefault("Content-Type", question.body.type)
            data = question.body.chunks()
        place = URL(str(question.url), encoded=True)
        async with session.request(question.method, place, headers=headers, data=data, allow_redirects=False) as response:
            coding = response.headers.get("Content-Encoding", "identity").strip().lower()
            if coding not in {"", "identity"}:
                host = question.url.host
                hint = "have that server answer unpacked to who sends `Accept-Encoding: identity`"
                raise HttpFailed(f"{host} answers packed ({coding[:20]!r}), which was not asked for", hint=hint)
            body = await _bounded(response, question.url.host)
            return Reply(response.status, _headers(response), body, response.headers.get("Location"))

    async def _addresses(self, url: Url, *, is_local_named: bool) -> Sequence[Address]:
        """Return where the host is, all of it checked: of a name that leads to several places, none may be forbidden."""
        if url.address is not None:
            found: list[Address] = [url.address]
        else:
            try:
                texts = await in_thread("script-http-resolve", lambda: self._resolve(url.host, url.port))
                found = [ip_address(text.partition("%")[0]) for text in texts]
            except (OSError, ValueError):
                raise HttpFailed(f"there is no host {url.host}", hint="check the URL, and the name server") from None
        if not found:
            raise HttpFailed(f"the host {url.host} has no address")
        for address in found:
            if (why := refusal(address, is_named=is_local_named)) is not None:
                hint = "name it in the script's header by its address, or in scripts.local_hosts by its name"
                raise HttpRefused(f"no script may ask {url.host}: it {why}", hint=hint)
        return found


class _Pinned(AbstractResolver):
    """Knows one host, and its addresses as they were checked: there is no second answer that could be another one."""

    def __init__(self, host: str, addresses: Sequence[Address]) -> None:
        self._host, self._addresses = host, addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Return the addresses of that host. Raises OSError for another one."""
        if host != self._host:
            raise OSError(f"{host} was not checked")
        return as_results(host, port, family, self._addresses)

    async def close(self) -> None:
        """Have nothing to close."""


async def _bounded(response: aiohttp.ClientResponse, host: str) -> bytes:
    """Return the whole body. Raises HttpTooLarge as soon as it is."""
    if (response.content_length or 0) > MOST_ANSWER_BYTES and response.method != "HEAD":
        raise _too_large(host)
    pieces = bytearray()
    async for piece in response.content.iter_any():
        pieces += piece
        if len(pieces) > MOST_ANSWER_BYTES:
            raise _too_large(host)
        await asyncio.sleep(0)  # a server that is fast must not keep the bridge to itself
    return bytes(pieces)


def _too_large(host: str) -> HttpTooLarge:
    return HttpTooLarge(f"{host} answers more than {MOST_ANSWER_BYTES} bytes", hint="ask for less")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the answer's headers, those that come several times joined; as many as can be passed on."""
    found: dict[str, str] = {}
    left = MOST_HEADER_CHARACTERS
    for name, value in response.headers.items():
        key = name.lower()
        left -= len(key) + len(value)
        if left < 0 or (key not in found and len(found) >= MOST_HEADERS):
            break
        said = value.encode("utf-8", "replace").decode()
        found[key] = f"{found[key]}, {said}" if key in found else said
    return found


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by names that are written as ours are, so that none of them is sent twice."""
    return {"-".join(part.capitalize() for part in name.split("-")): value for name, value in headers.items()}


def _said(error: BaseException) -> str:
    text = getattr(error, "verify_message", None) or getattr(error, "reason", None) or type(error).__name__
    return str(text)[:200]
