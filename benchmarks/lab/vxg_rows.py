"""When events of a simulated VXG were listed, and told by MQTT; and how soon a bare client publishes the same messages."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.lab.programs import ROOT
from benchmarks.lab.table import MS, quantile
from benchmarks.lab.wire import Client, publish_packet_1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.vxg import FakeProcess

TOPIC = f"{ROOT}/event"
_NEW = re.compile(rb'"type":"new".*"id":"cloud-(\d+)"|"id":"cloud-(\d+)".*"type":"new"')
_WITHIN_S = 15.0


@dataclass(slots=True)
class Delays:
    """Of some rows, in ms: from when each was there until it was told, and until it was listed; and what is between."""

    told: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)
    since_listed: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, there: int, listed: int | None, told: int | None) -> None:
        """Add a row, by monotonic ns."""
        if listed is None or told is None:
            self.lost += 1
            return
        self.told.append((told - there) / MS)
        self.listed.append((listed - there) / MS)
        self.since_listed.append((told - listed) / MS)


class Told:
    """Takes what a `wire.Client` receives, and keeps when each event was told first."""

    def __init__(self) -> None:
        self.at: dict[int, int] = {}
        self.payloads: dict[int, bytes] = {}
        self._news = asyncio.Event()

    def take(self, _topic: str, payload: bytes, at: int) -> None:
        """Keep a message; give this to the client."""
        found = _NEW.search(payload)
        if found is not None:
            number = int(found[1] or found[2])
            self.at.setdefault(number, at)
            self.payloads[number] = payload
            self._news.set()

    async def all_of(self, events: Sequence[int]) -> None:
        """Wait until all of these are told, but not for ever."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not all(each in self.at for each in events):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass

    async def delays(self, fake: FakeProcess, rows: Sequence[tuple[int, int]]) -> Delays:
        """Return those of these rows: when each was there, and its id."""
        events = [event for _, event in rows]
        await self.all_of(events)
        found = Delays()
        for (there, event), listed in zip(rows, await fake.listed(events), strict=True):
            found.add(there, listed, self.at.get(event))
        return found


async def bare_ms(broker: Mosquitto, payloads: Sequence[bytes]) -> float:
    """Publish these at once by QoS 1, on two topics each, as the bridge does; return when 99 % of them have come, in ms."""
    arrived: list[int] = []
    all_there = asyncio.Event()

    def take(_topic: str, _payload: bytes, at: int) -> None:
        arrived.append(at)
        if len(arrived) == len(payloads):
            all_there.set()

    with (
        closing(await Client.connect(broker.port, take, filters=["bare/event"], qos=1)),
        closing(await Client.connect(broker.port)) as sender,
    ):
        topics = [(topic, payload) for number, payload in enumerate(payloads) for topic in (f"bare/{number}/event", "bare/event")]
        packets = b"".join(publish_packet_1(topic, payload, mid) for mid, (topic, payload) in enumerate(topics, 1))
        began = time.monotonic_ns()
        sender.send(packets)
        async with asyncio.timeout(_WITHIN_S):
            await all_there.wait()
    return quantile([(at - began) / MS for at in arrived], 0.99)
