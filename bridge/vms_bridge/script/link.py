"""What joins the authors' API with the bridge: the worker puts itself in here, and outside of a worker there is nobody.

A process runs one script, so there is one such place for the process. It is the worker's to fill, and no author's.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vms_bridge.script.errors import OutsideBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from datetime import datetime

T = TypeVar("T")


class Link(Protocol):
    """The worker, as the API sees it."""

    @property
    def file(self) -> str:
        """The script's file, as it stands in the frames that run it."""

    def ask(self, what: str, words: Mapping[str, Any], make: Callable[[Mapping[str, Any], bytes], T], data: bytes) -> Future[T]:
        """Ask the bridge at once. Raises ScriptError where it can't even be sent."""

    def log(self, level: str, text: str, line: int) -> None:
        """Write a line into the script's log."""

    def run(self, handler: Callable[..., object], args: tuple[object, ...]) -> None:
        """Call that soon, as a handler is called: what it raises is logged."""

    def later(self, call: Callable[[], object]) -> None:
        """Have that called soon on the loop: what is cleared away may do nothing at once, it can come at any time."""

    def now(self) -> datetime:
        """Say what time it is by the bridge's clock, in the configured time zone."""

    @property
    def is_on_loop(self) -> bool:
        """Whether this is the thread of the event loop, in which nothing may wait without `await`."""


class Seat:
    """Where the worker sits."""

    def __init__(self) -> None:
        self.link: Link | None = None


SEAT = Seat()


def link() -> Link:
    """Return who joins this with the bridge. Raises OutsideBridge."""
    if SEAT.link is None:
        raise OutsideBridge("there is no bridge here", hint="try the script with: vms-bridge script test FILE")
    return SEAT.link


def author_line() -> int:
    """Return the line of the script that has called into this, 0 where none has."""
    if SEAT.link is None:
        return 0
    file = SEAT.link.file
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way to one's callers; inspect.stack reads files
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        if frame.f_back is None:
            break
        frame = frame.f_back
    return 0
