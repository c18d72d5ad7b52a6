"""What has to be known of the monitors to report their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vms_bridge.model import Event


class EventContext(Protocol):
    """The monitors, as an event tracker sees them."""

    async def ensure_described(self, monitor_ids: Collection[str]) -> None:
        """Describe these monitors before their events are reported, unless they were not found just now. Raises VmsError."""

    def zone_names(self, monitor_id: str) -> Mapping[str, str]:
        """Return by the names that ZoneMinder writes the names that the monitor's zones have now."""

    def tags_of(self, event_id: int) -> tuple[str, ...] | None:
        """Return the event's tags, None where they were not read."""

    def writes_pictures(self, monitor_id: str) -> bool:
        """Say whether the monitor's events have a picture from their beginning on, by its modes."""

    def has_pictures_at_end(self, monitor_id: str) -> bool:
        """Say whether they have one only when they have ended."""

    def is_dead(self, monitor_id: str) -> bool:
        """Say whether nothing can be at work on the monitor's events: it is gone, or does not capture."""

    def has_begun_anew(self, event: Event) -> bool:
        """Say whether what recorded the event was started again since, and knows nothing of it."""

    def open_events_changed(self, monitor_ids: Collection[str]) -> None:
        """Note that other events are open than before."""
