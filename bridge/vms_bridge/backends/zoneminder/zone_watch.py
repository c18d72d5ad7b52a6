"""In which zones of one monitor something moves, by the list of them that its capture daemon goes by.

A daemon reads the zones when it starts, and anew after an edit in the web page, which shows as another start. After an edit
by the API it keeps the old ones: the list that the API gives then is another than the one that the scores are in the order of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.named_zones import named_zones
from vms_bridge.backends.zoneminder.zones import alarmed_by_scores, watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder import Zone
    from vms_bridge.zoneminder.memory import Sample

# Somebody who moves has a score in most frames, not in all.
_IN_ZONE_S = 1.0
# A daemon's start is known in whole seconds.
_SECOND_S = 1
_CONTRADICTIONS = 3


@dataclass(slots=True)
class Loaded:
    """The zones that a daemon has read when it started, at `startup`; names and shapes are not known beyond a restart of ours."""

    startup: int
    zones: tuple[Zone, ...]
    is_whole: bool = True
    contradictions: int = 0
    """How often the daemon has named other zones than those that the scores seemed to be of."""

    @property
    def is_believed(self) -> bool:
        """Whether the scores are those of these zones, as far as is known."""
        return self.contradictions < _CONTRADICTIONS

    def goes_by(self, zones: tuple[Zone, ...]) -> bool:
        """Say whether these are the zones that it has read, as far as is known."""
        if self.is_whole:
            return self.zones == zones
        return [(zone.id, zone.kind) for zone in self.zones] == [(zone.id, zone.kind) for zone in zones]


@dataclass(slots=True)
class ZoneWatch:
    """What is known of one monitor's zones; all lists are in ZoneMinder's order, and of zones of all kinds."""

    listed: tuple[Zone, ...] = ()
    """As the API gives them."""
    read_at: float = 0.0
    """When it was asked for them, as Unix time."""
    loaded: Loaded | None = None
    has_scores: bool = False
    """Whether the daemon's version writes scores for zones."""
    _left: dict[str, float] = field(default_factory=dict)
    """When the last frame was in which a zone, by id, was alarmed."""
    _is_proved: bool = False
    _complains: bool = False

    @property
    def count(self) -> int:
        """How many scores are to be read."""
        return len(self.listed if self.loaded is None else self.loaded.zones)

    def are_old(self, startup: int) -> bool:
        """Say whether the daemon that was started then may have other zones than the ones that are known."""
        return self.loaded is None or self.loaded.startup != startup

    def problem(self, sample: Sample | None) -> str | None:
        """Say what is wrong with the zones, for people."""
        loaded = self.loaded
        if sample is None or loaded is None or loaded.startup != sample.startup or not self.has_scores:
            return None
        if loaded.goes_by(self.listed) and loaded.is_believed:
            return None
        return "its zones were edited, and its daemon still goes by the old ones: restart it"

    def take(self, zones: tuple[Zone, ...], read_at: float) -> None:
        """Note what the API lists, asked at that time."""
        self.listed, self.read_at = zones, read_at
        if self.loaded is not None and not self.loaded.is_whole and self.loaded.goes_by(zones):
            self.loaded = Loaded(self.loaded.startup, zones)

    def saw(self, before: Sample | None, sample: Sample, monotonic: float) -> None:
        """Process a sample of the shared memory, and the one before it."""
        if before is not None:
            self._left.update(dict.fromkeys(self.alarmed(before) or (), monotonic))
        self.has_scores = self.has_scores or sample.scored_zones is not None
        if self.are_old(sample.startup) and sample.startup + _SECOND_S <= self.read_at:
            self.loaded, self._is_proved = Loaded(sample.startup, self.listed), False
        if before is not None and sample.last_event != before.last_event and not self.are_old(sample.startup):
            self._compare(sample)

    def alarmed(self, sample: Sample) -> frozenset[str] | None:
        """Return which zones have motion; None where there are no scores, or nobody knows whose they are."""
        loaded = self.loaded
        if sample.scored_zones is None or loaded is None or loaded.startup != sample.startup or not loaded.is_believed:
            return None
        return alarmed_by_scores(loaded.zones, sample.scored_zones) if True in sample.scored_zones else frozenset()

    def occupied(self, sample: Sample, monotonic: float) -> dict[str, bool | None] | None:
        """Return in which of the zones, by id, something moves; None for those that the daemon does not know yet."""
        alarmed = self.alarmed(sample)
        if alarmed is None or self.loaded is None:
            return None
        known = {zone.id for zone in watching(self.loaded.zones)}
        lately = monotonic - _IN_ZONE_S
        return {
            zone.id: zone.id in alarmed or self._left.get(zone.id, float("-inf")) > lately if zone.id in known else None
            for zone in watching(self.listed)
        }

    def complains(self) -> bool:
        """Say whether it has just shown that the scores are not those of the zones that are known."""
        complains, self._complains = self._complains, False
        return complains

    def _compare(self, sample: Sample) -> None:
        """Compare the zones that the daemon itself names at an event's beginning with those that have a score then."""
        loaded = self.loaded
        if loaded is None or not loaded.is_whole or self._is_proved or not loaded.is_believed:
            return
        named = set(named_zones("", [zone.name for zone in loaded.zones], cause=sample.cause).names)
        pairs = zip(loaded.zones, sample.scored_zones or (), strict=False)
        scored = {zone.name for zone, has_score in pairs if has_score}
        if not sample.cause.startswith("Motion:") or not scored or len(scored) == len(loaded.zones):
            return
        self._is_proved = named == scored
        loaded.contradictions += named.isdisjoint(scored)
        self._complains = not loaded.is_believed

    def names(self) -> Mapping[str, str]:
        """Return by the names that the daemon writes those that the zones have now, where motion makes an alarm."""
        now = {zone.id: zone.name for zone in watching(self.listed)}
        found = {name: name for name in now.values()}
        if self.loaded is not None and self.loaded.is_whole:
            found |= {zone.name: now[zone.id] for zone in self.loaded.zones if zone.id in now}
        return found
