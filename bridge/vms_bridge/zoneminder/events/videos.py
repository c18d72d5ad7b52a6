"""Videos of events, of any size: read piece by piece into a file or a writer, and on from where they broke off."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from vms_bridge.errors import BrokeOff, MediaUnavailable, NoSuchPart, Redirected, VmsError, VmsProtocolError
from vms_bridge.zoneminder.events.asked_media import MediaLate, check_stream, clip_query, explained
from vms_bridge.zoneminder.events.saving import Part
from vms_bridge.zoneminder.parse import parse_content_range

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.transport import Stream
    from vms_bridge.zoneminder.values import EventRow

    Progress = Callable[[int, int | None], None]
    """Gets how many bytes there are by now, and how many there will be, None where that is not told."""

    class Writer(Protocol):
        """Whoever takes pieces of a video in their order."""

        def write(self, piece: bytes, /) -> object:
            """Take a piece; what it returns is waited for if it can be."""

    Elsewhere = Callable[[EventRow], Awaitable[str | None]]
    Target = str | PathLike[str] | BinaryIO | Writer

_BEGIN_S = 30.0
_AGAIN_S = (1.0, 2.0, 4.0, 8.0)
"""After so long it is asked on from where it broke off; whoever brings something new has them all again."""
_AT_ONCE_BYTES = 1024 * 1024
_GOES_ON = "try again: it goes on from there"
_OTHER_TYPES = ("text/", "application/json")


class _Broken(MediaUnavailable):
    """It broke off; the rest may be had by another request."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """Of which event, and which page is asked for it."""

    row: EventRow
    page: str


class Videos:
    """Fetches them over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save(self, row: EventRow, target: Target, progress: Progress | None, *, elsewhere: Elsewhere, resume: bool) -> int:
        """Write the event's video, and return how many bytes it has. Raises MediaUnavailable, OutputError, NoRoom or VmsError.

        `elsewhere` returns the page of the server that has it, where the portal has not; None where there is no other.
        """
        _check_has_video(row)
        if not isinstance(target, str | PathLike):
            return await self._from_anywhere(row, _Handed(target), progress, elsewhere)
        path = await asyncio.to_thread(_within, Path(target), video_name(row))
        taken = _Filed(Part(path, f"{row.id}"), keep=resume)
        await taken.open()
        try:
            size = await self._from_anywhere(row, taken, progress, elsewhere)
            await asyncio.to_thread(taken.part.finish)
        finally:
            await asyncio.to_thread(taken.part.close)
        return size

    async def _from_anywhere(
        self, row: EventRow, taken: _Handed | _Filed, progress: Progress | None, elsewhere: Elsewhere
    ) -> int:
        had = taken.size
        try:
            return await self._collect(_Wish(row, f"{self._connection.url}/index.php"), taken, progress)
        except MediaUnavailable:
            page = await elsewhere(row) if taken.size in {had, 0} else None
            if page is None:
                raise
        return await self._collect(_Wish(row, page), taken, progress)

    async def _collect(self, wish: _Wish, taken: _Handed | _Filed, progress: Progress | None) -> int:
        pauses = iter(_AGAIN_S)
        while True:
            before = taken.size
            try:
                return await self._read_on(wish, taken, progress)
            except _Broken as error:
                if taken.size > before:
                    pauses = iter(_AGAIN_S)
                pause = next(pauses, None)
                if pause is None:
                    raise MediaUnavailable(str(error), hint=error.hint) from None
            await self._connection.clock.sleep(pause)

    async def _read_on(self, wish: _Wish, taken: _Handed | _Filed, progress: Progress | None) -> int:
        """Read on from where it is, and return how many bytes the whole has."""
        what = f"video of event {wish.row.id}"
        overlap = await taken.overlap()
        first = taken.size - len(overlap)
        try:
            stream = await self._open(wish, what, first)
        except NoSuchPart as error:
            if not taken.size:
                raise
            if error.length == taken.size:
                return taken.size
            await taken.restart(what)
            return await self._read_on(wish, taken, progress)
        try:
            starts_at, whole = _measured(stream, first, what)
            if starts_at != first:
                overlap = await taken.restart(what)
            reader = _Pieces(stream, what)
            if overlap and not await _has_again(reader, overlap, what):
                stream.close()
                await taken.restart(what)
                return await self._read_on(wish, taken, progress)
            if not taken.size:
                _check_is_video(await reader.head(), stream.content_type, what)
            while piece := await reader.read():
                await taken.take(piece)
                if progress is not None:
                    progress(taken.size, whole)
        finally:
            stream.close()
        if whole is not None and taken.size != whole:
            raise _Broken(f"the {what} broke off after {taken.size} of {whole} bytes", hint=_GOES_ON)
        return taken.size

    async def _open(self, wish: _Wish, what: str, first: int) -> Stream:
        part = (first, None) if first else None
        try:
            with explained(what), _no_such_part(first, what):
                stream = await self._connection.client.open(
                    wish.page, clip_query(str(wish.row.id)), part=part, timeout_s=_BEGIN_S
                )
        except MediaLate as error:
            raise (_Broken(str(error), hint=error.hint) if first else error) from None
        if stream.status == 416:
            told = (stream.content_range or "").rpartition("/")[2]
            stream.close()
            raise NoSuchPart(f"the {what} has no bytes from {first} on", length=int(told) if told.isdecimal() else -1)
        try:
            check_stream(stream, what)
        except BaseException:
            stream.close()
            raise
        return stream


