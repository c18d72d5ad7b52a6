"""What detection counts and measures of itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.detect.paces import Paces
from vms_bridge.logs import Trouble
from vms_bridge.measures import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.detect.engine import EngineHealth
    from vms_bridge.errors import BridgeError
    from vms_bridge.measures import Reading
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
EVENT, LIVE = "event", "live"


class Statistics:
    """Plain numbers; `queued` says how many pictures wait, by what they are of."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._trouble = Trouble(_LOGGER, "detection", monotonic)
        self.events = self.left_out = self.missing = self.still = self.drops = self.failures = self.refusals = 0
        self.looked = {EVENT: Histogram(), LIVE: Histogram()}
        """From when a picture was there, or asked for, until it was known what is in it."""
        self.busy_s: dict[MonitorKey, float] = {}
        """How long pictures were with the models, in all, by the monitor."""
        self.paces = Paces(monotonic)
        self.queued: dict[str, Callable[[], int]] = {}

    def busy(self, monitor: MonitorKey, seconds: float) -> None:
        """Count how long a picture of a monitor was with the models."""
        self.paces.looked(monitor, seconds)
        if monitor in self.busy_s or len(self.busy_s) < metrics.MOST_MONITORS:
            self.busy_s[monitor] = self.busy_s.get(monitor, 0.0) + seconds

    def event_looked(self, monitor: MonitorKey, seconds: float) -> None:
        """Count a frame of an event."""
        self._looked(EVENT, monitor, seconds)

    def live_looked(self, monitor: MonitorKey, seconds: float) -> None:
        """Count a live picture."""
        self._looked(LIVE, monitor, seconds)

    def dropped(self, monitor: MonitorKey) -> None:
        """Count a live picture that made room for a newer one."""
        self.drops += 1
        self.paces.dropped(monitor)

    def refused(self, error: BridgeError) -> None:
        """Count a picture that can't be read."""
        self.refusals += 1
        _LOGGER.info("a picture can't be looked at: %s", error)

    def failed(self, error: BridgeError) -> None:
        """Count, and tell, that something could not be looked at, or not be stored."""
        self.failures += 1
        self._trouble.report(error, hint=error.hint, code=error.code)

    def _looked(self, what: str, monitor: MonitorKey, seconds: float) -> None:
        self.paces.aged(monitor, seconds)
        self.looked[what].observe(seconds)
        self._trouble.over()

    def readings(self, health: EngineHealth, *, is_able: bool) -> Iterator[Reading]:
        """Yield all of it, with how the engine fares; `is_able`: some model is loaded."""
        yield metrics.SINK_CONNECTED.of(is_able and health.state == "running", "detect")
        for what, histogram in self.looked.items():
            yield metrics.DETECTION_LOOKS.of(histogram, what)
        for what, queued in self.queued.items():
            yield metrics.DETECTION_QUEUE.of(queued(), what)
        yield metrics.DETECTION_EVENTS.of(self.events)
        yield metrics.DETECTION_LEFT_OUT.of(self.left_out, "event")
        yield metrics.DETECTION_LEFT_OUT.of(self.drops, "dropped")
        yield metrics.DETECTION_LEFT_OUT.of(self.still, "still")
        yield metrics.DETECTION_LEFT_OUT.of(self.missing, "missing")
        yield metrics.DETECTION_LEFT_OUT.of(self.refusals, "refused")
        yield metrics.DETECTION_LEFT_OUT.of(self.failures, "failed")
        for (system, monitor), seconds in self.busy_s.items():
            yield metrics.DETECTION_BUSY.of(seconds, system, monitor)
        yield metrics.DETECTION_INFERRED.of(health.inferred)
        yield metrics.DETECTION_RESTARTS.of(health.restarts)
        if health.rss_bytes is not None:
            yield metrics.DETECTION_MEMORY.of(health.rss_bytes)
