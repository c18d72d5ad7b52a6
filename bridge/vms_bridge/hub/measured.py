"""What the hub says of itself when somebody reads the metrics; what can be seen of the world is said by who shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.hub.command_runner import CommandRunner
    from vms_bridge.hub.index import Index
    from vms_bridge.hub.live import Live
    from vms_bridge.hub.system import System
    from vms_bridge.hub.updates import Updates
    from vms_bridge.measures import Reading
    from vms_bridge.store import Store


def readings(  # noqa: PLR0917  # the hub's parts, each of its own type
    systems: Mapping[str, System], runner: CommandRunner, updates: Updates, index: Index, live: Live, store: Store
) -> Iterator[Reading]:
    """Yield what was counted and measured of commands, events, searches, live video, the store, and by the backends."""
    yield metrics.STORE.of(store.took)
    yield from runner.took.readings(metrics.COMMANDS)
    yield from index.took.readings(metrics.INDEX_SEARCHES)
    for (key, *labels), count in updates.messages.items():
        if key in systems:
            yield metrics.EVENT_MESSAGES.of(count, key, *labels)
    for key, system in systems.items():
        yield metrics.SYSTEM_LOSSES.of(updates.losses[key], key)
        sources, viewers = live.numbers(key)
        yield metrics.LIVE_SOURCES.of(sources, key)
        yield metrics.LIVE_VIEWERS.of(viewers, key)
        yield from system.backend.readings()
