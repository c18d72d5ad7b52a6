"""A simulated system whose archive hangs, breaks off, or gives something else, as a test wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.archive import ByteRange, LogLine, LogQuery, MediaRef, VideoSource
    from vms_bridge.backends.simulator.backend import Simulator


@dataclass
class Lying:
    """An archive that hangs, breaks off, or gives something else."""

    inner: Any
    does: str = "answer"
    started: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0
    is_read: bool = False
    lines: Sequence[LogLine] | None = None
    content_type = "image/jpeg"
    part: Any = None
    length: int | None = 100

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self.inner, name)

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Any:  # noqa: ANN401 - as the real one
        if self.does in {"answer", "no video"}:
            return await self.inner.media(ref, byte_range)
        self.started.set()
        if self.does == "hang":
            await asyncio.Event().wait()
        self.content_type = "text/html" if self.does == "html" else "image/jpeg"
        return self

    async def read(self) -> bytes:
        if self.is_read and self.does == "stall":
            await asyncio.Event().wait()
        self.is_read, said = True, b"" if self.is_read else b"x" * 50
        return said

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        if self.does == "no video":
            return []
        if self.does == "unreachable":
            raise VmsUnreachable("it does not answer")
        if self.does == "hang":
            await asyncio.Event().wait()
        return await self.inner.video_sources(monitor_id)  # type: ignore[no-any-return]

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        if self.does == "unreachable":
            raise VmsUnreachable("it does not answer")
        if self.does == "hang":
            await asyncio.Event().wait()
        return self.lines if self.lines is not None else await self.inner.logs(query)

    async def close(self) -> None:
        self.closed += 1


class Wrapped:
    """A simulator with another archive."""

    def __init__(self, inner: Simulator, archive: Lying) -> None:
        self._inner, self.archive = inner, archive

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self._inner, name)
