"""How a ZoneMinder's local times are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo


@dataclass(slots=True)
class LocalTime:
    """The zone of one configured system's times; it outlives connections, and may change while one lives."""

    zone: tzinfo | None = None
    """None: it was never told."""

    @property
    def is_known(self) -> bool:
        """Whether times can be told."""
        return self.zone is not None

    @property
    def reading(self) -> tzinfo:
        """The zone to read times in; UTC where none is known, so that they can be compared among themselves."""
        return self.zone or UTC

    @property
    def name(self) -> str | None:
        """The zone's name for people."""
        return None if self.zone is None else str(self.zone)
