"""A monitor's pictures, one after the other, as fast as the script can take them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from vms_bridge.script.asked import ask, nothing
from vms_bridge.script.link import SEAT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from vms_bridge.script.asked import Asked


class Frame:
    """One picture: `data` is a JPEG, `time` is when it was taken."""

    __slots__ = ("data", "height", "time", "width")

    def __init__(self, words: Mapping[str, Any], data: bytes) -> None:
        self.data = data
        self.time: datetime | None = _time(words.get("time"))
        self.width: int | None = words.get("width")
        self.height: int | None = words.get("height")

    def __repr__(self) -> str:
        return f"<Frame {self.time} {len(self.data)} bytes>"


class Frames:
    """`async for frame in monitor.frames(2): ...`: ends when you leave the loop, or the monitor can't be seen any more."""

    __slots__ = ("_is_closed", "_stream", "_words")

    def __init__(self, words: Mapping[str, Any]) -> None:
        self._words = words
        self._stream: Any = None
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        if self._is_closed:
            raise StopAsyncIteration
        if self._stream is None:
            self._stream = await self._open().or_given_back(_close)
        try:
            return await ask("frames.next", {"stream": self._stream}, Frame)
        except BaseException:
            self.close()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def next(self) -> Asked[Frame]:
        """Ask for the next one, in a plain `def` handler: `frames.next().result()`."""
        if self._stream is None:
            self._stream = self._open().result()
        return ask("frames.next", {"stream": self._stream}, Frame)

    def close(self) -> None:
        """Look at no more of them."""
        if not self._is_closed and self._stream is not None:
            _close(self._stream)
        self._is_closed = True

    def __del__(self) -> None:
        self.close()

    def _open(self) -> Asked[Any]:
        return ask("frames.open", self._words, lambda said, _: said["stream"])


def _close(stream: object) -> None:
    here = SEAT.link
    if here is not None:
        here.later(lambda: here.ask("frames.close", {"stream": stream}, nothing, b""))


def _time(text: object) -> datetime | None:
    if isinstance(text, int | float):
        return datetime.fromtimestamp(text).astimezone()
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
