"""By MQTT 3.1.1 a broker acknowledges what it throws away: so the largest payload is read back from the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.mqtt.refusals import RETRY_S
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.refusals import Refusals
    from vms_bridge.mqtt.retained import RetainedReader

_AGAIN_S = RETRY_S + 60.0
"""Then what was lost has been sent once more."""


async def find_largest(
    largest: Callable[[], tuple[str, bytes] | None], reader: RetainedReader, refusals: Refusals, counters: Counters, clock: Clock
) -> None:
    """Read back the largest retained payload, its topic and bytes, until the broker has it. Raises BrokerUnreachable."""
    while (wanted := largest()) is not None:
        topic, payload = wanted
        found = await reader.read([Filter(topic=topic)], for_a_moment=True)
        if found is None or wanted != largest():
            return
        if topic in found and found[topic].payload == payload:
            return
        counters.messages_refused += 1
        refusals.lost(topic, len(payload))
        await clock.sleep(_AGAIN_S)
