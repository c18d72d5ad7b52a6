"""Which objects are before the cameras: told by backends frame by frame, and ended by the hub where no backend does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.model import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.model import MonitorState
    from vms_bridge.views import MonitorKey

LASTS_S = 60.0
"""How long objects are there after the last frame that showed them: a backend that sees them says so again before that."""


class Presence:
    """The newest detection of each monitor that had one; `tell` hears of each."""

    def __init__(self, clock: Clock, tell: Callable[[MonitorKey, Detection], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._newest: dict[MonitorKey, Detection] = {}
        self._until: dict[MonitorKey, float] = {}
        """When the objects that are there are taken for gone; the one that is due first comes first."""
        self._is_any = asyncio.Event()

    @property
    def newest(self) -> Mapping[MonitorKey, Detection]:
        """The newest of each monitor; one without objects where they have gone."""
        return self._newest

    def saw(self, key: MonitorKey, detection: Detection) -> None:
        """Take in what was seen."""
        self._until.pop(key, None)
        if detection.objects:
            self._until[key] = self._clock.monotonic() + LASTS_S
            self._is_any.set()
        self._newest[key] = detection
        self._tell(key, detection)

    def end(self, keys: Iterable[MonitorKey]) -> None:
        """Tell of those of these monitors that show objects that there are none any more."""
        for key in keys:
            if key in self._until:
                last = self._newest[key]
                self.saw(key, Detection(monitor_id=last.monitor_id, time=self._clock.now(), source=last.source))

    def forget(self, keys: Iterable[MonitorKey]) -> None:
        """End what these monitors show, and remember nothing of them: they are gone."""
        for key in keys:
            self.end((key,))
            self._newest.pop(key, None)

    async def run(self) -> None:
        """End what nobody has seen for a while, until cancelled."""
        while True:
            await self._is_any.wait()
            if not self._until:
                self._is_any.clear()
                continue
            await self._clock.sleep(max(0.0, next(iter(self._until.values())) - self._clock.monotonic()))
            now = self._clock.monotonic()
            self.end([key for key, until in self._until.items() if until <= now])


def is_ended(before: MonitorState, now: MonitorState) -> bool:
    """Say whether a change of a monitor's state ends what it has shown: nobody sees it, or looks for it, any more."""
    if not now.available:
        return True
    return any(
        was is not False and is_now is False
        for was, is_now in (
            (before.connected, now.connected),
            (before.armed, now.armed),
            (before.detection, now.detection),
        )
    )