async def _has_again(reader: _Pieces, overlap: bytes, what: str) -> bool:
    """Say whether these bytes come next. Raises MediaUnavailable where it ends before that can be said."""
    found = await reader.exactly(len(overlap))
    if len(found) < len(overlap) and overlap.startswith(found):
        raise _Broken(f"the {what} broke off", hint=_GOES_ON)
    return found == overlap


class _Pieces:
    """Reads a stream, so that its first bytes can be looked at."""

    def __init__(self, stream: Stream, what: str) -> None:
        self._stream, self._what = stream, what
        self._held = b""
        self._failure: _Broken | None = None
        """Why there is no more, which is told once all that came before has been read."""

    async def read(self) -> bytes:
        """Return the next pieces together, about a megabyte, nothing at the end. Raises MediaUnavailable."""
        pieces, size = [self._held], len(self._held)
        self._held = b""
        try:
            while size < _AT_ONCE_BYTES and (piece := await self._piece()):
                pieces.append(piece)
                size += len(piece)
        except _Broken as error:
            if not size:
                raise
            self._failure = error
        return b"".join(pieces)

    async def exactly(self, size: int) -> bytes:
        """Return so many bytes, or less at the end."""
        while len(self._held) < size and (piece := await self._piece()):
            self._held += piece
        found, self._held = self._held[:size], self._held[size:]
        return found

    async def head(self) -> bytes:
        """Return the first bytes, which are read again by `read`."""
        self._held = await self.exactly(16) + self._held
        return self._held[:16]

    async def _piece(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return await self._stream.read()
        except VmsError as error:
            raise _Broken(f"the {self._what} broke off: {error}", hint=_GOES_ON) from None


class _Handed:
    """Hands pieces to a writer; what was given can't be taken back."""

    def __init__(self, writer: BinaryIO | Writer) -> None:
        self._writer = writer
        self.size = 0

    async def overlap(self) -> bytes:
        return b""

    async def take(self, piece: bytes) -> None:
        write: Callable[[bytes], object] = self._writer.write
        done = write(piece) if inspect.iscoroutinefunction(write) else await asyncio.to_thread(write, piece)
        if inspect.isawaitable(done):
            await _waited(done)
        self.size += len(piece)

    async def restart(self, what: str) -> bytes:
        raise MediaUnavailable(f"the {what} broke off, and can only be had from its beginning on", hint="try again")


async def _waited(done: Awaitable[object]) -> None:
    await done


class _Filed:
    """Adds pieces to a file."""

    def __init__(self, part: Part, *, keep: bool) -> None:
        self.part, self._keep = part, keep
        self.size = 0

    async def open(self) -> None:
        self.size = await asyncio.to_thread(self.part.open, keep=self._keep)

    async def overlap(self) -> bytes:
        return await asyncio.to_thread(self.part.tail) if self.size else b""

    async def take(self, piece: bytes) -> None:
        await asyncio.to_thread(self.part.write, piece)
        self.size += len(piece)

    async def restart(self, what: str) -> bytes:
        """Begin anew: what is there is of something else, or no part of it can be had."""
        del what
        await asyncio.to_thread(self.part.cut, 0)
        self.size = 0
        return b""


@contextmanager
def _no_such_part(first: int, what: str) -> Iterator[None]:
    """Have an answer that is no proper HTTP say that there is no such part: PHP counts bytes behind the end as less than none."""
    try:
        yield
    except (Redirected, BrokeOff):
        raise
    except VmsProtocolError as error:
        if not first:
            raise
        raise NoSuchPart(f"the {what} has no bytes from {first} on: {error}", length=-1) from None


def _within(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def video_name(row: EventRow) -> str:
    """Return the name of the event's video as a file: ZoneMinder's own, without any folder."""
    name = row.video.replace("\\", "/").rpartition("/")[2]
    return name if name not in {"", ".", ".."} and name.isprintable() else f"{row.id}-video.mp4"


def _check_has_video(row: EventRow) -> None:
    if row.end is None:
        raise MediaUnavailable(f"event {row.id} is still recorded", hint="its video is there when it has ended")
    if not row.video:
        hint = "its pictures can be had one by one"
        raise MediaUnavailable(f"event {row.id} was recorded as single pictures, not as a video", hint=hint)


def _check_is_video(head: bytes, content_type: str, what: str) -> None:
    if not head:
        raise MediaUnavailable(f"ZoneMinder gave an empty {what}", hint="its file may be gone: look at ZoneMinder's storage")
    if content_type.startswith(_OTHER_TYPES) or head.lstrip().startswith((b"<", b"{")):
        raise MediaUnavailable(f"what ZoneMinder gave is no {what} ({content_type})", hint="look at ZoneMinder's log")


def _measured(stream: Stream, first: int, what: str) -> tuple[int, int | None]:
    """Return from which byte on this is, and how long the whole is. Raises MediaUnavailable for what can't be so."""
    if stream.status == 200:
        return 0, stream.length
    told = parse_content_range(stream.content_range)
    if told is not None and told[0] == first:
        whole = told[2]
        if whole is None and stream.length is not None:
            whole = first + stream.length
        return first, whole
    raise MediaUnavailable(
        f"ZoneMinder answered with another part of the {what} than was asked for", hint="try again without resume"
    )
