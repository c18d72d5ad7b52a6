"""All that is an event by the rules of one camera, of what is found in its live pictures one after the other: pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.crossings import Crossings, Line
from vms_bridge.detect.dwelling import Dwelling, DwellRules
from vms_bridge.detect.happenings import Direction
from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.left_objects import LeftObjects, LeftRules
from vms_bridge.detect.tracks import Tracker, TrackRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.detect.config_cameras import CameraSettings, LineSettings, ZoneSettings
    from vms_bridge.detect.happenings import Happening
    from vms_bridge.detect.values import Found

GAP_S = 30.0
"""Where no frame came for so long, nobody knows what has happened: what goes on is ended, and all begins anew."""
_MOST_FRAMES_LOST = 4


class _Watch(Protocol):
    """One rule."""

    def update(self, time_s: float, tracked: Sequence[Found]) -> list[Happening]:
        """Return what the next frame brings."""

    def end(self, time_s: float) -> list[Happening]:
        """Return what ends because nobody looks any more, and begin anew."""


class CameraRules:
    """Follows what a camera's frames show, and tells what happens by its rules; times are seconds of a monotonic clock.

    `vms_zones` are the names of its VMS's zones that include.
    """

    def __init__(self, settings: CameraSettings, vms_zones: Sequence[str] = (), *, prefix: str = "") -> None:
        lost_s = TrackRules().lost_s if settings.fps <= 0 else max(TrackRules().lost_s, _MOST_FRAMES_LOST / settings.fps)
        self._tracker = Tracker(TrackRules(lost_s=lost_s), prefix=prefix)
        self._gap_s = max(GAP_S, 2 * lost_s)
        self._watches: list[_Watch] = [Crossings(_line(name, line)) for name, line in settings.lines.items()]
        for name, zone in settings.zones.items():
            self._watches += _zone(name, zone, lost_s)
        if settings.vms_zone_events:
            self._watches += (Dwelling(DwellRules(zone=name, tells_presence=True, gone_s=lost_s)) for name in vms_zones)
        self._time_s = -math.inf

    @property
    def has_rules(self) -> bool:
        """Whether anything can be an event at all."""
        return bool(self._watches)

    def frame(self, time_s: float, found: Sequence[Found]) -> tuple[tuple[Found, ...], list[Happening]]:
        """Return what was found in a frame, each with its track, and what happens by that.

        A frame that is older than the one before says nothing any more: models look at several at a time.
        """
        if time_s < self._time_s:
            return tuple(found), []
        told = self._advance(time_s)
        tracked = self._tracker.update(self._time_s, found)
        return tracked, told + self._watched(tracked)

    def still(self, time_s: float) -> tuple[tuple[Found, ...], list[Happening]]:
        """Return the same for a frame that was not looked at, because nothing has moved since the one before."""
        told = self._advance(time_s)
        tracked = self._tracker.still(self._time_s)
        return tracked, told + self._watched(tracked)

    def end(self) -> list[Happening]:
        """Return what ends because the camera is not looked at any more."""
        if not math.isfinite(self._time_s):
            return []
        self._tracker.forget()
        return [happening for watch in self._watches for happening in watch.end(self._time_s)]

    def _advance(self, time_s: float) -> list[Happening]:
        """Go on to this time; return what has ended because no frame came for so long."""
        is_gap = time_s - self._time_s > self._gap_s
        ended = self.end() if is_gap else []
        self._time_s = max(self._time_s, time_s)
        return ended

    def _watched(self, tracked: Sequence[Found]) -> list[Happening]:
        return [happening for watch in self._watches for happening in watch.update(self._time_s, tracked)]


def _line(name: str, settings: LineSettings) -> Line:
    direction = None if settings.direction == "both" else Direction(settings.direction)
    return Line(name=name, points=settings.path, accepts=_accepting(settings.labels), direction=direction)


def _zone(name: str, settings: ZoneSettings, lost_s: float) -> Iterator[_Watch]:
    if settings.events or settings.loitering_s is not None:
        yield Dwelling(DwellRules(zone=name, tells_presence=settings.events, loitering_s=settings.loitering_s, gone_s=lost_s))
    if settings.left_s is not None or settings.removed_s is not None:
        accepts = _accepting(settings.left_labels)
        yield LeftObjects(LeftRules(zone=name, left_s=settings.left_s, removed_s=settings.removed_s, accepts=accepts))


def _accepting(labels: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether a label is meant by one of these patterns; by none of them: any label is."""
    patterns = [parse_pattern(label) for label in labels]
    return lambda label: not patterns or any(label in pattern for pattern in patterns)
