"""How a system begins: with what the store remembers of it, or with what the one that it replaces has known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.hub.followed_events import MOST_RECENT, RECENT_S, FollowedEvents
from vms_bridge.hub.system import System
from vms_bridge.messages import decode
from vms_bridge.model import OWN, MonitorState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.backends.guard import Guard
    from vms_bridge.clock import Clock
    from vms_bridge.keys import MonitorRules
    from vms_bridge.model import Monitor
    from vms_bridge.store import Store


async def first(store: Store, clock: Clock, *, key: str, kind: str, name: str, rules: MonitorRules, backend: Guard) -> System:
    """Return a system as the store remembers it. Raises StoreError."""
    kept = await store.system(key, recent=timedelta(seconds=RECENT_S), most=MOST_RECENT)
    added = await store.enrichments(key, kept.generation, [event.id for _, event in kept.events])
    to_own = await store.enrichments(key, OWN, [event.id for _, event in kept.own_events])
    system = System(
        key=key,
        kind=kind,
        name=name,
        rules=rules,
        backend=backend,
        cursor=kept.cursor,
        generation=kept.generation,
        names=dict(kept.names),
        events=FollowedEvents(clock.monotonic, kept.events, late=kept.late, enrichments=added),
        own_events=FollowedEvents(clock.monotonic, kept.own_events, enrichments=to_own),
    )
    monitors: dict[str, Monitor] = {}
    for stored in await store.monitors(key):
        system.seqs[stored.key] = stored.seq
        if stored.remembered_modes:
            system.remembered_modes[stored.key] = stored.remembered_modes
        if stored.last_event:
            system.last_events[stored.key] = decode(stored.last_event)
        if stored.monitor:
            monitors[stored.key] = stored.monitor
    _show(system, monitors.items())
    return system


def successor(old: System, *, kind: str, name: str, rules: MonitorRules, backend: Guard) -> System:
    """Return a system that goes on where the old one is, by another configuration: without the store, which may fail now."""
    system = System(
        key=old.key,
        kind=kind,
        name=name,
        rules=rules,
        backend=backend,
        cursor=old.cursor,
        generation=old.generation,
        names=old.names,
        events=old.events,
        own_events=old.own_events,
        seqs=old.seqs,
        remembered_modes=old.remembered_modes,
        last_events=old.last_events,
        unsaved=old.unsaved,
        index=old.index,
        offers=old.offers,
        watched=old.watched,
    )
    _show(system, old.by_themselves().items())
    return system


def _show(system: System, monitors: Iterable[tuple[str, Monitor]]) -> None:
    """Have these monitors there at once, as far as they are shown, with nothing known of their state."""
    for key, monitor in monitors:
        described = system.remembered(monitor)
        if described and described[0] == key:
            system.keys[described[1].id] = key
            view = system.view_of(key, described[1])
            system.show_monitor(key, replace(view, state=MonitorState(detail="not asked yet")))
