"""Pictures and videos at signed addresses: asked for without any credential, and never where nobody may be led.

Their hosts are whatever VXG names: a store of objects, or a network that copies it. So they are spoken to by TLS, and lead to no
private address, but for hosts that somebody has listed.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vms_bridge.downloads import BrokenOff, no_such_part
from vms_bridge.errors import MediaUnavailable, Redirected, TooLarge, VmsAuthFailed, VmsProtocolError, VmsUnreachable
from vms_bridge.http_resolving import AddressRefused
from vms_bridge.vxg.refusals import MediaExpired

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
    from datetime import datetime

    from vms_bridge.downloads import Stream
    from vms_bridge.http_resolving import CheckedResolver
    from vms_bridge.vxg.hosts import Hosts
    from vms_bridge.vxg.lanes import Lanes, Turn
    from vms_bridge.vxg.transport import Transport

IMAGE_LIMIT_BYTES = 16 * 1024 * 1024
FILE_LIMIT_BYTES = 1024 * 1024
_BEGIN_S = 30.0
_JPEG = b"\xff\xd8\xff"
_EXPIRED = "read the row that it is from once more"


class Media:
    """Fetches them. `now` is the time by VXG's clock, by which they expire."""

    def __init__(
        self,
        transport: Transport,
        hosts: Hosts,
        lanes: Lanes,
        resolver: CheckedResolver,
        now: Callable[[], Awaitable[datetime]],
    ) -> None:
        self._transport, self._hosts, self._lanes, self._resolver, self._now = transport, hosts, lanes, resolver, now

    async def jpeg(self, url: str, what: str, *, expires: datetime | None = None) -> bytes:
        """Return a picture. Raises MediaExpired, or MediaUnavailable for what is none."""
        found = await self.fetch(url, what, IMAGE_LIMIT_BYTES, expires=expires)
        if not found.startswith(_JPEG):
            raise MediaUnavailable(f"what VXG gave for the {what} is no JPEG", hint="look at it in a browser")
        return found

    async def fetch(self, url: str, what: str, limit_bytes: int, *, expires: datetime | None = None) -> bytes:
        """Return all of it. Raises MediaExpired or MediaUnavailable."""
        host = await self._host(url, what, expires)
        with _explained(what):
            async with self._lanes.turn(host):
                answer = await self._transport.send("GET", url, limit_bytes=limit_bytes)
        _check(answer.status, what)
        return answer.body

    async def open(
        self, url: str, what: str, part: tuple[int, int | None] = (0, None), *, expires: datetime | None = None
    ) -> Stream:
        """Open it from this byte to that (None: its end), to be read piece by piece; whoever gets it closes it.

        Raises MediaExpired, NoSuchPart, BrokenOff for what may be had again, or MediaUnavailable.
        """
        host = await self._host(url, what, expires)
        first, last = part
        headers = {} if part == (0, None) else {"Range": f"bytes={first}-{'' if last is None else last}"}
        turn = await self._lanes.begin_stream(host)
        try:
            with _explained(what, is_part=bool(first)):
                stream = await self._transport.open(url, headers=headers, timeout_s=_BEGIN_S)
        except BaseException:
            turn.end()
            raise
        held = _Held(stream, turn)
        if stream.status == 416:
            held.close()
            raise no_such_part(stream, what, first)
        try:
            _check(stream.status, what)
        except BaseException:
            held.close()
            raise
        return held

    async def put(self, url: str, pieces: AsyncIterable[bytes] | bytes, size: int, content_type: str, timeout_s: float) -> None:
        """Send a file to where it is to be uploaded. Raises MediaExpired or MediaUnavailable."""
        what = "upload"
        host = await self._host(url, what, None)
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        with _explained(what):
            async with self._lanes.turn(host):
                answer = await self._transport.send(
                    "PUT", url, limit_bytes=FILE_LIMIT_BYTES, body=pieces, headers=headers, timeout_s=timeout_s
                )
        _check(answer.status, what)

    async def check(self, url: str, what: str) -> None:
        """Look at an address that somebody else opens. Raises MediaUnavailable where nobody may be led."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 0
        except ValueError:
            host, port = "", 0
        if not host:
            raise MediaUnavailable(f"the address of the {what} is none")
        try:
            self._resolver.check(host)
            await self._resolver.resolve(host, port)
        except AddressRefused as error:
            raise MediaUnavailable(f"no {what}: {error}", hint=error.hint) from None
        except OSError:
            raise MediaUnavailable(f"no {what}: there is no host {host}", hint="check the name server") from None

    async def _host(self, url: str, what: str, expires: datetime | None) -> str:
        """Return whom it is asked of, as far as it may be. Raises MediaUnavailable."""
        try:
            parts = urlsplit(url)
            host, is_whole = parts.hostname or "", parts.port is None or parts.port > 0
        except ValueError:
            host, is_whole, parts = "", False, urlsplit("")
        if not host or not is_whole or parts.scheme not in {"https", "http"} or parts.username is not None:
            raise MediaUnavailable(f"the address of the {what} is none that can be asked")
        if parts.scheme == "http" and not self._hosts.is_named(host):
            hint = f"if {host} is meant, list it as an allowed host"
            raise MediaUnavailable(f"the address of the {what} leads to {host} without TLS", hint=hint)
        if expires is not None and expires <= await self._now():
            raise MediaExpired(f"the address of the {what} has expired", hint=_EXPIRED)
        return parts.netloc


@dataclass(frozen=True, slots=True)
class GivenVideo:
    """A video as `downloads` asks for it: `find` returns its address, and anew, where one has expired."""

    media: Media
    what: str
    find: Callable[[bool], Awaitable[str]]
    giver: str = "VXG"

    async def open(self, first: int) -> Stream:
        """Ask for it from this byte on. Raises NoSuchPart, BrokenOff, MediaUnavailable or VmsError."""
        try:
            return await self.media.open(await self.find(False), self.what, (first, None))
        except MediaExpired:
            return await self.media.open(await self.find(True), self.what, (first, None))


class _Held:
    """A stream that gives its turn to the next one when it is closed."""

    def __init__(self, stream: Stream, turn: Turn) -> None:
        self._stream, self._turn = stream, turn
        self.status, self.content_type = stream.status, stream.content_type
        self.length, self.content_range = stream.length, stream.content_range

    async def read(self) -> bytes:
        """Return what has come, nothing at the end. Raises VmsError."""
        return await self._stream.read()

    def close(self) -> None:
        """Let go of it."""
        self._stream.close()
        self._turn.end()


@contextmanager
def _explained(what: str, *, is_part: bool = False) -> Iterator[None]:
    """Have what goes wrong while it is asked for say that there is none."""
    try:
        yield
    except AddressRefused as error:
        raise MediaUnavailable(f"no {what}: {error}", hint=error.hint) from None
    except Redirected as error:
        raise MediaUnavailable(f"no {what}: {error}", hint="addresses of pictures and videos lead there at once") from None
    except TooLarge as error:
        raise MediaUnavailable(f"no {what}: {error}") from None
    except VmsUnreachable as error:
        kind = BrokenOff if is_part else MediaUnavailable
        raise kind(f"no {what} in time: {error}", hint=error.hint) from None
    except (VmsProtocolError, VmsAuthFailed) as error:
        raise MediaUnavailable(f"no {what}: {error}", hint=error.hint) from None


def _check(status: int, what: str) -> None:
    """Look at an answer's head. Raises MediaExpired or MediaUnavailable."""
    if status in {401, 403, 410}:
        raise MediaExpired(f"the address of the {what} is good no more (HTTP {status})", hint=_EXPIRED)
    if status == 404:
        raise MediaUnavailable(f"there is no {what} any more (HTTP 404)")
    if status not in {200, 201, 204, 206}:
        raise MediaUnavailable(f"no {what} (HTTP {status})", hint="try again later")
