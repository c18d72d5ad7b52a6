"""The event log in files: appended to, mended after a kill, begun anew when one is full, and a bounded number of them.

The newest is at the path itself, `.1` is the one before it, and so on. Each is for its owner only. The log itself says how far
its events go, so that it can't disagree with anybody's notes: a kill may leave half a line, which is taken away.
Everything here blocks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.errors import OutputError
from vms_bridge.event_log.check import exposures
from vms_bridge.event_log.lines import BEGINNING, cursor_in, is_ours
from vms_bridge.event_log.output import failed
from vms_bridge.private_files import make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vms_bridge.history import Cursor

_LOGGER = logging.getLogger(__name__)
MOST_FILES = 100
_MODE = 0o600
_BLOCK = 65_536
_LONGEST_LINE = 4 * 1024 * 1024
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LogFile:
    """The file at `path` with those before it; none grows beyond `most_bytes` but for a single line."""

    def __init__(self, path: Path, *, most_bytes: int, most_files: int) -> None:
        self._path, self._name = path, path.name
        self._most_bytes, self._most_files = most_bytes, most_files
        self._lock = threading.Lock()
        self._directory = -1
        self._file = -1
        self._size = 0
        self._is_logged = False

    @property
    def place(self) -> str:
        """Where that is, for people."""
        return str(self._path)

    @property
    def resumes(self) -> bool:
        """Whether it can be read how far the events go in it."""
        return True

    def open(self) -> Cursor | None:
        """Open it, made if it is not there; take away half a line. Raises OutputError."""
        with self._lock:
            try:
                self._open()
                self._log_exposures()
                return self._newest_cursor()
            except OSError as error:
                self._close()
                raise failed(self.place, error) from error
            except OutputError:
                self._close()
                raise

    def write(self, lines: Sequence[bytes]) -> None:
        """Append these lines. Raises OutputError; what was written of them then is found by `open`."""
        with self._lock:
            try:
                if self._was_moved():
                    self._open()
                for chunk in self._chunks(lines):
                    self._append(chunk)
            except OSError as error:
                self._close()
                raise failed(self.place, error) from error
            except OutputError:
                self._close()
                raise

    def stop(self) -> None:
        """Do nothing: a disk takes what is written in its own time."""

    def close(self) -> None:
        """Let go of it, once it is on the disk: what is noted elsewhere of how far it goes shall hold after a power cut."""
        with self._lock:
            try:
                if self._file >= 0:
                    os.fsync(self._file)
            except OSError as error:
                raise failed(self.place, error) from error
            finally:
                self._close()

    def _open(self) -> None:
        self._close()
        make_directory(self._path.parent)
        self._directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._begin()

    def _log_exposures(self) -> None:
        """Say once what others can do to the log."""
        for exposure in () if self._is_logged else exposures(self._path):
            _LOGGER.warning("the event log: %s; %s", exposure.text, exposure.hint)
        self._is_logged = True

    def _close(self) -> None:
        for descriptor in (self._file, self._directory):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._file = self._directory = -1

    def _begin(self) -> None:
        """Open the newest file, in place of the one that is open, and be the only one to write to it."""
        before, self._file = self._file, _open_private(self._name, self._directory)
        if before >= 0:
            os.close(before)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise OutputError(f"{self.place} is no file", hint="set file: to another place")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"somebody else writes to {self.place}", hint="give each bridge a file of its own") from None
        if (head := os.pread(self._file, len(BEGINNING), 0)) and not is_ours(head):
            raise OutputError(f"{self.place} is no event log", hint="set file: to another place, or move that file away")
        self._size = _mended(self._file, self.place)

    def _was_moved(self) -> bool:
        """Say whether somebody has taken the file or its directory away, or put another in its place."""
        try:
            return not os.path.samestat(self._path.lstat(), os.fstat(self._file))
        except FileNotFoundError:
            return True

    def _chunks(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the lines together, as many as the file has room for; begin another file in between."""
        chunk: list[bytes] = []
        size = 0
        for line in lines:
            if self._size + size + len(line) > self._most_bytes and self._size + size > 0:
                yield b"".join(chunk)
                chunk, size = [], 0
                self._rotate()
            chunk.append(line)
            size += len(line)
        yield b"".join(chunk)

    def _append(self, chunk: bytes) -> None:
        """Append all of it, or nothing."""
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):  # else the next `open` does so
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(chunk)

    def _rotate(self) -> None:
        """Begin another file. A kill in between leaves a number free, and nothing is lost by that."""
        os.fsync(self._file)  # else a power cut could leave the newer file whole, and not this one
        names = [self._name, *(self._older(number) for number in range(1, self._most_files))]
        free = next((number for number, name in enumerate(names) if not self._exists(name)), len(names) - 1)
        for number in range(free, 0, -1):
            os.rename(names[number - 1], names[number], src_dir_fd=self._directory, dst_dir_fd=self._directory)
        for number in range(self._most_files, MOST_FILES):  # of a time when there might be more
            with suppress(FileNotFoundError):
                os.unlink(self._older(number), dir_fd=self._directory)
        self._begin()

    def _older(self, number: int) -> str:
        return f"{self._name}.{number}"

    def _exists(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _newest_cursor(self) -> Cursor | None:
        """Return what the last line says that says it, in the newest file that has one."""
        for name in (self._name, *(self._older(number) for number in range(1, MOST_FILES))):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._directory)
            except FileNotFoundError:
                continue
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    continue
                for line in _lines_backwards(descriptor):
                    if (cursor := cursor_in(line)) is not None:
                        return cursor
            finally:
                os.close(descriptor)
        return None


def _open_private(name: str, directory: int) -> int:
    """Open the file for its owner, whatever the umask; one that is there keeps its mode."""
    try:
        descriptor = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE, dir_fd=directory)
    except FileExistsError:
        return os.open(name, _FLAGS, dir_fd=directory)
    os.fchmod(descriptor, _MODE)
    return descriptor


def _mended(descriptor: int, place: str) -> int:
    """Take away a line without an end, if it is ours, or else end it; return the file's size."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    torn = next(_lines_backwards(descriptor), b"")
    if torn and is_ours(torn):
        _LOGGER.info("%s ends with half a line, as after a kill: it is taken away", place)
        os.ftruncate(descriptor, size - len(torn))
    else:
        os.write(descriptor, b"\n")
    return os.fstat(descriptor).st_size


def _lines_backwards(descriptor: int) -> Iterator[bytes]:
    """Yield the lines from the last one back, up to one that is far too long to be ours; the last may be empty."""
    end = os.fstat(descriptor).st_size
    rest = b""
    while end > 0:
        start = max(0, end - _BLOCK)
        rest = os.pread(descriptor, end - start, start) + rest
        end = start
        rest, *lines = rest.split(b"\n")
        yield from reversed(lines)
        if len(rest) > _LONGEST_LINE:
            return
    yield rest
