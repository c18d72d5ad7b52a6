"""What happens at the fake ZoneMinders all the time, and what is so there: the truth, read from their worlds directly."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

from PIL import Image
from tests.chaos.checker import MonitorFacts, Row
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE, PREALARM, TAPE, FakeEvent, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tests.chaos.commands import History

CAMERAS, ENDLESS, COMMANDED, PAPER, PASSING, QUIET = (1, 2), 3, 4, (5, 8), 6, (7, 9)
"""Monitors: two that record motion, one that records always, one that is given commands, two without a daemon whose rows
are written at will, one that comes and goes, and two at which nothing ever happens."""
_STATES = {IDLE: "idle", PREALARM: "prealarm", ALARM: "alarm", ALERT: "alert", TAPE: "idle"}
_DETECTING = {"Modect", "Mocord", "Nodect"}
_HANDOVER_S = 0.2
_SEEN_S = 0.7
"""So long an event is there at least: it takes two looks of the judge to know that there was one."""


def picture_of(event: FakeEvent) -> bytes:
    """Return a small JPEG that says in a comment which event it is of."""
    file = BytesIO()
    Image.new("RGB", (64, 48), (200, 120, 40)).save(file, "JPEG", comment=f"event {event.id}")
    return file.getvalue()


def event_of(picture: bytes) -> str | None:
    """Return the id of the event that the picture is of, None for what is no picture of `picture_of`."""
    found = re.search(rb"event (\d+)", picture)
    return found[1].decode() if found else None


@dataclass(slots=True)
class Scene:
    """One world and what happens in it; `live` all the time, `run` until cancelled, then `settle`."""

    name: str
    world: World
    seed: int
    gone: set[int] = field(default_factory=set)
    """Ids of events that were there and were deleted."""
    away: list[tuple[float, float | None]] = field(default_factory=list)
    """When the monitor that comes and goes was not there, monotonic; None: it is not there now."""
    inserted: dict[int, float] = field(default_factory=dict)
    """When each row that was written at will was there, monotonic."""
    first: int = 1
    """The first event that has to be told of: what was open at the first contact need not have been."""
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(f"{self.name} {self.seed}")  # noqa: S311 - it has to be repeatable
        world = self.world
        functions = {ENDLESS: "Mocord", **dict.fromkeys(QUIET, "Monitor"), **dict.fromkeys(PAPER, "Monitor")}
        for number in (*CAMERAS, ENDLESS, COMMANDED, *PAPER, *QUIET):
            kind = "WebSite" if number in PAPER else "Ffmpeg"
            world.add_monitor(number, function=functions.get(number, "Modect"), type=kind)
            if number in PAPER and number in world.memories:
                world.memories.pop(number).remove()
        self.away.append((time.monotonic(), None))
        self._open_section()

    async def run(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in CAMERAS:
                group.create_task(self._repeat(self._alarm, number, 1, 5))
            group.create_task(self._repeat(self._unrecorded_alarm, ENDLESS, 8, 15))
            group.create_task(self._repeat(self._next_section, ENDLESS, 6, 12))
            for number in PAPER:
                group.create_task(self._repeat(self._paper, number, 1, 4))
            group.create_task(self._repeat(self._pass_by, PASSING, 3, 8))

    async def live(self) -> None:
        """Show life until cancelled, and close what a daemon that starts anew has left open, as it does when it is ended."""
        while True:
            self.world.beat()
            for event in list(self.world.events.values()):
                if event.monitor_id == COMMANDED and event.end is None and self.world.monitors[COMMANDED].state == IDLE:
                    self.world.close_event(event.id)
                elif event.monitor_id == ENDLESS and event.end is None:
                    event.frames = (
                        event.frames or 0
                    ) + 1  # one that stands still for a minute is taken for a dead one, and rightly so
            await asyncio.sleep(0.2)

    def settle(self) -> None:
        """Come to rest: nothing moves, every event but the endless recording's is closed."""
        for number in self.present():
            self.world.calm(number)
        for event in self.world.events.values():
            if event.end is None and event.monitor_id != ENDLESS:
                self.world.close_event(event.id)

    def present(self) -> list[int]:
        """Return the monitors that there are."""
        return [number for number, monitor in self.world.monitors.items() if not monitor.deleted]

    def rows(self) -> list[Row]:
        """Return the event table; ZoneMinder keeps whole seconds."""
        return [
            Row(
                event.id,
                event.monitor_id,
                event.start.replace(microsecond=0),
                event.end.replace(microsecond=0) if event.end else None,
            )
            for event in sorted(self.world.events.values(), key=lambda event: event.id)
        ]

    def facts(self) -> dict[int, MonitorFacts]:
        """Return what is so of each monitor."""
        rows = self.rows()
        newest = {row.monitor: row for row in sorted(rows, key=lambda row: (row.start, row.id))}
        last = {row.monitor: row for row in rows}
        facts = {}
        for number in self.present():
            monitor = self.world.monitors[number]
            is_paper = monitor.type == "WebSite"
            of_it = last.get(number)
            facts[number] = MonitorFacts(
                alarm=None if is_paper else _STATES[monitor.state],
                delivers=None if is_paper else True,
                modes={**self._modes(number), "armed": self._is_armed(number)},
                newest=newest.get(number),
                open=of_it if of_it is not None and of_it.end is None else None,
            )
        return facts

    def note(self, history: History) -> None:
        """Note what commands can change."""
        now = time.monotonic()
        monitor = self.world.monitors[COMMANDED]
        values = {
            **self._modes(COMMANDED),
            "armed": "ON" if self._is_armed(COMMANDED) else "OFF",
            "alarm": "ON" if monitor.state == ALARM else "OFF",
            "detection": "OFF" if monitor.is_forced_off else "ON",
        }
        history.note(self.name, str(COMMANDED), now, values)
        history.note(self.name, None, now, {"run_state": next(name for name, active in self.world.states.items() if active)})

    def _modes(self, number: int) -> dict[str, str]:
        monitor = self.world.monitors[number]
        if self.world.personality.modern_modes:
            return {"capturing": monitor.capturing, "analysing": monitor.analysing, "recording": monitor.recording}
        return {"function": monitor.function}

    def _is_armed(self, number: int) -> bool:
        modes = self._modes(number)
        return modes["analysing"] == "Always" if "analysing" in modes else modes["function"] in _DETECTING

    async def _repeat(self, act: Callable[[int], Awaitable[None]], number: int, shortest: float, longest: float) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(shortest, longest))
            await act(number)

    async def _alarm(self, number: int) -> None:
        self.world.alarm(number, notes="Motion: All")
        await asyncio.sleep(self._random.uniform(0.5, 6))
        self.world.set_state(number, ALERT)
        await asyncio.sleep(self._random.uniform(0.2, 1.5))
        self.world.calm(number)

    async def _unrecorded_alarm(self, number: int) -> None:
        """Alarm where recording goes on anyway: only a status, or shared memory, tells of it."""
        self.world.set_state(number, ALARM, score=30)
        await asyncio.sleep(self._random.uniform(5, 9))
        self.world.set_state(number, IDLE, score=0)

    async def _next_section(self, number: int) -> None:
        """Begin the next section, and close the one before shortly after, as ZoneMinder's closing thread does."""
        before = [event for event in self.world.events.values() if event.monitor_id == number and event.end is None]
        self._open_section()
        await asyncio.sleep(_HANDOVER_S)
        for event in before:
            self.world.close_event(event.id)

    def _open_section(self) -> None:
        event = self.world.open_event(ENDLESS, cause="Continuous", notes="Continuous", alarm_frames=0)
        if ENDLESS in self.world.memories:
            self.world.memories[ENDLESS].set(last_event=event.id)

    async def _paper(self, number: int) -> None:
        act = self._random.choices((self._short, self._long, self._burst, self._late_row, self._deleted), (4, 3, 1, 2, 2))
        await act[0](number)

    async def _short(self, number: int) -> None:
        self.insert(number)

    async def _long(self, number: int) -> None:
        event = self.world.open_event(number)
        await asyncio.sleep(self._random.uniform(0.3, 8))
        self.world.close_event(event.id)

    async def _burst(self, number: int) -> None:
        for _ in range(self._random.randint(3, 8)):
            self.insert(number)

    async def _late_row(self, number: int) -> None:
        """Have a row become visible after one with a higher id."""
        late, written = self.world.next_event, self.world.now()
        self.world.next_event += 1
        self.insert(number)
        await asyncio.sleep(self._random.uniform(0.3, 3))
        self.insert(number, late, written)

    async def _deleted(self, number: int) -> None:
        event = self.insert(number)
        await asyncio.sleep(self._random.uniform(_SEEN_S, 5))
        self.gone.add(event.id)
        self.world.delete_event(event.id)

    async def _pass_by(self, number: int) -> None:
        """Add a monitor, let something happen at it, and take it away."""
        self.away[-1] = self.away[-1][0], time.monotonic()
        self.world.add_monitor(number, "Passing")
        await asyncio.sleep(self._random.uniform(6, 14))
        self.world.alarm(number)
        await asyncio.sleep(self._random.uniform(0.5, 2))
        self.world.calm(number)
        await asyncio.sleep(self._random.uniform(6, 14))
        self.away.append((time.monotonic(), None))
        self.world.remove_monitor(number)

    def insert(self, number: int, event_id: int | None = None, written: datetime | None = None) -> FakeEvent:
        """Write the row of an event that has ended already; it may have been written before it is seen."""
        world = self.world
        chosen = world.next_event if event_id is None else event_id
        end = written or world.now()
        event = FakeEvent(chosen, number, end - timedelta(seconds=1), end=end, frames=50, length=1.0)
        world.events[chosen] = event
        self.inserted[chosen] = time.monotonic()
        world.next_event = max(world.next_event, chosen + 1)
        return event
