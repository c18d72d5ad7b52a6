"""What the sink says of itself when somebody reads the metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.mqtt.events import SINK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.measures import Reading
    from vms_bridge.mqtt.memory import Memory
    from vms_bridge.mqtt.outbox import Outbox


def readings(memory: Memory, outbox: Outbox | None) -> Iterator[Reading]:
    """Yield what was counted and measured, and what waits in the outbox of the link (None: there is none)."""
    timings = memory.timings
    yield metrics.SINK_CONNECTED.of(outbox is not None, SINK)
    yield metrics.SINK_LOSSES.of(timings.losses, SINK)
    yield metrics.SINK_STATES.of(timings.states, SINK)
    yield metrics.SINK_EVENTS.of(timings.events, SINK)
    yield metrics.SINK_QUEUE.of(len(memory.confirmations), SINK, "confirmations")
    for mishap, count in asdict(memory.counters).items():
        yield metrics.MQTT_MISHAPS.of(count, mishap)
    if outbox is not None:
        yield metrics.MQTT_UNACKNOWLEDGED.of(outbox.unacknowledged)
        for queue, length in outbox.lengths.items():
            yield metrics.SINK_QUEUE.of(length, SINK, queue)
