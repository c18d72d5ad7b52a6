"""Shared memory for pictures: a file without a name that the worker gets open, and both map.

It can be neither shrunk nor grown by whoever has it, so that the worker can't take memory away below the bridge. Pages take
memory when they are first written only, and are given back when a large picture has left its slot.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress

from vms_bridge.detect.engine.wire import Stage

SLOTS = 8
"""How many pictures are with the worker at a time."""
SLOT_BYTES = 32 * 1024 * 1024
"""How large a picture may be, as it comes or decoded: RGB of 3840 x 2160 pixels has 25 MB."""
_MARKS_BYTES = mmap.PAGESIZE
"""The first page has a byte for each slot: its stage."""
_KEPT_BYTES = 4 * 1024 * 1024
"""So much memory stays with a slot that is free: what most pictures take, decoded ones too, for to get pages anew costs more than
to write into them."""
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Slots:
    """The memory, on either side: made by the bridge, opened by the worker. `close` it."""

    def __init__(self, file: int, *, slots: int = SLOTS, slot_bytes: int = SLOT_BYTES) -> None:
        self.file, self.count, self.slot_bytes = file, slots, slot_bytes
        self._memory = mmap.mmap(file, _size(slots, slot_bytes))

    @classmethod
    def make(cls, *, slots: int = SLOTS, slot_bytes: int = SLOT_BYTES) -> Slots:
        """Make it. Raises OSError."""
        file = os.memfd_create("vms-bridge-pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(file, _size(slots, slot_bytes))
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            return cls(file, slots=slots, slot_bytes=slot_bytes)
        except BaseException:
            os.close(file)
            raise

    def write(self, slot: int, data: bytes | memoryview) -> int:
        """Put a picture into a slot; returns its size. Raises ValueError if it is too large."""
        view = memoryview(data)
        if view.nbytes > self.slot_bytes:
            raise ValueError("the picture is larger than its slot")
        start = self._start(slot)
        self._memory[start : start + view.nbytes] = view
        return view.nbytes

    def read(self, slot: int, size: int) -> bytes:
        """Return what is in a slot, as a copy that nobody changes any more. Raises ValueError if that can't be in it."""
        if not 0 <= size <= self.slot_bytes:
            raise ValueError("a slot has not so many bytes")
        start = self._start(slot)
        return self._memory[start : start + size]

    def view(self, slot: int, size: int) -> memoryview:
        """Return what is in a slot without copying it; to be released before `close`."""
        start = self._start(slot)
        return memoryview(self._memory)[start : start + size]

    def mark(self, slot: int, stage: Stage) -> None:
        """Note what is done with a slot's picture."""
        self._memory[slot] = stage

    def stage(self, slot: int) -> Stage:
        """Return what was last done with it, as the worker says."""
        try:
            return Stage(self._memory[slot])
        except ValueError:
            return Stage.IDLE

    def clear(self, slot: int, used: int) -> None:
        """Have a slot be free, of which so many bytes were used."""
        self.mark(slot, Stage.IDLE)
        if used > _KEPT_BYTES:
            with suppress(OSError):  # where that can't be done, the memory stays with the slot
                self._memory.madvise(mmap.MADV_REMOVE, self._start(slot), -(-used // mmap.PAGESIZE) * mmap.PAGESIZE)

    def close(self) -> None:
        """Let go of it."""
        self._memory.close()
        os.close(self.file)

    def _start(self, slot: int) -> int:
        if not 0 <= slot < self.count:
            raise ValueError("there is no such slot")
        return _MARKS_BYTES + slot * self.slot_bytes


def _size(slots: int, slot_bytes: int) -> int:
    return _MARKS_BYTES + slots * slot_bytes
