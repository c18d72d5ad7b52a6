"""The events of a system that may still change: open ones, and for a while those that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from vms_bridge.model import Enrichment, Event

RECENT_S = 120.0
"""How long an event that has ended, or was changed after its end, counts as recent."""
MOST_RECENT = 500


class FollowedEvents:
    """Holds each event with the key of its monitor; bounded by what is open and `MOST_RECENT`."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        events: Iterable[tuple[str, Event]] = (),
        *,
        late: Collection[str] = (),
        enrichments: Mapping[str, Mapping[str, Enrichment]] | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._events: dict[str, tuple[str, Event]] = {}
        self._ended: dict[str, float] = {}
        """When each that is over was last reported, the latest last."""
        self._late: set[str] = set()
        self._enrichments: dict[str, Mapping[str, Enrichment]] = {}
        self.add(events, late=late, enrichments=enrichments)

    @property
    def open(self) -> tuple[Event, ...]:
        """Those that are open."""
        return tuple(event for _, event in self._events.values() if not event.is_over)

    @property
    def recent(self) -> tuple[Event, ...]:
        """Those that have ended a short while ago, and were not deleted."""
        self._forget()
        return tuple(self._events[event_id][1] for event_id in self._ended)

    @property
    def by_id(self) -> Mapping[str, tuple[str, Event]]:
        """All of them."""
        return self._events

    @property
    def late(self) -> AbstractSet[str]:
        """The ids of those of which something was reported late."""
        return self._late

    @property
    def enrichments(self) -> Mapping[str, Mapping[str, Enrichment]]:
        """By event and source, what others have added to them."""
        return self._enrichments

    def add(
        self,
        events: Iterable[tuple[str, Event]],
        *,
        late: Collection[str] = (),
        enrichments: Mapping[str, Mapping[str, Enrichment]] | None = None,
    ) -> None:
        """Follow these as they are now, each with the key of its monitor; something of the `late` ones was reported late.

        `enrichments` is all that others have added to these, or to some that are followed already.
        """
        for key, event in events:
            self._ended.pop(event.id, None)
            if event.deleted:
                self._events.pop(event.id, None)
                self._forget_beside(event.id)
                continue
            self._events[event.id] = (key, event)
            if event.id in late:
                self._late.add(event.id)
            if event.is_over:
                self._ended[event.id] = self._monotonic()
        self._enrichments.update((event_id, added) for event_id, added in (enrichments or {}).items() if event_id in self._events)
        self._forget()

    def _forget(self) -> None:
        too_old = self._monotonic() - RECENT_S
        for event_id, told in list(self._ended.items()):
            if told > too_old and len(self._ended) <= MOST_RECENT:
                break
            del self._ended[event_id], self._events[event_id]
            self._forget_beside(event_id)

    def _forget_beside(self, event_id: str) -> None:
        self._late.discard(event_id)
        self._enrichments.pop(event_id, None)
