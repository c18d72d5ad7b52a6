"""What a subscriber was told of alarms and events, and how long after they happened."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.lab.programs import ROOT
from benchmarks.lab.table import MS
from benchmarks.lab.wire import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.traffic import Stamp


@dataclass(slots=True)
class Delays:
    """Delays in ms of alarms (their begins and ends), of events' beginnings and ends, and how many of each never came."""

    alarms: list[float] = field(default_factory=list)
    news: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    missed: tuple[int, int, int] = (0, 0, 0)

    @property
    def missing(self) -> str:
        """What never came, in words; empty if all came."""
        names = ("changes", "`new`", "`end`")
        return ", ".join(f"{count} {name}" for count, name in zip(self.missed, names, strict=True) if count)


class Told:
    """The states and events of one bridge, by monitor and by event, each with its arrival."""

    def __init__(self) -> None:
        self._states: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        self._news: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._ended = asyncio.Event()
        self._client: Client | None = None

    @classmethod
    async def listen(cls, broker: Mosquitto) -> Told:
        """Subscribe; what the broker retains comes first and is older than anything asked for later."""
        self = cls()
        self._client = await Client.connect(broker.port, self.take, filters=[f"{ROOT}/zm/+/state", f"{ROOT}/event"], qos=1)
        return self

    def close(self) -> None:
        """Leave."""
        if self._client is not None:
            self._client.close()

    def take(self, topic: str, payload: bytes, at: int) -> None:
        """Note a message; give this to the client."""
        if topic == f"{ROOT}/event":
            event = int(_text(payload, b"id").rpartition(b"-")[2])
            kind = _text(payload, b"type")
            if kind == b"new":
                self._news.setdefault(event, at)
            elif kind == b"end":
                self._ends.setdefault(event, at)
                self._ended.set()
        else:
            self._states[int(topic.split("/")[-2])].append((at, _text(payload, b"alarm")))

    async def delays(self, stamps: Mapping[str, Sequence[Stamp]], *, within_s: float) -> Delays:
        """Wait for what is still missing, and compare with what happened."""
        began, ended = stamps["began"], stamps["ended"]
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while loop.time() < until and not all(event in self._ends for _, event, _ in ended):
            self._ended.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._ended.wait()
        alarms = [*self._changes(began, ended, b"alarm"), *self._changes(ended, began, b"idle")]
        news = [self._news.get(event, 0) - at for _, event, at in began]
        ends = [self._ends.get(event, 0) - at for _, event, at in ended]
        series = (alarms, news, ends)
        told = [[delay / MS for delay in each if delay >= 0] for each in series]
        missed = [len(each) - len(came) for each, came in zip(series, told, strict=True)]
        return Delays(alarms=told[0], news=told[1], ends=told[2], missed=(missed[0], missed[1], missed[2]))

    def _changes(self, wanted: Sequence[Stamp], opposite: Sequence[Stamp], alarm: bytes) -> list[int]:
        """Return how late each change was told, in ns; negative where it was not before the opposite happened."""
        until: dict[int, list[int]] = defaultdict(list)
        for monitor, _, at in opposite:
            until[monitor].append(at)
        return [self._delay(monitor, at, until[monitor], alarm) for monitor, _, at in wanted]

    def _delay(self, monitor: int, since: int, opposite: Sequence[int], alarm: bytes) -> int:
        following = bisect_left(opposite, since)
        until = opposite[following] if following < len(opposite) else None
        arrivals = self._states[monitor]
        for at, seen in arrivals[bisect_left(arrivals, (since, b"")) :]:
            if until is not None and at > until:
                break
            if seen == alarm:
                return at - since
        return -1


def _text(payload: bytes, name: bytes) -> bytes:
    return payload.partition(b'"' + name + b'":"')[2].partition(b'"')[0]
