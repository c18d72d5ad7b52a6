"""What the API counts and measures of itself, and what can be seen of the world: for whoever reads the metrics."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.measures import Histogram, Histograms
from vms_bridge.model import MOTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.api.connections import Connections
    from vms_bridge.measures import Reading
    from vms_bridge.sinks import BridgeIdentity
    from vms_bridge.views import HubView, MonitorView, SystemView

SINK = "api"


class Traffic:
    """What is asked of the API, and how it fares."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """How many were answered, by route and status."""
        self.took = Histograms()
        """How long answers took that were made whole, by route."""
        self.states = Histogram()
        """How long changes took until they were handed to the clients of the WebSocket."""
        self.loop = Histogram()
        """How late the event loop woke a timer."""

    def answered(self, route: str, status: int, took_s: float | None) -> None:
        """Count a request; `took_s` is None where its answer was sent piece by piece."""
        self.requests[route, str(status)] += 1
        if took_s is not None:
            self.took.observe(took_s, route)

    def readings(self) -> Iterator[Reading]:
        """Yield all of it."""
        yield metrics.LOOP.of(self.loop)
        yield metrics.SINK_STATES.of(self.states, SINK)
        yield from self.took.readings(metrics.API_DURATION)
        for labels, count in self.requests.items():
            yield metrics.API_REQUESTS.of(count, *labels)


def of_connections(connections: Connections) -> Iterator[Reading]:
    """Yield how many there are, and how many were refused."""
    there = Counter((str(one.door), "known" if one.is_known else "stranger") for one in connections)
    for labels, count in there.items():
        yield metrics.API_CONNECTIONS.of(count, *labels)
    for reason, count in connections.refused.items():
        yield metrics.API_REFUSED.of(count, reason)


def of_world(hub: HubView, bridge: BridgeIdentity) -> Iterator[Reading]:
    """Yield who the bridge is, how it fares, and how its systems and their monitors are now."""
    state = hub.state
    yield metrics.INFO.of(1, bridge.version, bridge.instance, hub.bridge_id)
    yield metrics.PROBLEM.of(state.problem is not None)
    yield metrics.UNDELIVERED.of(state.undelivered)
    yield metrics.GIVEN_UP.of(state.given_up)
    yield metrics.CLAIMS.of(len(state.claims))
    for kind, count in Counter(str(notice.kind) for notice in hub.notices).items():
        yield metrics.NOTICES.of(count, kind)
    systems = hub.systems.values()
    for system in systems:
        yield from _of_system(system)
    monitors = [monitor for system in systems for monitor in system.monitors.values()]
    for monitor in islice(monitors, metrics.MOST_MONITORS):
        yield from _of_monitor(monitor)
    yield metrics.MONITORS_LEFT_OUT.of(max(0, len(monitors) - metrics.MOST_MONITORS))


def _of_system(system: SystemView) -> Iterator[Reading]:
    key, states = system.key, [monitor.state for monitor in system.monitors.values()]
    yield metrics.SYSTEM_AVAILABLE.of(system.state.available, key)
    yield metrics.SYSTEM_MONITORS.of(len(states), key)
    yield metrics.SYSTEM_MONITORS_AVAILABLE.of(sum(state.available for state in states), key)
    yield metrics.SYSTEM_MONITORS_IN_ALARM.of(sum(state.alarm in MOTION for state in states), key)
    yield metrics.SYSTEM_MONITORS_WITHOUT_SIGNAL.of(sum(state.connected is False for state in states), key)
    if system.state.load is not None:
        yield metrics.SYSTEM_LOAD.of(system.state.load, key)
    if system.index is not None:
        yield metrics.INDEX_EVENTS.of(system.index.events, key)
        yield metrics.INDEX_COMPLETE.of(system.index.is_complete, key)
        if system.index.expected is not None:
            yield metrics.INDEX_EXPECTED.of(system.index.expected, key)


def _of_monitor(monitor: MonitorView) -> Iterator[Reading]:
    state, labels = monitor.state, (monitor.system, monitor.key)
    yield metrics.MONITOR_AVAILABLE.of(state.available, *labels)
    if state.connected is not None:
        yield metrics.MONITOR_CONNECTED.of(state.connected, *labels)
    if state.alarm is not None:
        yield metrics.MONITOR_ALARM.of(state.alarm in MOTION, *labels)
    if state.capture_fps is not None:
        yield metrics.MONITOR_FPS.of(state.capture_fps, *labels)
    if state.lag_s is not None:
        yield metrics.MONITOR_LAG.of(state.lag_s, *labels)
