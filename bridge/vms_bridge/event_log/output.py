"""Where the lines go: what a file and standard output have in common. Everything in here blocks, and is called in a thread."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from vms_bridge.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.history import Cursor

STDOUT = "standard output"
_ATOMIC_BYTES = 4096
"""PIPE_BUF of Linux: so much is written to a pipe at once or not at all, and has room when the pipe is said to be writable."""
_POLL_S = 0.5
_HINTS = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room: the quota is used up",
    errno.EFBIG: "make room: the file may not grow any more",
    errno.EROFS: "set file: to a place that can be written",
    errno.EACCES: "let the bridge's user write there, or set file: to another place",
    errno.EPERM: "let the bridge's user write there, or set file: to another place",
    errno.ELOOP: "it is a link, and the bridge follows none there: set file: to where it leads",
    errno.EISDIR: "it is a directory: set file: to the path of a file",
    errno.EEXIST: "a part of its path is a file: set file: to another place",
    errno.ENOTDIR: "a part of its path is a file: set file: to another place",
    errno.EPIPE: "whoever read it has gone; start the bridge anew together with its reader",
}


class Output(Protocol):
    """A place for lines; used by one caller at a time, and again after a failure."""

    @property
    def place(self) -> str:
        """Where that is, for people."""

    @property
    def resumes(self) -> bool:
        """Whether it can be read how far the events go in it."""

    def open(self) -> Cursor | None:
        """Be ready to write; return how far the events go in it, None where it does not say. Raises OutputError."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Write whole lines; after a failure `open` says how far it has come. Raises OutputError."""

    def stop(self) -> None:
        """Have a write that is under way end soon. May be called from anywhere, and does not block."""

    def close(self) -> None:
        """Let go of it, once all is safe in it; waits for a write that is under way. Raises OutputError."""


def failed(place: str, error: OSError) -> OutputError:
    """Return what the system said, in words."""
    return OutputError(f"{place} can't be written: {error.strerror or error}", hint=_HINTS.get(error.errno or 0, ""))


_WRITING = threading.Lock()
"""The process has one standard output: a writer that was left behind with half a line ends that before another begins."""


class StandardOutput:
    """The program's standard output: a pipe to a reader that may be slow, or gone, or a file, a terminal, a socket."""

    def __init__(self) -> None:
        self._is_over = threading.Event()

    @property
    def place(self) -> str:
        """Where that is, for people."""
        return STDOUT

    @property
    def resumes(self) -> bool:
        """Whether it can be read how far the events go in it."""
        return False

    def open(self) -> None:
        """Be ready; it does not say how far it has got. Raises OutputError where there is none."""
        self._descriptor()

    def write(self, lines: Sequence[bytes]) -> None:
        """Write lines as they are taken. Raises OutputError; then some may have been written."""
        while not _WRITING.acquire(timeout=_POLL_S):
            self._end_if_over()
        try:
            descriptor = self._descriptor()
            for line in lines:
                self._write(descriptor, line)
        except OSError as error:
            raise failed(STDOUT, error) from error
        finally:
            _WRITING.release()

    def stop(self) -> None:
        """Begin no line any more."""
        self._is_over.set()

    def close(self) -> None:
        """Leave it open: it is the program's."""

    def _descriptor(self) -> int:
        try:  # one that was closed before the program's start is None, and its number is another file's
            return sys.stdout.fileno()
        except (AttributeError, OSError, ValueError):
            raise OutputError("the program has no standard output", hint="set file: to the path of a file") from None

    def _write(self, descriptor: int, line: bytes) -> None:
        """Write one line; one that was begun is ended, so that no line is ever torn."""
        rest = memoryview(line)
        while rest:
            if len(rest) == len(line):
                self._end_if_over()
            if not _is_writable(descriptor):
                continue
            try:
                rest = rest[os.write(descriptor, rest[:_ATOMIC_BYTES]) :]
            except BlockingIOError:  # somebody has made it so
                continue

    def _end_if_over(self) -> None:
        if self._is_over.is_set():
            raise OutputError("the event log has ended")


def _is_writable(descriptor: int) -> bool:
    """Wait a moment for room; also true where writing would fail at once."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(_POLL_S * 1000))
