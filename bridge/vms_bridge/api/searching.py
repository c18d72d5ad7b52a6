"""From what is asked of the index to how it is asked, within what the caller may know of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.index import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.api.access import Caller
    from vms_bridge.api.models.events import EventFilter
    from vms_bridge.views import HubView, MonitorKey


BUSY = "the index can't be read, or too much is asked of it at a time"
NO_INDEX = "the index is off, and the VMS, asked in its place, does not answer well or in time"


def search_of(hub: HubView, caller: Caller, asked: EventFilter) -> Search | None:
    """Return the search; None where there can be nothing to find."""
    monitors = _monitors(hub, asked)
    search = _limited(
        Search(
            since=asked.since,
            until=asked.until,
            systems=_any(asked.system),
            monitors=monitors,
            kinds=_any(asked.kind),
            labels=_any(asked.label),
            zones=_any(asked.zone),
            plates=_any(asked.plate),
            faces=_any(asked.face),
            least_score=asked.least_score,
            most_score=asked.most_score,
            least_duration_s=asked.least_duration,
            most_duration_s=asked.most_duration,
            words=asked.words,
            is_open=asked.is_open,
        ),
        hub,
        caller,
    )
    is_empty = search.monitors == frozenset() or search.systems == frozenset()
    return None if is_empty else search


def _limited(search: Search, hub: HubView, caller: Caller) -> Search:
    """Return the search within what the caller may know of."""
    if not caller.is_limited:
        return search
    if caller.token is not None and not caller.token.monitors:
        systems = caller.token.systems or frozenset()
        return replace(search, systems=systems if search.systems is None else systems & search.systems)
    there = frozenset(
        (system.key, key) for system in hub.systems.values() for key in system.monitors if caller.sees(system.key, key)
    )
    return replace(search, monitors=there if search.monitors is None else there & search.monitors)


def _monitors(hub: HubView, asked: EventFilter) -> frozenset[MonitorKey] | None:
    named = [(system, key) for system, _, key in (each.partition("/") for each in asked.monitor)]
    if not asked.area:
        return frozenset(named) or None
    there = frozenset(
        (system.key, key)
        for system in hub.systems.values()
        for key, view in system.monitors.items()
        if view.monitor.area in asked.area
    )
    return there & frozenset(named) if named else there


def _any(values: Sequence[str]) -> frozenset[str] | None:
    return frozenset(values) or None
