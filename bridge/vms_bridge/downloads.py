"""Videos of any size: read piece by piece into a file or a writer, and on from where they broke off.

Who gives them, and how they are asked for, is a `Given`; what comes again after a break is compared with what is there, so that
parts of two videos are never put together.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias

from vms_bridge.errors import MediaUnavailable, NoSuchPart, VmsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from os import PathLike
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.part_files import Part

    Progress: TypeAlias = Callable[[int, int | None], None]
    """Gets how many bytes there are by now, and how many there will be, None where that is not told."""

    class Writer(Protocol):
        """Whoever takes pieces of a video in their order."""

        def write(self, piece: bytes, /) -> object:
            """Take a piece; what it returns is waited for if it can be."""

    Target: TypeAlias = str | PathLike[str] | BinaryIO | Writer


GOES_ON = "try again: it goes on from there"
_AGAIN_S = (1.0, 2.0, 4.0, 8.0)
"""After so long it is asked on from where it broke off; whoever brings something new has them all again."""
_AT_ONCE_BYTES = 1024 * 1024
_OTHER_TYPES = ("text/", "application/json", "application/xml")
_CONTENT_RANGE = re.compile(r"(?i)bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class BrokenOff(MediaUnavailable):
    """It broke off; the rest may be had by another request."""


class Stream(Protocol):
    """An answer that is read piece by piece, and closed by who has it."""

    @property
    def status(self) -> int:
        """HTTP's number."""

    @property
    def content_type(self) -> str:
        """Such as video/mp4."""

    @property
    def length(self) -> int | None:
        """How many bytes are to come, None where that is not told."""

    @property
    def content_range(self) -> str | None:
        """HTTP's header of that name: which bytes these are, of how many."""

    async def read(self) -> bytes:
        """Return what has come, of bounded size, as soon as there is something; nothing at the end. Raises VmsError."""

    def close(self) -> None:
        """Let go of it, at its end or before."""


class Given(Protocol):
    """One video, as it can be asked for."""

    @property
    def what(self) -> str:
        """What it is, for people: such as `video of event 7`."""

    @property
    def giver(self) -> str:
        """Who gives it, for people."""

    async def open(self, first: int) -> Stream:
        """Ask for it from this byte on; the status is good.

        Raises NoSuchPart, BrokenOff for what may be had by another request, MediaUnavailable or VmsError.
        """


class Taken(Protocol):
    """Where it goes."""

    @property
    def size(self) -> int:
        """How many bytes are there."""

    async def overlap(self) -> bytes:
        """Return the end of what is there, which is asked for again."""

    async def take(self, piece: bytes) -> None:
        """Add a piece."""

    async def restart(self, what: str) -> bytes:
        """Begin anew, with nothing: what is there is of something else, or no part of it can be had. Raises MediaUnavailable."""


async def download(given: Given, taken: Taken, clock: Clock, progress: Progress | None) -> int:
    """Read it to its end, and return how many bytes it has. Raises MediaUnavailable, OutputError, NoRoom or VmsError."""
    pauses = iter(_AGAIN_S)
    while True:
        before = taken.size
        try:
            return await _read_on(given, taken, progress)
        except BrokenOff as error:
            if taken.size > before:
                pauses = iter(_AGAIN_S)
            pause = next(pauses, None)
            if pause is None:
                raise MediaUnavailable(str(error), hint=error.hint) from None
        await clock.sleep(pause)


@asynccontextmanager
async def filed(part: Part, *, keep: bool) -> AsyncIterator[Filed]:
    """Open a file to be filled, which has its name when all went well, and else stays a part. Raises OutputError or NoRoom."""
    taken = Filed(part, keep=keep)
    await taken.open()
    try:
        yield taken
        await asyncio.to_thread(part.finish)
    finally:
        await asyncio.to_thread(part.close)


def within(path: Path, name: str) -> Path:
    """Return the path, or that of a file of this name where it is a folder; blocks."""
    return path / name if path.is_dir() else path


async def _read_on(given: Given, taken: Taken, progress: Progress | None) -> int:
    """Read on from where it is, and return how many bytes the whole has."""
    what = given.what
    overlap = await taken.overlap()
    first = taken.size - len(overlap)
    try:
        stream = await given.open(first)
    except NoSuchPart as error:
        if not taken.size:
            raise
        if error.length == taken.size:
            return taken.size
        await taken.restart(what)
        return await _read_on(given, taken, progress)
    try:
        starts_at, whole = _measured(stream, first, given)
        if starts_at != first:
            overlap = await taken.restart(what)
        reader = _Pieces(stream, what)
        if overlap and not await _has_again(reader, overlap, what):
            stream.close()
            await taken.restart(what)
            return await _read_on(given, taken, progress)
        if not taken.size:
            _check_is_video(await reader.head(), stream.content_type, given)
        while piece := await reader.read():
            await taken.take(piece)
            if progress is not None:
                progress(taken.size, whole)
    finally:
        stream.close()
    if whole is not None and taken.size != whole:
        raise BrokenOff(f"the {what} broke off after {taken.size} of {whole} bytes", hint=GOES_ON)
    return taken.size


