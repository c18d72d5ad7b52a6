"""The whole bridge in one process, over a backend that emits what the parent asks for; the process to be measured.

States carry the moment of their emission (monotonic ns) as `event_id`, so that the subscriber can tell their age.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import BaseModel
from tests.fakes.backend import ScriptedBackend
from tests.fakes.identity import over

from benchmarks.lab import scripts
from benchmarks.lab.programs import INSTANCE
from benchmarks.lab.remote import Json, serve
from benchmarks.lab.world import SYSTEM, URL, snapshot
from vms_bridge.api.kind import KIND as HTTP
from vms_bridge.app import Bridge
from vms_bridge.backends.base import BackendKind
from vms_bridge.clock import SystemClock
from vms_bridge.config import Config, SinkConfig, SystemConfig
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, Event, EventBatch, StateUpdate
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.model import FullState, PictureRef, Update

_TICK_S = 0.01
_EVENT_TICK_S = 0.05
_EVENT_LASTS_TICKS = 10
_WITHIN_S = 20.0
_BETWEEN_S = 0.25
"""A script may give five commands a second."""


class _NoSettings(BaseModel):
    pass


@dataclass(kw_only=True)
class PicturedBackend(ScriptedBackend):
    """A scripted backend with the same picture for every event."""

    jpeg: bytes

    executed: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    """When it was asked to do something (monotonic ns)."""

    async def picture(self, ref: PictureRef) -> bytes:  # noqa: ARG002 - the contract's parameter
        """Return it."""
        return self.jpeg

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Note when, and do it."""
        self.executed.put_nowait(time.monotonic_ns())
        await super().execute(target, action)


