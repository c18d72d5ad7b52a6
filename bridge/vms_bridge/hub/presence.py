"""Which objects are before the cameras: reported frame by frame by whoever sees them, and ended by the hub where nobody does."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from vms_bridge.model import Detection
from vms_bridge.objects import ObjectCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.model import MonitorState
    from vms_bridge.views import MonitorKey

LASTS_S = 60.0
"""How long objects are there after the last frame that showed them: who sees them says so again before that."""
MOST_SOURCES = 16
"""How many see objects at one monitor; who reported longest ago makes room for another one."""


class Presence:
    """The newest detection of each monitor, by each source that had one.

    `report` gets each, `show` what is there by all of them; None where nobody watches, or nobody knows.
    """

    def __init__(
        self,
        clock: Clock,
        report: Callable[[MonitorKey, Detection], None],
        show: Callable[[MonitorKey, ObjectCounts | None], None],
    ) -> None:
        self._clock = clock
        self._report = report
        self._show = show
        self._newest: dict[MonitorKey, dict[str, Detection]] = {}
        """Of each source, the one that reported last comes last; one without objects where they have gone."""
        self._watching: dict[MonitorKey, set[str]] = {}
        """Who has reported since the monitor was lost last."""
        self._until: dict[tuple[MonitorKey, str], float] = {}
        """When the objects that are there are taken for gone; the one that is due first comes first."""
        self._is_any = asyncio.Event()

    def newest(self, key: MonitorKey) -> Iterable[Detection]:
        """Return the newest detections of a monitor, one of each source."""
        return self._newest.get(key, {}).values()

    def saw(self, key: MonitorKey, detection: Detection) -> None:
        """Note what was seen."""
        of_sources = self._newest.setdefault(key, {})
        if detection.source not in of_sources and len(of_sources) >= MOST_SOURCES:
            self._lose(key, next(iter(of_sources)))
        self._watching.setdefault(key, set()).add(detection.source)
        self._take(key, detection)
        self._show(key, self._counts(key))

    def end(self, keys: Iterable[MonitorKey]) -> None:
        """End all objects of these monitors, and say that nobody knows what is there."""
        for key in keys:
            for source in list(self._newest.get(key, ())):
                self._empty(key, source)
            if self._watching.pop(key, None):
                self._show(key, None)

    def forget(self, keys: Iterable[MonitorKey]) -> None:
        """End what these monitors show, and remember nothing of them: they are gone."""
        for key in keys:
            self.end((key,))
            self._newest.pop(key, None)

    def leave(self, source: str) -> None:
        """End all that this source shows: it is no more."""
        for key in [key for key, of_sources in self._newest.items() if source in of_sources]:
            self._lose(key, source)
            self._show(key, self._counts(key))

    async def run(self) -> None:
        """End what nobody has seen for a while, until cancelled."""
        while True:
            await self._is_any.wait()
            if not self._until:
                self._is_any.clear()
                continue
            await self._clock.sleep(max(0.0, next(iter(self._until.values())) - self._clock.monotonic()))
            now = self._clock.monotonic()
            for key, source in [each for each, until in self._until.items() if until <= now]:
                self._empty(key, source)
                self._watching.get(key, set()).discard(source)  # who sees objects would have reported
                self._show(key, self._counts(key))

    def _take(self, key: MonitorKey, detection: Detection) -> None:
        of_sources, each = self._newest[key], (key, detection.source)
        self._until.pop(each, None)
        if detection.objects:
            self._until[each] = self._clock.monotonic() + LASTS_S
            self._is_any.set()
        of_sources.pop(detection.source, None)
        of_sources[detection.source] = detection
        self._report(key, detection)

    def _empty(self, key: MonitorKey, source: str) -> None:
        """End a source's objects, if it has reported some."""
        if (key, source) in self._until:
            last = self._newest[key][source]
            self._take(key, Detection(monitor_id=last.monitor_id, time=self._clock.now(), source=source))

    def _lose(self, key: MonitorKey, source: str) -> None:
        self._empty(key, source)
        del self._newest[key][source]
        self._watching.get(key, set()).discard(source)

    def _counts(self, key: MonitorKey) -> ObjectCounts | None:
        """Return what is there: of each label as many as whoever sees most of them."""
        watching = self._watching.get(key)
        if not watching:
            return None
        seen = [self._newest[key][source] for source in watching]
        zones = {zone for detection in seen for one in detection.objects for zone in one.zones}
        return ObjectCounts(
            labels=_most(_labels(detection) for detection in seen),
            zones={zone: _most(_labels(detection, zone) for detection in seen) for zone in sorted(zones)},
        )


def _labels(detection: Detection, zone: str | None = None) -> Iterator[str]:
    return (one.label for one in detection.objects if zone is None or zone in one.zones)


def _most(of_sources: Iterable[Iterable[str]]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for labels in of_sources:
        counts |= Counter(labels)
    return dict(sorted(counts.items()))


def is_ended(before: MonitorState, now: MonitorState) -> bool:
    """Say whether a change of a monitor's state ends what it has shown: nobody sees or searches for it any more."""
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