async def _has_again(reader: _Pieces, overlap: bytes, what: str) -> bool:
    """Say whether these bytes come next. Raises MediaUnavailable where it ends before that can be said."""
    found = await reader.exactly(len(overlap))
    if len(found) < len(overlap) and overlap.startswith(found):
        raise BrokenOff(f"the {what} broke off", hint=GOES_ON)
    return found == overlap


class _Pieces:
    """Reads a stream, so that its first bytes can be looked at."""

    def __init__(self, stream: Stream, what: str) -> None:
        self._stream, self._what = stream, what
        self._held = b""
        self._failure: BrokenOff | None = None
        """Why there is no more, which is told once all that came before has been read."""

    async def read(self) -> bytes:
        """Return the next pieces together, about a megabyte, nothing at the end. Raises MediaUnavailable."""
        pieces, size = [self._held], len(self._held)
        self._held = b""
        try:
            while size < _AT_ONCE_BYTES and (piece := await self._piece()):
                pieces.append(piece)
                size += len(piece)
        except BrokenOff as error:
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
            raise BrokenOff(f"the {self._what} broke off: {error}", hint=GOES_ON) from None


class Handed:
    """Hands pieces to a writer; what was given can't be taken back."""

    def __init__(self, writer: BinaryIO | Writer) -> None:
        self._writer = writer
        self.size = 0

    async def overlap(self) -> bytes:
        """Return nothing: what was given is not here any more."""
        return b""

    async def take(self, piece: bytes) -> None:
        """Hand it on, and wait until it is taken."""
        write: Callable[[bytes], object] = self._writer.write
        done = write(piece) if inspect.iscoroutinefunction(write) else await asyncio.to_thread(write, piece)
        if inspect.isawaitable(done):
            await _waited(done)
        self.size += len(piece)

    async def restart(self, what: str) -> bytes:
        """Refuse. Raises MediaUnavailable."""
        raise MediaUnavailable(f"the {what} broke off, and can only be had from its beginning on", hint="try again")


async def _waited(done: Awaitable[object]) -> None:
    await done


class Filed:
    """Adds pieces to a file."""

    def __init__(self, part: Part, *, keep: bool) -> None:
        self._part, self._keep = part, keep
        self.size = 0

    async def open(self) -> None:
        """Open it, and find out what is there already. Raises OutputError or NoRoom."""
        self.size = await asyncio.to_thread(self._part.open, keep=self._keep)

    async def overlap(self) -> bytes:
        """Return its end."""
        return await asyncio.to_thread(self._part.tail) if self.size else b""

    async def take(self, piece: bytes) -> None:
        """Write it."""
        await asyncio.to_thread(self._part.write, piece)
        self.size += len(piece)

    async def restart(self, what: str) -> bytes:
        """Begin anew: what is there is of something else, or no part of it can be had."""
        del what
        await asyncio.to_thread(self._part.cut, 0)
        self.size = 0
        return b""


def parse_content_range(text: str | None) -> tuple[int, int, int | None] | None:
    """Read HTTP's Content-Range: first byte, last byte, and how many the whole has (None: untold); None where it is none."""
    found = _CONTENT_RANGE.fullmatch((text or "").strip())
    if found is None:
        return None
    first, last, whole = int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])
    return None if last < first or (whole is not None and whole <= first) else (first, last, whole)


def no_such_part(stream: Stream, what: str, first: int) -> NoSuchPart:
    """Return what to raise for an answer 416."""
    told = (stream.content_range or "").rpartition("/")[2]
    return NoSuchPart(f"the {what} has no bytes from {first} on", length=int(told) if told.isdecimal() else -1)


def _check_is_video(head: bytes, content_type: str, given: Given) -> None:
    if not head:
        hint = f"its file may be gone: look at {given.giver}'s storage"
        raise MediaUnavailable(f"{given.giver} gave an empty {given.what}", hint=hint)
    if content_type.startswith(_OTHER_TYPES) or head.lstrip().startswith((b"<", b"{")):
        hint = f"look at {given.giver}'s log"
        raise MediaUnavailable(f"what {given.giver} gave is no {given.what} ({content_type})", hint=hint)


def _measured(stream: Stream, first: int, given: Given) -> tuple[int, int | None]:
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
        f"{given.giver} answered with another part of the {given.what} than was asked for", hint="try again without resume"
    )