class Feeder:
    """Does what the parent asks."""

    def __init__(
        self,
        config: MqttConfig,
        data_dir: Path,
        world: FullState,
        *,
        picture: bytes = b"",
        more: Mapping[str, SinkConfig] = MappingProxyType({}),
    ) -> None:
        self._world = world
        self._backend = PicturedBackend(url=URL, first=world, jpeg=picture)
        kind = BackendKind(name="scripted", title="Scripted", config=_NoSettings, create=lambda *_: self._backend)
        system = SystemConfig(key=SYSTEM, kind=kind, name="Scripted", rules=MonitorRules(), settings=_NoSettings())
        self._bridge = Bridge(
            Config(
                instance=INSTANCE,
                name="Benchmark",
                data_dir=data_dir,
                systems={SYSTEM: system},
                sinks=over(config) | dict(more),
            ),
            SystemClock(),
        )
        self._running: asyncio.Task[None] | None = None
        self._events = 0

    async def answer(self, do: str, request: Json) -> Json | None:
        """Start the bridge, emit without anyone listening (`dry`), or emit for real."""
        match do:
            case "start":
                at = time.monotonic_ns()
                self._running = asyncio.create_task(self._bridge.run())
                return {"at": at}
            case "token":
                await self._bridge.ready.wait()
                return {"token": (await self._bridge.hub.tokens.create("benchmark", Scope.READ))[1]}
            case "scripts" | "counts" | "react":
                return await self._of_scripts(do, **request)
            case "dry":
                return await self._load(lambda _update: None, states=request["states"], events=0, seconds=request["seconds"])
            case "load":
                feed = self._backend.feed
                assert feed is not None
                return await self._load(feed.emit, **request)
            case "states_and_pictures":
                feed = self._backend.feed
                assert feed is not None
                states, seconds = request.pop("states"), request["seconds"]
                done, _ = await asyncio.gather(
                    self._load(feed.emit, states=states, events=0, seconds=seconds), self._show_pictures(**request)
                )
                return done
        raise ValueError(do)

    async def stop(self) -> None:
        """End the bridge in order."""
        if self._running is not None:
            self._bridge.stop()
            await self._running

    async def _load(self, emit: Callable[[Update], None], *, states: int, events: int, seconds: float) -> Json:
        emitted, begun = await asyncio.gather(self._emit_states(emit, states, seconds), self._record_events(events, seconds))
        return {"states": emitted[0], "newest": emitted[1], "until": emitted[2], "events": begun}

    async def _of_scripts(self, do: str, count: int = 0) -> Json:
        """Have scripts get ready, return what became of what they were told, or measure reactions."""
        if do == "scripts":
            return await scripts.get_ready(self._bridge)
        if do == "counts":
            return scripts.counts(self._bridge)
        return {"ms": [await self._reaction() for _ in range(count)]}

    async def _reaction(self) -> float:
        """Let an alarm begin on the first monitor; return how long after it the backend was asked to do something, in ms."""
        feed = self._backend.feed
        assert feed is not None
        monitor_id, state = next(iter(self._world.states.items()))
        at = time.monotonic_ns()
        feed.emit(StateUpdate(monitor_id=monitor_id, state=replace(state, alarm=AlarmState.ALARM)))
        async with asyncio.timeout(_WITHIN_S):
            asked = await self._backend.executed.get()
        feed.emit(StateUpdate(monitor_id=monitor_id, state=state))
        await asyncio.sleep(_BETWEEN_S)
        return (asked - at) / 1e6

    async def _emit_states(self, emit: Callable[[Update], None], rate: int, seconds: float) -> tuple[int, dict[str, int], int]:
        """Emit at this rate; return how many, the newest stamp of each monitor, and when the last was emitted."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        number, newest, stamp = 0, {}, 0
        monitors = list(self._world.states.items())
        while rate and number < rate * seconds:
            while number < min(rate * seconds, rate * (loop.time() - began)):
                monitor_id, state = monitors[number % len(monitors)]
                stamp = time.monotonic_ns()
                alarm = AlarmState.ALARM if (number // len(monitors)) % 2 else AlarmState.IDLE
                emit(StateUpdate(monitor_id=monitor_id, state=replace(state, alarm=alarm, event_id=str(stamp))))
                newest[monitor_id] = stamp
                number += 1
            await asyncio.sleep(_TICK_S)
        return number, newest, stamp

    async def _record_events(self, rate: int, seconds: float) -> int:
        """Let events begin at this rate, and each end half a second later; return how many."""
        if not rate:
            return 0
        feed = self._backend.feed
        assert feed is not None
        loop = asyncio.get_running_loop()
        began, first = loop.time(), self._events
        monitors = list(self._world.states)
        batches: list[list[Event]] = []
        while self._events - first < rate * seconds or any(batches[-_EVENT_LASTS_TICKS:]):
            now = datetime.now(UTC)
            wanted = int(min(rate * seconds, rate * (loop.time() - began))) - (self._events - first)
            fresh = [
                Event(id=str(number), monitor_id=monitors[number % len(monitors)], start=now, cause="Motion", notes="Motion: All")
                for number in range(self._events + 1, self._events + wanted + 1)
            ]
            self._events += len(fresh)
            batches.append(fresh)
            over = batches[-1 - _EVENT_LASTS_TICKS] if len(batches) > _EVENT_LASTS_TICKS else []
            if len(batches) > _EVENT_LASTS_TICKS:
                batches[-1 - _EVENT_LASTS_TICKS] = []
            ended = [replace(event, end=now, duration_s=0.5) for event in over]
            if fresh or ended:
                await feed.record(EventBatch(events=(*fresh, *ended), cursor=str(self._events)))
            await asyncio.sleep(_EVENT_TICK_S)
        return self._events - first

    async def _show_pictures(self, count: int, every_s: float, seconds: float) -> None:
        """Let an event begin and end at once on that many monitors, again and again; each has a picture."""
        feed = self._backend.feed
        assert feed is not None
        loop = asyncio.get_running_loop()
        monitors = list(self._world.states)[:count]
        began = loop.time()
        for turn in range(int(seconds / every_s)):
            await asyncio.sleep(max(0.0, began + turn * every_s - loop.time()))
            now = datetime.now(UTC)
            numbers = range(self._events + 1, self._events + count + 1)
            self._events += count
            await feed.record(
                EventBatch(
                    events=tuple(
                        Event(id=str(number), monitor_id=monitor, start=now, end=now, cause="Motion", snapshot_ready=True)
                        for number, monitor in zip(numbers, monitors, strict=True)
                    ),
                    cursor=str(self._events),
                )
            )


def _http(port: int) -> SinkConfig:
    settings = {"port": port, "limits": {"requests": 10_000}}
    return SinkConfig(kind=HTTP, settings=HTTP.config.model_validate(settings))


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--monitors", type=int, required=True)
    parser.add_argument("--picture", type=Path, help="a JPEG of each event; without one pictures are left out")
    parser.add_argument("--port", type=int, help="where the API listens; without one there is none")
    parser.add_argument("--scripts", type=Path, help="a folder of scripts that run beside; without one there are none")
    wanted = parser.parse_args()
    mqtt = MqttConfig(url=wanted.broker, commands="admin", snapshots=wanted.picture is not None)
    picture = wanted.picture.read_bytes() if wanted.picture else b""
    more = {} if wanted.port is None else {"http": _http(wanted.port)}
    if wanted.scripts is not None:
        more["scripts"] = scripts.section(wanted.scripts)
    feeder = Feeder(mqtt, wanted.data_dir, snapshot(wanted.monitors), picture=picture, more=more)
    try:
        await serve(feeder.answer)
    finally:
        await feeder.stop()


if __name__ == "__main__":
    asyncio.run(main())
