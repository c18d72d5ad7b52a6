"""A source of live video that a test drives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.archive import LiveForm
from vms_bridge.video.broadcast import Piece

if TYPE_CHECKING:
    from vms_bridge.video.broadcast import Broadcast


@dataclass
class Camera:
    """A source that a test drives; `faults` are of the next attempts."""

    faults: list[BaseException] = field(default_factory=list)
    forms: tuple[LiveForm, ...] = (LiveForm.MPEG_TS,)
    began: list[float] = field(default_factory=list)
    to: Broadcast | None = None
    fault: asyncio.Future[None] | None = None

    async def read(self, to: Broadcast, since_s: float) -> None:
        self.began.append(since_s)
        if self.faults:
            raise self.faults.pop(0)
        to.begin("h264")
        self.to, self.fault = to, asyncio.get_running_loop().create_future()
        try:
            await self.fault
        finally:
            self.to = None

    def give(self, data: bytes, *, is_key: bool = True) -> None:
        """Send this in every form."""
        assert self.to is not None
        for form in self.forms:
            self.to.publish(form, Piece(data, is_key=is_key))

    def fail(self, error: BaseException | None) -> None:
        assert self.fault is not None
        if error is None:
            self.fault.set_result(None)
        else:
            self.fault.set_exception(error)
