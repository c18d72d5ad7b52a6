"""Pictures and clips that scripts have got: handles, behind which the bytes stay in the bridge.

A handle belongs to the running worker that has got it, and is gone with it, or when nobody has used it for a while. What is
large lies in a file without a name, in a folder for the bridge alone: nothing of it outlives the bridge, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from typing import TYPE_CHECKING, BinaryIO, cast

from vms_bridge.errors import BodyTooLarge, NoRoom, NotFound
from vms_bridge.private_files import IS_A_LINK, make_directory
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker

ENDINGS = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "video/mp4": ("mp4",),
    "video/webm": ("webm",),
    "video/quicktime": ("mov",),
    "video/mp2t": ("ts",),
    "video/mpeg": ("mpg", "mpeg"),
    "video/x-matroska": ("mkv",),
    "video/x-msvideo": ("avi",),
}
"""What a picture or clip may be, and how the names of such files end, the usual ending first."""
PIECE_BYTES = 1024 * 1024
_SWEEP_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """How much there may be: of each script, and of all together. So much of the disk is left to others."""

    each: int = 32
    each_bytes: int = 250_000_000
    all: int = 256
    all_bytes: int = 1_000_000_000
    in_memory_bytes: int = 256 * 1024
    """What is larger lies on the disk."""
    unused_s: float = 900.0
    free_bytes: int = 100_000_000


class Medium:
    """One picture or clip: in memory, or in a file without a name."""

    __slots__ = ("_content", "id", "name", "size", "type", "used_s")

    def __init__(self, id: str, type: str, name: str, content: bytes | BinaryIO, size: int) -> None:  # noqa: A002 - the words of the frames
        self.id, self.type, self.name, self.size = id, type, name, size
        self._content = content
        self.used_s = 0.0

    @property
    def words(self) -> dict[str, object]:
        """What a script is told of it."""
        return {"id": self.id, "type": self.type, "size": self.size, "name": self.name}

    async def read(self, offset: int, size: int) -> bytes:
        """Return this part of it, or what there is of that."""
        if isinstance(self._content, bytes):
            return self._content[offset : offset + size]
        return await in_thread("media: read", partial(_read, self._opened_again(self._content), offset, size))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield all of it, piece by piece."""
        for offset in range(0, self.size, PIECE_BYTES):
            yield await self.read(offset, PIECE_BYTES)

    def copy(self) -> Copy:
        """Return it as it is now, whatever becomes of this handle meanwhile. Raises NotFound."""
        content = self._content
        return Copy(content if isinstance(content, bytes) else self._opened_again(content), self.size)

    def _opened_again(self, file: BinaryIO) -> FileIO:
        if file.closed:
            raise NotFound(f"the picture or clip {self.id} is gone: the script has ended, or newer ones took its room")
        return FileIO(os.dup(file.fileno()))

    def close(self) -> None:
        """Let go of it."""
        if not isinstance(self._content, bytes):
            self._content.close()


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture or clip that is there until this is closed. Its methods block."""

    content: bytes | FileIO
    size: int

    def write(self, descriptor: int) -> None:
        """Write all of it to a file. Raises OSError."""
        if isinstance(self.content, bytes):
            _write(self.content, descriptor)
            return
        for offset in range(0, self.size, PIECE_BYTES):
            _write(os.pread(self.content.fileno(), PIECE_BYTES, offset), descriptor)

    def close(self) -> None:
        """Let go of it."""
        if not isinstance(self.content, bytes):
            self.content.close()


@dataclass(slots=True)
class _Held:
    """What one worker has."""

    media: OrderedDict[str, Medium] = field(default_factory=OrderedDict)
    """The one that was not used for longest first."""
    bytes: int = 0
    """Those of what is being got, too."""
    number: int = 0
    getting: int = 0
    is_over: bool = False

    def next_id(self) -> str:
        """Return the name of the next one. Raises NotFound where nobody is there to get it."""
        if self.is_over:
            raise NotFound("the script has ended meanwhile")
        self.number += 1
        return f"m{self.number}"


class Media:
    """All of them, of all scripts."""

    def __init__(self, clock: Clock, folder: Path, limits: MediaLimits | None = None) -> None:
        self._clock, self._folder, self._limits = clock, folder, limits or MediaLimits()
        self._held: dict[Asker, _Held] = {}
        self._is_ready = False

    @property
    def taken_bytes(self) -> int:
        """How much there is, of all scripts."""
        return sum(held.bytes for held in self._held.values())

    @property
    def count(self) -> int:
        """How many there are, those that are being got too."""
        return sum(len(held.media) + held.getting for held in self._held.values())

    async def run(self) -> None:
        """Let go of what nobody has used for a while, until cancelled."""
        while True:
            await self._clock.sleep(_SWEEP_S)
            before = self._clock.monotonic() - self._limits.unused_s
            for held in self._held.values():
                for medium in [each for each in held.media.values() if each.used_s <= before]:
                    _drop(held, medium)

    async def add(self, asker: Asker, type: str, name: str, content: bytes | AsyncIterator[bytes]) -> Medium:  # noqa: A002 - the words of the frames
        """Keep a picture or clip for this worker. Raises BodyTooLarge, NoRoom, and what the pieces raise."""
        held = self._held_by(asker)
        self._take_place(held)
        draft = _Draft(self._limits.in_memory_bytes)
        held.getting += 1
        try:
            async for piece in _cut(content) if isinstance(content, bytes) else content:
                self._take(held, len(piece))
                draft.size += len(piece)
                await self._write(draft, piece)
            medium = Medium(held.next_id(), type, name, draft.content(), draft.size)
        except BaseException:
            held.bytes -= draft.size
            draft.close()
            raise
        finally:
            held.getting -= 1
        medium.used_s = self._clock.monotonic()
        held.media[medium.id] = medium
        return medium

    def get(self, asker: Asker, medium_id: str) -> Medium:
        """Return a handle of this worker. Raises NotFound."""
        held = self._held.get(asker)
        medium = None if held is None else held.media.get(medium_id)
        if held is None or medium is None:
            hint = (
                f"a script has {self._limits.each} at a time, the oldest makes room for a new one, "
                f"and what is not used for {self._limits.unused_s / 60:g} min goes"
            )
            raise NotFound(f"there is no picture or clip {medium_id[:40]!r} any more", hint=hint)
        medium.used_s = self._clock.monotonic()
        held.media.move_to_end(medium_id)
        return medium

    @asynccontextmanager
    async def open(self, asker: Asker, medium_id: str) -> AsyncIterator[Medium]:
        """Open a handle of this worker, to be sent elsewhere. Raises NotFound."""
        yield self.get(asker, medium_id)

    def drop(self, asker: Asker, medium_id: str) -> None:
        """Let go of a handle, if it is there."""
        held = self._held.get(asker)
        medium = None if held is None else held.media.get(medium_id)
        if held is not None and medium is not None:
            _drop(held, medium)

    def _held_by(self, asker: Asker) -> _Held:
        held = self._held.get(asker)
        if held is None:
            held = self._held[asker] = _Held()
            asker.at_end(partial(self._end, asker))
        return held

    def _end(self, asker: Asker) -> None:
        held = self._held.pop(asker, None)
        if held is not None:
            held.is_over = True
            for medium in list(held.media.values()):
                _drop(held, medium)

    def _take_place(self, held: _Held) -> None:
        """Have a place for one more: the oldest of this worker makes room. Raises NoRoom."""
        while held.media and (len(held.media) + held.getting >= self._limits.each or self.count >= self._limits.all):
            _drop(held, next(iter(held.media.values())))
        if held.getting >= self._limits.each or self.count >= self._limits.all:
            raise NoRoom("too many pictures and clips are held, or being got", hint="await one before you ask for the next")

    def _take(self, held: _Held, size: int) -> None:
        """Have room for so much more: the oldest of this worker make room. Raises BodyTooLarge or NoRoom."""
        limits = self._limits
        while held.media and (held.bytes + size > limits.each_bytes or self.taken_bytes + size > limits.all_bytes):
            _drop(held, next(iter(held.media.values())))
        if held.bytes + size > limits.each_bytes:
            text = f"a script has {limits.each_bytes // 1_000_000} MB of pictures and clips at a time"
            raise BodyTooLarge(text, hint="ask for a shorter clip")
        if self.taken_bytes + size > limits.all_bytes:
            text = f"all scripts together have {limits.all_bytes // 1_000_000} MB of pictures and clips"
            raise NoRoom(text, hint="try again later")
        held.bytes += size

    async def _write(self, draft: _Draft, piece: bytes) -> None:
        """Put it behind what there is. Raises NoRoom."""
        if draft.file is None and draft.size <= draft.most:
            draft.memory += piece
            return
        try:
            if not self._is_ready:
                await in_thread("media: folder", self._prepare)
                self._is_ready = True
            if draft.file is None:
                draft.file = await in_thread("media: open", self._open, close=_close)
                piece, draft.memory = bytes(draft.memory) + piece, bytearray()
            await in_thread("media: write", partial(self._append, os.dup(draft.file.fileno()), piece))
        except OSError as error:
            raise NoRoom(
                f"the picture or clip can't be kept: {error.strerror or error}", hint="look at the bridge's disk"
            ) from None

    def _prepare(self) -> None:
        """Have the folder, for the bridge alone. Blocking. Raises OSError."""
        make_directory(self._folder)
        if self._folder.is_symlink():
            raise OSError(IS_A_LINK)
        self._folder.chmod(0o700)

    def _open(self) -> BinaryIO:
        """Return a new file without a name. Blocking. Raises OSError."""
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self._folder))

    def _append(self, descriptor: int, piece: bytes) -> None:
        """Blocking. Raises OSError or NoRoom."""
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            if shutil.disk_usage(self._folder).free - len(piece) < self._limits.free_bytes:
                raise NoRoom(f"the disk is too full: {self._limits.free_bytes // 1_000_000} MB are left to others")
            _write(piece, file.fileno())


@dataclass(slots=True)
class _Draft:
    """A medium that is being got; at most `most` bytes of it are in memory."""

    most: int
    size: int = 0
    memory: bytearray = field(default_factory=bytearray)
    file: BinaryIO | None = None

    def content(self) -> bytes | BinaryIO:
        return bytes(self.memory) if self.file is None else self.file

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    for offset in range(0, len(content), PIECE_BYTES):
        yield content[offset : offset + PIECE_BYTES]
        await asyncio.sleep(0)


def _drop(held: _Held, medium: Medium) -> None:
    del held.media[medium.id]
    held.bytes -= medium.size
    medium.close()


def _close(file: BinaryIO) -> None:
    file.close()


def _read(file: FileIO, offset: int, size: int) -> bytes:
    with file:  # its position is shared with others, and not used
        return os.pread(file.fileno(), size, offset)


def _write(content: bytes, descriptor: int) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
