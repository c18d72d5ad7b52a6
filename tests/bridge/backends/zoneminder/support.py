"""What the ZoneMinder tests share: compressed time, and a feed that remembers."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from tests.fakes.memory import FeedMemory
from tests.fakes.virtual_time import VirtualLoop

from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
from vms_bridge.clock import Moment
from vms_bridge.model import (
    Detection,
    Event,
    EventBatch,
    FullState,
    MonitorState,
    Resume,
    StateUpdate,
    SystemLost,
    SystemState,
    SystemUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.zoneminder import FakeZoneMinder

    from vms_bridge.model import Monitor, Update

RECORDED = Path(__file__).parent / "recorded"
PASSWORD = "p&=+ä/%s#"


def recorded(name: str) -> Any:  # noqa: ANN401 (JSON)
    return json.loads((RECORDED / f"{name}.json").read_text())


def config(url: str, **settings: Any) -> ZoneMinderConfig:  # noqa: ANN401 (settings as a person writes them)
    """Return settings with short intervals, without shared memory unless given."""
    short: dict[str, Any] = {"poll_interval": 0.5, "monitors_interval": 2, "shared_memory": False, "timeout": 5}
    login = {"username": "admin", "password": SecretStr(PASSWORD)}
    return ZoneMinderConfig(**{"url": url, **login, **short, **settings})


class FastClock:
    """The machine's clock, `speed` times as fast: what takes a minute is tested in a second, with real requests.

    In a virtual loop the machine's time is that loop's: then nobody waits for it, and nothing hangs on how busy the machine is.
    """

    def __init__(self, speed: float = 20.0) -> None:
        self._speed = speed
        self._loop: VirtualLoop | None = None
        self._began = time.monotonic()
        self._start = datetime.now(UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed())

    def monotonic(self) -> float:
        return 1000 + self._elapsed()

    def moment(self) -> Moment:
        return Moment(boot="first", uptime_s=self.monotonic(), wall=self.now())

    async def sleep(self, seconds: float) -> None:
        # A virtual loop rounds: what is shorter than that would never be over.
        await asyncio.sleep(max(seconds / self._speed, 1e-6) if seconds > 0 else 0)

    def pause(self, seconds: float) -> None:
        """Threads wait in the machine's time: to look at memory so many times as often is no use."""
        if self._loop is None:
            time.sleep(seconds)
        else:
            self._loop.threads.pause(max(seconds, 0.001))

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(None if seconds is None else seconds / self._speed)

    def _elapsed(self) -> float:
        with suppress(RuntimeError):  # raised in a thread, for whose time the loop stands still
            loop = asyncio.get_running_loop()
            if loop is not self._loop and isinstance(loop, VirtualLoop):
                self._loop, self._began = loop, loop.time() - (self._machine() - self._began)
        return (self._machine() - self._began) * self._speed

    def _machine(self) -> float:
        return time.monotonic() if self._loop is None else self._loop.time()


class MemoryFeed(FeedMemory):
    """Keeps everything, as the hub's store would, and lets tests wait for it."""

    def __init__(self, resume: Resume | None = None, texts: dict[str, str] | None = None) -> None:
        super().__init__(texts={} if texts is None else texts)
        self.cursor = None if resume is None else resume.cursor
        self.generation = 1 if resume is None else resume.generation
        self.open: dict[str, Event] = {} if resume is None else {event.id: event for event in resume.open_events}
        self.batches: list[EventBatch] = []
        self.snapshots: list[FullState] = []
        self.states: dict[str, MonitorState] = {}
        self.history: list[tuple[str, MonitorState]] = []
        self.system: SystemState | None = None
        self.lost: list[str] = []
        self.monitors: dict[str, Monitor] = {}
        self.detections: list[Detection] = []
        self._recent = () if resume is None else resume.recent_events
        self._changed = asyncio.Event()
        self.hidden: set[str] = set()

    def shows(self, monitor_id: str, name: str) -> bool:  # noqa: ARG002 - the contract's parameter
        return monitor_id not in self.hidden

    @property
    def resume(self) -> Resume:
        return Resume(
            cursor=self.cursor, generation=self.generation, open_events=tuple(self.open.values()), recent_events=self._recent
        )

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch.events]

    def event(self, number: int) -> Event | None:
        return next((event for event in reversed(self.events) if event.id == str(number)), None)

    def emit(self, update: Update) -> None:
        if isinstance(update, FullState):
            self.snapshots.append(update)
            self.system, self.states = update.system, dict(update.states)
            self.monitors = {monitor.id: monitor for monitor in update.monitors}
            self.history += update.states.items()
        elif isinstance(update, StateUpdate):
            self.states[update.monitor_id] = update.state
            self.history.append((update.monitor_id, update.state))
        elif isinstance(update, SystemUpdate):
            self.system = update.state
        elif isinstance(update, Detection):
            self.detections.append(update)
        elif isinstance(update, SystemLost):
            self.lost.append(update.detail)
            self.states = dict.fromkeys(self.states, MonitorState(detail=update.detail))
        self._changed.set()

    async def record(self, batch: EventBatch) -> None:
        self.batches.append(batch)
        self.cursor = batch.cursor or self.cursor
        self.generation = batch.generation
        for event in batch.events:
            if event.end is not None or event.deleted:
                self.open.pop(event.id, None)
            else:
                self.open[event.id] = event
        self._changed.set()

    async def until(self, holds: Callable[[], object], seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                # Not all that tests wait for is told to the feed.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.01)


def memory_config(fake: FakeZoneMinder, **settings: Any) -> ZoneMinderConfig:  # noqa: ANN401 (settings)
    return config(fake.url, shared_memory=fake.world.shm_dir, **settings)
