"""Clears what the broker retains under an instance name that was given up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.mqtt.inventory import SETTLE_S
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics


async def give_up_name(previous: Topics | None, leftovers: Sequence[str], outbox: Outbox, clock: Clock) -> None:
    """Clear these topics of the earlier name, if there is one: its devices first, so that their entity ids become free.

    Home Assistant would give the new entities other ids, and those stay; it needs a moment after the broker.
    """
    if previous is None:
        return
    devices = [topic for topic in leftovers if previous.parse_discovery(topic) is not None]
    others = [topic for topic in leftovers if previous.parse_discovery(topic) is None]
    if devices:
        cleared = asyncio.Event()
        for topic in devices:
            on_done = (lambda _code: cleared.set()) if topic == devices[-1] else None
            outbox.post(Post(topic=topic, payload=b"", retain=True, on_done=on_done))
        with suppress(TimeoutError):  # a broker whose queue for us is full may forget to acknowledge
            async with clock.timeout(SETTLE_S):
                await cleared.wait()
        await clock.sleep(SETTLE_S)
    for topic in others:
        outbox.clear(topic)
