"""How a ZoneMinder's local times are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo

from vms_bridge.zoneminder.event_times import OFFSETS, zone_of

KEPT_OFFSET = "time_offset"
"""The key of what is kept of the clock."""
_DIGITS = 7


@dataclass(slots=True)
class LocalTime:
    """The zone of one configured system's times; it outlives connections, and may change while one lives."""

    zone: tzinfo | None = None
    """What ZoneMinder reports; None: it never did."""
    by_rows: timedelta | None = None
    """How far its events are off UTC, by what their rows say themselves, where the zone does not say so."""
    by_clock: timedelta | None = None
    """The same by the clock of its web server, which is believed before all others."""
    problem: str | None = None
    """What is wrong with its times, for people."""

    @property
    def is_known(self) -> bool:
        """Whether times can be reported."""
        return self.zone is not None or self.by_rows is not None

    @property
    def reading(self) -> tzinfo:
        """The zone to read times in; UTC where none is known, so that they can be compared among themselves."""
        if self.offset is not None:
            return zone_of(self.offset)
        return self.zone or UTC

    @property
    def offset(self) -> timedelta | None:
        """How far times are off UTC, where that is known otherwise than by the zone that ZoneMinder reports."""
        return self.by_rows if self.by_clock is None else self.by_clock

    @property
    def name(self) -> str | None:
        """The zone's name for people."""
        if self.offset is not None:
            return str(zone_of(self.offset))
        return None if self.zone is None else str(self.zone)

    def to_text(self) -> str | None:
        """Write down what the clock has shown, to be kept."""
        return None if self.by_clock is None else f"{self.by_clock.total_seconds():.0f} {self.zone}"

    def recall(self, text: str | None) -> None:
        """Note what `to_text` has written, where it is about the zone that is reported now."""
        seconds, _, zone = (text or "").partition(" ")
        offset = timedelta(seconds=int(seconds)) if seconds.lstrip("-").isdecimal() and len(seconds) < _DIGITS else None
        if self.by_clock is None and self.zone is not None and zone == str(self.zone) and offset in OFFSETS:
            self.by_clock = offset

    def set_zone(self, zone: tzinfo | None) -> None:
        """Set the zone that ZoneMinder reports; with another one all that contradicted the last is to be seen anew."""
        if zone != self.zone:
            self.zone, self.by_rows, self.by_clock, self.problem = zone, None, None, None
