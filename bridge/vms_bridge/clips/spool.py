"""Where clips are made and wait for whoever asks: a folder for the bridge alone, of a bounded size, emptied at every start.

Whoever asks for the same shares one making, which goes on for a while when nobody waits any more, and then ends. A clip that
is made stays for as long as somebody reads it, and is offered to others until it is too old, or its room is needed.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from vms_bridge.archive import ByteRange
from vms_bridge.errors import BridgeError, ClipRefused, MediaBusy, MediaUnavailable, NoRoom, NoSuchPart, StoreError
from vms_bridge.explaining import explained, is_defect
from vms_bridge.logs import Trouble
from vms_bridge.private_files import IS_A_LINK, make_directory
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from vms_bridge.archive import ClipContent
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
CLIP = "clip.mp4"
"""What the clip is called in its workplace."""
CONTENT_TYPE = "video/mp4"
MAKE_S = 600.0
ABANDONED_S = 30.0
"""How long a making goes on for which nobody waits: a player asks again."""
FAILED_S = 10.0
"""How long a failure is told again, rather than tried again."""
UNSETTLED_S = 120.0
"""How old a clip gets to which something may be added: an event that goes on, what the VMS could not give."""
SWEEP_S = 5.0
MOST_AT_ONCE = 2
MOST_UNDER_WAY = 8
"""How many are made and wait for that; beyond it nothing more is taken on."""
KEEP_FREE_BYTES = 100_000_000
READ_BYTES = 2 * 1024 * 1024
"""Larger pieces cost a reader less of the processor, and hold more of the memory."""
_RETRY_S = 30.0


@dataclass(slots=True, kw_only=True)
class _Entry:
    """A clip that is made, or being made."""

    folder: Path
    done: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    content: ClipContent | None = None
    error: BridgeError | None = None
    room: int = 0
    """How many bytes it takes, or may yet take."""
    holders: int = 0
    since: float = 0.0
    """When it was made, or let go while it was being made."""

    def settle(self) -> None:
        """Have nobody wait any more, also where the making was ended before it began."""
        if self.content is None and self.error is None:
            self.error = MediaUnavailable("the clip is not made any more: nobody waited for it, or the bridge stops")
        self.done.set()


class Spool:
    """The folder, and who is at work in it. `most_bytes` bounds all that is there together, `kept_s` how old a clip gets.

    So many bytes of the disk are left to others (`free_bytes`), above all to the bridge's own store.
    """

    def __init__(self, folder: Path, clock: Clock, *, most_bytes: int, kept_s: float, free_bytes: int = KEEP_FREE_BYTES) -> None:
        self._folder, self._clock, self._free_bytes = folder, clock, free_bytes
        self._most_bytes, self._kept_s = most_bytes, kept_s
        self._entries: dict[str, _Entry] = {}
        self._leaving = 0
        """How many bytes are being deleted."""
        self._numbers = count(1)
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Be open until cancelled, and throw away what nobody needs any more."""
        trouble = Trouble(_LOGGER, "no clips can be made", self._clock.monotonic)
        while True:
            try:
                await in_thread("clips: empty", self._empty)
                break
            except OSError as error:
                trouble.report(StoreError(f"{self._folder}: {error.strerror or error}"))
                await self._clock.sleep(_RETRY_S)
        trouble.over()
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await self._clock.sleep(SWEEP_S)
                    self._sweep()
        finally:
            self._group = None
            self._entries.clear()

    @asynccontextmanager
    async def hold(self, key: str, make: Callable[[Workplace], Awaitable[ClipContent]]) -> AsyncIterator[SpooledClip]:
        """Hold the clip of this key, which `make` makes where it is not there. Raises what `make` does, MediaBusy, NoRoom."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._begin(key, make)
        entry.holders += 1
        try:
            await entry.done.wait()
            if entry.error is not None:
                raise entry.error.with_traceback(None)
            assert entry.content is not None  # noqa: S101  # what is done without an error has one
            yield SpooledClip(entry.content, entry.folder / CLIP)
        finally:
            entry.holders -= 1
            if not entry.done.is_set():
                entry.since = self._clock.monotonic()

    @property
    def used_bytes(self) -> int:
        """How much is taken of it."""
        return self._leaving + sum(entry.room for entry in self._entries.values())

    @property
    def clips(self) -> int:
        """How many are there, or being made."""
        return len(self._entries)

    def _begin(self, key: str, make: Callable[[Workplace], Awaitable[ClipContent]]) -> _Entry:
        if self._group is None:
            raise MediaUnavailable("no clips can be made yet, or no more", hint="the bridge's log may say why")
        if sum(not entry.done.is_set() for entry in self._entries.values()) >= MOST_UNDER_WAY:
            raise MediaBusy(f"{MOST_UNDER_WAY} clips are being made already", hint="try again in a moment")
        entry = self._entries[key] = _Entry(folder=self._folder / str(next(self._numbers)), since=self._clock.monotonic())
        entry.task = self._group.create_task(self._make(entry, make), name=f"clips: {entry.folder.name}")
        entry.task.add_done_callback(lambda _: entry.settle())
        return entry

    async def _make(self, entry: _Entry, make: Callable[[Workplace], Awaitable[ClipContent]]) -> None:
        try:
            async with self._turns, self._clock.timeout(MAKE_S):
                await in_thread("clips: folder", lambda: entry.folder.mkdir(0o700))
                entry.content = await make(Workplace(entry.folder, self, entry))
        except TimeoutError:
            entry.error = ClipRefused(f"the clip was not made within {MAKE_S:g} s", hint="ask for a shorter time")
        except Exception as error:
            if isinstance(error, OSError) and not isinstance(error, BridgeError):
                error = NoRoom(f"the clip could not be written: {error.strerror or error}", hint="look at the bridge's disk")
            entry.error = explained(error)
            if is_defect(error):
                _LOGGER.exception("a clip could not be made for a reason that nobody has foreseen")
        finally:
            entry.since = self._clock.monotonic()
            if entry.content is None:
                await in_thread("clips: remove", lambda: _remove(entry.folder))
                entry.room = 0

    def take(self, entry: _Entry, size: int) -> None:
        """Have room for so many bytes more. Raises NoRoom."""
        while self.used_bytes - self._leaving + size > self._most_bytes:
            idle = [(one.since, key) for key, one in self._entries.items() if one.content is not None and not one.holders]
            if not idle:
                raise self._full()
            self._drop(min(idle)[1])
        entry.room += size

    def check_room(self, size: int) -> None:
        """Raise NoRoom where so many bytes more would find no room, whatever nobody reads went for it."""
        needed = sum(entry.room for entry in self._entries.values() if entry.content is None or entry.holders)
        if needed + size > self._most_bytes:
            raise self._full()

    def _full(self) -> NoRoom:
        return NoRoom(
            f"the spool for clips has no room for this one: it may have {self._most_bytes // 1_000_000} MB",
            hint="try again later, ask for a shorter time, or raise `clips.spool_megabytes`",
        )

    def check_free(self, size: int) -> None:
        """Raise NoRoom where the disk would get too full. Blocking."""
        if shutil.disk_usage(self._folder).free - size < self._free_bytes:
            raise NoRoom(
                f"the disk has too little room for the clip: {self._free_bytes // 1_000_000} MB are left to others",
                hint="make room where `data_dir` is",
            )

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for key, entry in list(self._entries.items()):
            age = now - entry.since
            if entry.holders:
                continue
            if not entry.done.is_set():
                if age >= ABANDONED_S and entry.task is not None:
                    del self._entries[key]  # who asks from now on has it begun anew
                    entry.task.cancel()
            elif age >= self._life_s(entry):
                self._drop(key)

    def _life_s(self, entry: _Entry) -> float:
        if entry.content is None:
            return FAILED_S
        return self._kept_s if entry.content.is_settled else min(self._kept_s, UNSETTLED_S)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key)
        if entry.content is None or self._group is None:
            return
        self._leaving += entry.room
        self._group.create_task(self._leave(entry), name=f"clips: drop {entry.folder.name}")

    async def _leave(self, entry: _Entry) -> None:
        await in_thread("clips: remove", lambda: _remove(entry.folder))
        self._leaving -= entry.room

    def _empty(self) -> None:
        """Have the folder, for the bridge alone, and nothing in it. Raises OSError."""
        make_directory(self._folder)
        if self._folder.is_symlink():
            raise OSError(IS_A_LINK)
        self._folder.chmod(0o700)
        for path in self._folder.iterdir():
            _remove(path)


class Workplace:
    """Where one clip is made: a folder, and the room that it takes."""

    def __init__(self, folder: Path, spool: Spool, entry: _Entry) -> None:
        self.folder, self._spool, self._entry = folder, spool, entry

    @property
    def room(self) -> int:
        """How many bytes it takes so far."""
        return self._entry.room

    @property
    def clip(self) -> Path:
        """Where the clip is to be."""
        return self.folder / CLIP

    async def append(self, path: Path, data: bytes | bytearray) -> None:
        """Write this at the end of a file. Raises NoRoom or OSError."""
        self._spool.take(self._entry, len(data))

        def write() -> None:
            self._spool.check_free(len(data))
            with path.open("ab") as file:
                file.write(data)

        await in_thread("clips: write", write)

    def check_room(self, size: int) -> None:
        """Raise NoRoom where it is known beforehand that so much will find none."""
        self._spool.check_room(size)

    async def reserve(self, size: int) -> None:
        """Have room for what another writes. Raises NoRoom or OSError."""
        self._spool.take(self._entry, size)
        await in_thread("clips: room", lambda: self._spool.check_free(size))

    async def settle(self) -> int:
        """Delete all but the clip, give back the room that it does not take, and return its size. Raises OSError."""

        def tidy() -> int:
            for path in self.folder.iterdir():
                if path != self.clip:
                    path.unlink()
            return self.clip.stat().st_size

        self._entry.room = await in_thread("clips: tidy", tidy)
        return self._entry.room


class SpooledClip:
    """A clip that is held (`archive.MadeClip`)."""

    def __init__(self, content: ClipContent, path: Path) -> None:
        self.content, self._path = content, path

    @asynccontextmanager
    async def open(self, byte_range: ByteRange | None) -> AsyncIterator[OpenClip]:
        """Open it, or a part of it. Raises NoSuchPart."""
        length = self.content.length
        part = None
        if byte_range is not None:
            last = length - 1 if byte_range.last is None else min(byte_range.last, length - 1)
            if not 0 <= byte_range.first <= last:
                raise NoSuchPart(f"the clip has {length} bytes, and not those that were asked for", length=length)
            part = ByteRange(first=byte_range.first, last=last)
        yield OpenClip(self._path, length, part)


class OpenClip:
    """A clip that is being read (`archive.OpenMedia`); no file stays open between two pieces."""

    content_type = CONTENT_TYPE

    def __init__(self, path: Path, length: int, part: ByteRange | None) -> None:
        self._path, self.part = path, part
        self.length: int | None = length
        self._first = 0 if part is None else part.first
        self._end = length if part is None or part.last is None else part.last + 1

    async def pieces(self) -> AsyncIterator[bytes]:
        """Read it. Raises MediaUnavailable."""
        at = self._first
        while at < self._end:
            size = min(READ_BYTES, self._end - at)
            piece = await in_thread("clips: read", partial(self._read, at, size))
            if not piece:
                raise MediaUnavailable("the clip is not there any more", hint="ask for it again")
            yield piece
            at += len(piece)

    def _read(self, at: int, size: int) -> bytes:
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(at)
                return file.read(size)
        except OSError:
            return b""


def _remove(path: Path) -> None:
    """Delete it, whatever it is; a link is not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
