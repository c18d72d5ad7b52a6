"""Ten rows of random happenings, each the same every time: what cameras, people, faults and lies do to both ends."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.bridge.backends.zoneminder.tracing import staged
from tests.chaos.lies.tales import TALES, Answer, Past, Question
from tests.chaos.lies.web import part_of
from tests.fakes.zoneminder.personality import ALL
from tests.fakes.zoneminder.server import ADMIN, VIEWER
from tests.fakes.zoneminder.world import ALERT, PREALARM, TAPE

from vms_bridge.commands import Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection, SetRunState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from tests.bridge.backends.zoneminder.tracing import Scenario, Stage, Trace

    from vms_bridge.commands import Action

    Happening = Callable[[], Coroutine[None, None, None]]

SEEDS = range(1, 11)
_LASTS_S, _QUIET_S = 55.0, 15.0
_PAUSE_S = (0.1, 1.6)
_FUNCTIONS = ("None", "Monitor", "Modect", "Modect", "Record", "Mocord", "Mocord", "Nodect")
_PATHS = ("", "monitors", "monitors", "events", "events", "states", "storage", "zones", "host/getVersion", "host/login",
          "monitors/alarm", "monitors/daemon", "servers")  # fmt: skip
_KINDS = ("close", "close", "500", "500-json", "502", "401", "404", "html", "empty", "garbage", "list", "truncate", "hang")
_NOT_IN_A_BODY = {"huge", "many", "bomb", "deep", "packed", "type", "page", "echo", "401", "500", "502"}
_LIES = tuple(name for name in TALES if name not in _NOT_IN_A_BODY)
_LIE_PARTS = ("monitors", "events", "events", "status", "zones", "states", "storage", "zone", "version", "monitor", "edit")


class Happenings:
    """What happens by chance on one stage; whatever lasts is undone by itself."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self._stage, self._random = stage, random
        self._world, self._fake = stage.world, stage.fake
        self._lie: tuple[str, str] | None = None
        self._past = Past()
        self._fake.rewrite = self._told
        self._is_stopped = False
        self._begun: list[asyncio.Task[None]] = []
        self._all: tuple[tuple[int, Happening], ...] = (
            (14, self._alarm), (5, self._state), (4, self._event), (6, self._command), (3, self._look), (3, self._mode),
            (2, self._zones), (2, self._daemon), (3, self._hang), (5, self._memory), (2, self._camera), (7, self._fault),
            (5, self._lies), (2, self._unreadable), (1, self._database), (1, self._tokens), (1, self._restore), (1, self._delete),
            (1, self._monitors), (1, self._run_state), (1, self._stop), (2, self._kill), (1, self._clock), (1, self._permissions),
            (1, self._time_zone), (1, self._upgrade),
        )  # fmt: skip

    async def run(self) -> None:
        """Let things happen for a while, then have peace."""
        clock, random = self._stage.clock, self._random
        weights = [weight for weight, _ in self._all]
        while clock.elapsed < _LASTS_S:
            await clock.sleep(round(random.uniform(*_PAUSE_S), 2))
            ((_, happening),) = random.choices(self._all, weights)
            self._begun.append(asyncio.create_task(happening()))
        self._fake.heal()
        self._lie = None
        await clock.sleep(_QUIET_S)
        for task in self._begun:
            if task.done():
                task.result()
            task.cancel()

    async def _for(self, shortest: float, longest: float) -> None:
        await self._stage.clock.sleep(round(self._random.uniform(shortest, longest), 2))

    def _any(self) -> int:
        return self._random.choice([number for number, each in self._world.monitors.items() if not each.deleted])

    async def _alarm(self) -> None:
        number = self._any()
        zone = self._random.choice(self._world.monitors[number].zones or ["All"]).partition(":")[0]
        self._world.alarm(number, notes=f"Motion: {zone}", score=self._random.randrange(5, 90))
        await self._for(0.3, 9.0)
        if self._random.random() < 0.4 and number in self._world.monitors:
            self._world.set_state(number, ALERT, score=0)
            await self._for(0.3, 4.0)
        if number in self._world.monitors:
            self._world.calm(number)

    async def _state(self) -> None:
        self._world.set_state(self._any(), self._random.choice((PREALARM, ALERT, TAPE, 0, 0)))

    async def _event(self) -> None:
        event = self._world.open_event(self._any(), "Continuous", "")
        await self._for(2.0, 40.0)
        if event.id in self._world.events and self._world.events[event.id] is event:
            self._world.close_event(event.id)

    async def _command(self) -> None:
        random, number = self._random, self._any()
        mode = ("analysing", random.choice(("None", "Always"))) if self._world.personality.modern_modes else (
            "function", random.choice(_FUNCTIONS))  # fmt: skip
        commands: tuple[tuple[str, Action], ...] = (
            ("alarm on", SetAlarm(on=True)), ("alarm off", SetAlarm(on=False)),
            ("detection off", SetMotionDetection(on=False)), ("detection on", SetMotionDetection(on=True)),
            ("armed off", SetArmed(on=False)), ("armed on", SetArmed(on=True)),
            ("mode", SetMode(mode=mode[0], value=mode[1])), ("restart", Restart()), ("run state", SetRunState(name="Quiet")),
        )  # fmt: skip
        what, action = random.choice(commands)
        if not self._is_stopped:
            await self._stage.order(what, None if what == "run state" else str(number), action)

    async def _look(self) -> None:
        monitor_id = self._random.choice((None, str(self._any())))
        if not self._is_stopped:
            await self._stage.order("refresh", monitor_id, None)

    async def _mode(self) -> None:
        number = self._any()
        self._world.set_function(number, self._random.choice(_FUNCTIONS))
        self._world.restart_monitor(number)

    async def _zones(self) -> None:
        edit = self._random.choice((self._world.edit_zones, self._world.edit_zones_by_api, self._world.edit_zones_in_place))
        names = self._random.choice((("All",), ("Left", "Right"), ("Right", "Left", "Sky:Privacy"), ()))
        edit(self._any(), *names)

    async def _daemon(self) -> None:
        self._world.restart_monitor(self._any())

    async def _hang(self) -> None:
        number = self._any()
        self._world.silent.add(number)
        await self._for(2.0, 40.0)
        self._world.silent.discard(number)

    async def _memory(self) -> None:
        number, now = self._any(), int(self._world.now().timestamp())
        memory, length = self._world.memories[number], self._random.choice((0, 2, 500))
        troubles: tuple[Callable[[], object], ...] = (
            memory.remove,
            lambda: memory.truncate(length),
            lambda: self._world.start_memory(number, size=840),
            lambda: memory.overwrite(bytes(64)),
            lambda: memory.set(valid=0),
            lambda: memory.set(heartbeat=now - 90, last_write=now - 90, startup=now - 100),
            lambda: memory.set(last_event=777_777),
            lambda: memory.set(signal=0),
            lambda: memory.set(active=0),
        )
        self._random.choice(troubles)()
        await self._for(0.5, 9.0)
        if number in self._world.memories:
            self._world.start_memory(number)

    async def _camera(self) -> None:
        monitor = self._world.monitors[self._any()]
        before, monitor.fps = monitor.fps, "0.00"
        await self._for(4.0, 20.0)
        monitor.fps = before

    async def _fault(self) -> None:
        path, kind = self._random.choice(_PATHS), self._random.choice(_KINDS)
        self._fake.fail(path, kind, self._random.choice((-1, -1, 1, 2)))
        await self._for(0.5, 7.0)
        self._fake.faults.pop(path, None)

    async def _lies(self) -> None:
        self._lie = self._random.choice(_LIES), self._random.choice(_LIE_PARTS)
        await self._for(1.0, 7.0)
        self._lie = None

    def _told(self, path: str, truth: bytes) -> bytes:
        question, answer = Question("GET", path, part_of("GET", path)), Answer(200, truth)
        self._past.note(question, answer, self._stage.clock.monotonic())
        if self._lie is None or self._lie[1] != question.part:
            return truth
        tale = TALES[self._lie[0]]
        told = tale.tell(question, answer, self._past) if question.part in (*tale.parts, *tale.begins) else None
        return truth if told is None or told.status != 200 else told.body

    async def _unreadable(self) -> None:
        kind = self._random.choice(("monitors", "events", "zones"))
        ids = {"monitors": self._any(), "events": self._world.next_event - 1, "zones": self._any() * 100}
        self._fake.unreadable = {kind: {ids[kind]}}
        await self._for(3.0, 14.0)
        self._fake.unreadable = {}

    async def _database(self) -> None:
        self._fake.database_is_down = True
        await self._for(0.5, 6.0)
        self._fake.database_is_down = False

    async def _tokens(self) -> None:
        self._fake.revoke_tokens()

    async def _restore(self) -> None:
        self._world.restore_database(max(0, self._world.next_event - self._random.randrange(2, 5)))

    async def _delete(self) -> None:
        if self._world.events:
            self._world.delete_event(self._random.choice(sorted(self._world.events)))

    async def _monitors(self) -> None:
        number = max(self._world.monitors) + 1
        self._world.add_monitor(number, f"New {number}")
        await self._for(5.0, 30.0)
        if number in self._world.monitors and not self._world.monitors[number].deleted:
            self._world.remove_monitor(number)

    async def _run_state(self) -> None:
        name = self._random.choice(sorted(self._world.states))
        self._world.states = {known: known == name for known in self._world.states}

    async def _stop(self) -> None:
        self._world.stop()
        await self._for(1.0, 8.0)
        self._world.start()

    async def _kill(self) -> None:
        if self._is_stopped:
            return
        self._is_stopped = True
        await self._stage.stop()
        await self._for(0.5, 16.0)
        self._stage.start()
        self._is_stopped = False

    async def _clock(self) -> None:
        self._stage.clock.set_by(self._random.choice((-3600, -90, 90, 3600)))

    async def _permissions(self) -> None:
        self._fake.users["admin"].permissions = VIEWER
        await self._for(3.0, 12.0)
        self._fake.users["admin"].permissions = ADMIN

    async def _time_zone(self) -> None:
        self._world.set_zone(self._random.choice(("America/New_York", "Asia/Kathmandu", "UTC")))

    async def _upgrade(self) -> None:
        self._world.upgrade(self._random.choice(ALL))


async def by_chance(seed: int, folder: Path) -> Trace:
    """Let happen what this seed has in store, for one version of ZoneMinder, by shared memory too or by its API alone."""
    async with staged(folder, ALL[-seed % len(ALL)], monitors=4, has_memory=seed % 3 != 0) as stage:
        stage.world.set_function(3, "Mocord")
        stage.world.set_function(4, "Nodect")
        stage.start()
        await Happenings(stage, Random(f"trace {seed}")).run()  # noqa: S311 - it has to be repeatable
    return stage.trace


HAPPENINGS: dict[str, Scenario] = {f"seed-{seed:02}": partial(by_chance, seed) for seed in SEEDS}
