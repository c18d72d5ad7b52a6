"""What a ZoneMinder backend tells in a scenario, update by update: a trace, kept in `traces/` to be compared with.

Traces hold the behaviour while the inside of the backend is changed. Where a change is meant to tell something else, write them
anew and read the difference:

    .venv/bin/python -m tests.bridge.backends.zoneminder.scenarios [NAME...]
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.bridge.backends.zoneminder.support import MemoryFeed, config
from tests.fakes.virtual_time import VirtualClock, VirtualLoop
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.commands import VmsTarget
from vms_bridge.errors import BridgeError
from vms_bridge.model import FullState, StateUpdate, SystemLost, SystemUpdate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from tests.fakes.zoneminder import Personality

    from vms_bridge.commands import Action
    from vms_bridge.model import EventBatch, Update

    Scenario = Callable[[Path], Awaitable["Trace"]]

KEPT = Path(__file__).parent / "traces"
_AROUND = 3
_BEAT_S, _STORE_S, _ANSWER_S = 0.2, 0.002, 0.01


class Trace(MemoryFeed):
    """A feed that writes down what it is told, each line as the difference to what was told before."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.conceals: dict[str, str] = {}
        self._clock = clock
        self._before: dict[tuple[str, str], dict[str, Any]] = {}

    def note(self, kind: str, *rest: object) -> None:
        line = json.dumps([round(self._clock.elapsed, 3), kind, *rest], ensure_ascii=False, separators=(",", ":"))
        for found, instead in self.conceals.items():
            line = line.replace(found, instead)
        self.lines.append(line)

    def emit(self, update: Update) -> None:
        super().emit(update)
        if isinstance(update, FullState):
            gone = [number for kind, number in self._before if kind == "monitor" and number not in self.monitors]
            for number in gone:
                del self._before["monitor", number]
            monitors = {each.id: self._news("monitor", each.id, each) for each in update.monitors}
            states = {number: self._news("state", number, state) for number, state in update.states.items()}
            self.note("all", self._news("system", "", update.system), monitors, states, *([gone] if gone else []))
        elif isinstance(update, StateUpdate):
            self.note("state", update.monitor_id, self._news("state", update.monitor_id, update.state))
        elif isinstance(update, SystemUpdate):
            self.note("system", self._news("system", "", update.state))
        else:
            self.note("lost", update.detail if isinstance(update, SystemLost) else repr(update))

    async def record(self, batch: EventBatch) -> None:
        await asyncio.sleep(_STORE_S)
        await super().record(batch)
        news = {event.id: self._news("event", f"{batch.generation}.{event.id}", event) for event in batch.events}
        self.note("late" if batch.late else "events", batch.cursor, batch.generation, news)

    async def keep(self, key: str, value: str | None) -> None:
        await super().keep(key, value)
        self.note("keep", key, None if value is None else sha256(value.encode()).hexdigest()[:8])

    def _news(self, kind: str, number: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - a value of the model
        now, before = self._told(value), self._before.get((kind, number), {})
        self._before[kind, number] = now
        return {name: now.get(name) for name in {**now, **before} if now.get(name) != before.get(name)}

    def _told(self, value: Any) -> dict[str, Any]:  # noqa: ANN401 - the same
        """Return what differs from the defaults; that it is of now goes without saying."""
        told = {each.name: getattr(value, each.name) for each in fields(value) if getattr(value, each.name) != _default(each)}
        if told.get("observed") == self._clock.now():
            del told["observed"]
        return {name: _plain(each) for name, each in told.items()}


def _default(each: Any) -> object:  # noqa: ANN401 - a field
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.strftime("%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    if isinstance(value, frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


class Stage:
    """A ZoneMinder and a bridge before it, in virtual time: what a scenario plays with."""

    def __init__(self, clock: VirtualClock, world: World, fake: FakeZoneMinder, trace: Trace, *, has_memory: bool) -> None:
        self.clock, self.world, self.fake, self.trace = clock, world, fake, trace
        memory = world.shm_dir if has_memory else False
        self._settings = config(fake.url, poll_interval=1, monitors_interval=5, shared_memory=memory)
        self._running: asyncio.Task[None] | None = None
        self.backend: ZoneMinder | None = None

    def start(self) -> None:
        """Start a bridge that knows what the one before it has kept."""
        self.backend = ZoneMinder("zm", self._settings, self.clock)
        supervisor = Supervisor("zm", self.backend, self.trace, self.clock, jitter=lambda: 0.5)
        self._running = asyncio.create_task(supervisor.run())
        self.trace.note("started")

    async def stop(self) -> None:
        """End the bridge, wherever it is."""
        task, self._running = self._running, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.trace.note("stopped")

    async def live(self) -> None:
        """Have pictures come, and events grow."""
        while True:
            self.world.beat()
            self.world.grow()
            await self.clock.sleep(_BEAT_S)

    async def order(self, what: str, monitor_id: str | None, action: Action | None) -> None:
        """Give a command (None: have it look now), and write down what came of it."""
        assert self.backend is not None
        outcome = "done"
        self.trace.note("ask", monitor_id, what)
        try:
            if action is None:
                await self.backend.refresh(VmsTarget(monitor_id=monitor_id))
            else:
                await self.backend.execute(VmsTarget(monitor_id=monitor_id), action)
        except BridgeError as error:
            outcome = f"{type(error).__name__}: {error}"
        self.trace.note("answer", monitor_id, what, outcome)


@asynccontextmanager
async def staged(folder: Path, personality: Personality, *, monitors: int = 3, has_memory: bool = True) -> AsyncIterator[Stage]:
    """Set up a stage, with nothing running but ZoneMinder."""
    clock = VirtualClock()
    trace = Trace(clock)
    world = World(personality, monitors=monitors, shm_dir=folder, now=clock.now)
    async with FakeZoneMinder(world, latency_s=_ANSWER_S) as fake:
        trace.conceals = {str(folder): "MEMORY", f"127.0.0.1:{fake.port}": "HOST"}
        stage = Stage(clock, world, fake, trace, has_memory=has_memory)
        life = asyncio.create_task(stage.live())
        try:
            yield stage
        finally:
            await stage.stop()
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
            await clock.sleep(1.0)  # its thread lets go of the memory


def play(scenario: Scenario) -> list[str]:
    """Return the scenario's trace; it is the same each time."""
    random.seed(1)  # tokens are renewed at a random time
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        # It asks the machine's clock for how long connections were idle.
        patch("aiohttp.connector.monotonic", lambda: runner.get_loop().time()),
    ):

        async def run() -> Trace:
            return await scenario(Path(folder))

        return runner.run(run()).lines


def difference(kept: Iterable[str], now: Iterable[str]) -> str:
    """Return where the traces differ first, with the lines around it; empty where they do not."""
    before, after = list(kept), list(now)
    for number, (one, other) in enumerate(zip([*before, ""], [*after, ""], strict=False)):
        if one != other:
            around = "\n".join(f"  {line}" for line in before[max(0, number - _AROUND) : number])
            follows = "\n".join(f"+ {line}" for line in after[number + 1 : number + 1 + _AROUND])
            return f"line {number + 1}:\n{around}\n- {one}\n+ {other}\n{follows}"
    return ""


def kept_trace(name: str) -> list[str]:
    return (KEPT / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
