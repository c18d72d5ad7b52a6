"""One source of live video: read once for all that look, begun for the first of them and ended some seconds after the last."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from vms_bridge.backoff import Backoff
from vms_bridge.errors import BridgeError, VideoFailed
from vms_bridge.logs import Trouble
from vms_bridge.video.broadcast import Broadcast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

    from vms_bridge.archive import LiveForm
    from vms_bridge.boundary import Boundary
    from vms_bridge.clock import Clock
    from vms_bridge.video.broadcast import Viewer

_LOGGER = logging.getLogger(__name__)
LINGER_S = 10.0
"""How long it is read on when nobody looks: players open a stream, look what it is, and open it again."""
FIRST_S = 25.0
"""How long somebody waits for something to come at all."""
SILENT_S = 60.0
"""How long somebody who has seen something waits for more."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_GRACE_S = 5.0
"""A child that does not end when it is asked to is killed, and that takes its time."""


class Source(Protocol):
    """Where the video comes from."""

    async def read(self, to: Broadcast, since_s: float) -> None:
        """Read it into the broadcast, its times beginning at `since_s`, until it ends. Raises BridgeError."""


class Upstream:
    """Reads a source while somebody looks; `on_end` is called when it reads no more, and it is of no use then."""

    def __init__(
        self,
        name: str,
        source: Source,
        forms: Iterable[LiveForm],
        clock: Clock,
        *,
        boundary: Boundary,
        on_end: Callable[[], None],
    ) -> None:
        self._name, self._source, self._clock, self._on_end = name, source, clock, on_end
        self._boundary = boundary
        self.broadcast = Broadcast(forms)
        self._reading = asyncio.create_task(self._read(), name=f"live {name}")
        self._lingering: asyncio.Task[None] | None = None
        self._error: BridgeError | None = None
        """Why nothing comes now."""
        self._is_over = False

    @asynccontextmanager
    async def viewing(self, form: LiveForm, *, wants_newest: bool = False) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Look at it: yields its pieces. Raises BridgeError where nothing comes at all."""
        if self._is_over:
            raise VideoFailed(f"the video of {self._name} has ended", hint="try again")
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        viewer = self.broadcast.join(form, wants_newest=wants_newest)
        if self._error is not None:
            viewer.fail(self._error)
        try:
            yield self._pieces(viewer)
        finally:
            self.broadcast.leave(form, viewer)
            if self.broadcast.viewers == 0 and not self._is_over:
                self._lingering = asyncio.create_task(self._linger(), name=f"live {self._name}: nobody looks")

    async def close(self) -> None:
        """Read no more, and end it for all who look."""
        if not self._is_over:
            self._is_over = True
            self._on_end()
        self.broadcast.close()
        tasks = [task for task in (self._reading, self._lingering) if task is not None and task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _linger(self) -> None:
        await self._clock.sleep(LINGER_S)
        await self.close()

    async def _pieces(self, viewer: Viewer) -> AsyncGenerator[bytes, None]:
        limit_s, what = FIRST_S, "no video has come"
        while True:
            try:
                async with self._clock.timeout(limit_s):
                    piece = await viewer.next()
            except TimeoutError:
                raise VideoFailed(f"{what} from {self._name} within {limit_s:g} s") from None
            if piece is None:
                return
            limit_s, what = SILENT_S, "nothing more has come"
            yield piece

    async def _read(self) -> None:
        """Read again and again, waiting longer each time."""
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        trouble = Trouble(_LOGGER, f"the live video of {self._name} is interrupted", self._clock.monotonic)
        first = self._clock.monotonic()
        while True:
            began, before = self._clock.monotonic(), self.broadcast.pieces
            outcome = await self._boundary.attempt("live", lambda: self._attempt(first), grace_s=_GRACE_S)
            error = outcome.error if isinstance(outcome.error, BridgeError) else VideoFailed("its video has ended")
            self._error = error
            self.broadcast.interrupted(error)
            trouble.report(error, hint=error.hint, code=error.code, level=logging.INFO)
            lasted_s = self._clock.monotonic() - began if self.broadcast.pieces > before else 0.0
            await self._clock.sleep(backoff.failed(lasted_s=lasted_s))
            self._error = None

    async def _attempt(self, first: float) -> None:
        await self._source.read(self.broadcast, self._clock.monotonic() - first)
