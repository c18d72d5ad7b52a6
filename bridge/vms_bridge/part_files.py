"""Files that are whole or not there: written under another name, and given their own in one step. Everything here blocks."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from vms_bridge.errors import NoRoom, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vms_bridge.errors import BridgeError

TAIL_BYTES = 64 * 1024
"""So much of the end of what is there already is asked for again, to see whether it is of the same video."""


class Part:
    """What is there of a file that is not whole yet; `of` names what it is a part of, so that nothing else is added to it."""

    def __init__(self, target: Path, of: str) -> None:
        self.target = target
        self._path = target.with_name(f".{target.name}.{of}.part")
        self._file: BinaryIO | None = None

    def open(self, *, keep: bool) -> int:
        """Open it, make it if there is none, and return how many bytes it has. Raises OutputError or NoRoom."""
        with _explained(self._path):
            # Opened to append, so that another program's part is not emptied before it is known to be nobody's.
            self._file = self._path.open("a+b")
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise OutputError(f"{self._path} is being written already", hint="by another program, or another call") from None
            if not keep:
                self._file.truncate(0)
            return self._file.seek(0, os.SEEK_END)

    def tail(self) -> bytes:
        """Return its last bytes."""
        file = self._opened
        with _explained(self._path):
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read(TAIL_BYTES)

    def cut(self, size: int) -> None:
        """Have it be no longer than that."""
        file = self._opened
        with _explained(self._path):
            file.truncate(size)
            file.seek(size)

    def write(self, piece: bytes) -> None:
        """Add this to it."""
        with _explained(self._path):
            self._opened.write(piece)

    def finish(self) -> None:
        """Give it its own name."""
        file = self._opened
        with _explained(self._path):
            file.flush()
            os.fsync(file.fileno())
        self.close()
        with _explained(self.target):
            self._path.replace(self.target)

    def close(self) -> None:
        """Let go of it; it stays where it is."""
        file, self._file = self._file, None
        if file is not None:
            with _explained(self._path):
                file.close()

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise OutputError(f"{self._path} is not open")
        return self._file


@contextmanager
def replaced(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `target` once it is written. Raises OutputError or NoRoom."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _explained(target):
            with beside.open("wb") as file:
                yield file
            beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _explanation(error, path) from None


def _explanation(error: OSError, path: Path) -> BridgeError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoRoom(f"there is no room for {path}", hint="what has come so far is kept: make room, and try again")
    hint = "does the folder exist, and may you write there?"
    return OutputError(f"{path} can't be written: {error.strerror or error}", hint=hint)
