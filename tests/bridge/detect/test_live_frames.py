"""Live pictures: the newest one of each camera in its turn, only where something moves, and only where it is meant to be."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.bridge.detect.lab import ONE, Lab, settings
from tests.fakes.backend import monitor, state
from tests.fakes.engine import FakeEngine
from tests.fakes.virtual_time import VirtualClock, VirtualLoop

from vms_bridge.archive import VideoPicture
from vms_bridge.detect.cameras import Cameras
from vms_bridge.detect.live_frames import AT_ONCE, LiveFrames
from vms_bridge.detect.looking import Eyes
from vms_bridge.detect.pasts import Pasts
from vms_bridge.detect.pictures import Pictures
from vms_bridge.detect.slots import Slots
from vms_bridge.detect.statistics import Statistics
from vms_bridge.detect.tools import Tools
from vms_bridge.detect.values import Pixels
from vms_bridge.model import Capability, LivePicture, StateUpdate, Zone
from vms_bridge.objects import Pace
from vms_bridge.views import MonitorView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence
    from pathlib import Path

    from vms_bridge.detect.values import Inferred, Picture
    from vms_bridge.model import DetectedObject
    from vms_bridge.views import MonitorKey

JPEG = b"\xff\xd8\xff"
STILLS = settings(cameras={"zm/1": {"fps": 0.5}})


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path).open() as one:
        yield one


async def test_what_a_camera_shows_is_there_until_it_is_not_seen_any_more(lab: Lab) -> None:
    lab.vms.live["1"] = b"person .9, car .8"
    async with lab.detecting(STILLS):
        await lab.until(lambda: lab.counts() == {"car": 1, "person": 1})
        await lab.pass_time(70)
        assert lab.counts() == {"car": 1, "person": 1}, "it is told again before the hub takes it for gone"
        lab.vms.live["1"] = b"car .8"
        await lab.until(lambda: lab.counts() == {"car": 1})
        lab.vms.live["1"] = b"nothing"
        await lab.until(lambda: not lab.counts())
    assert lab.view().objects is None


async def test_where_nothing_moves_no_model_looks_but_now_and_then(lab: Lab) -> None:
    lab.vms.live["1"] = b"nothing"
    async with lab.detecting(STILLS):
        await lab.until(lambda: lab.engine.inferred)
        lab.engine.changed["zm/1"] = 0.001
        await lab.pass_time(4)
        looked = len(lab.engine.inferred)
        await lab.pass_time(40)
        assert len(lab.engine.inferred) == looked
        await lab.until(lambda: len(lab.engine.inferred) > looked, step_s=1)
        lab.engine.changed["zm/1"] = 0.2
        await lab.pass_time(10)
        assert len(lab.engine.inferred) > looked + 3


@pytest.mark.parametrize("change", [{"armed": False}, {"detection": False}, {"connected": False}, {"available": False}], ids=str)
async def test_a_monitor_that_is_not_watched_is_not_looked_at(lab: Lab, change: dict[str, Any]) -> None:
    lab.vms.live["1"] = b"dog .9"
    async with lab.detecting(STILLS):
        await lab.until(lambda: lab.counts() == {"dog": 1})
        lab.feed.emit(StateUpdate(monitor_id="1", state=state(**change)))
        await lab.pass_time(3)
        assert not lab.counts()
        asked = lab.vms.asked_live
        await lab.pass_time(10)
        assert lab.vms.asked_live == asked
        lab.feed.emit(StateUpdate(monitor_id="1", state=state()))
        await lab.until(lambda: lab.counts() == {"dog": 1})


async def test_a_camera_that_is_dark_is_asked_again_later(lab: Lab) -> None:
    async with lab.detecting(STILLS):
        await lab.until(lambda: lab.vms.asked_live >= 2, step_s=1)
        lab.vms.live["1"] = b"broken"
        await lab.pass_time(70)
        lab.vms.live["1"] = b"dog .9"
        await lab.until(lambda: lab.counts() == {"dog": 1}, step_s=1)


async def test_a_camera_with_live_video_is_looked_at_by_that(lab: Lab) -> None:
    async with lab.detecting(settings(cameras={"zm/1": {"fps": 2}})):
        lab.vms.film.put_nowait(JPEG + b"dog .9")
        await lab.until(lambda: lab.counts() == {"dog": 1})
        await lab.pass_time(1)  # no more than two a second are wanted
        lab.vms.film.put_nowait(JPEG + b"car .8, car .7")
        await lab.until(lambda: lab.counts() == {"car": 2})
    assert lab.vms.asked_live == 0


async def test_each_minute_it_is_told_how_a_monitor_was_looked_at(lab: Lab) -> None:
    lab.vms.live["1"] = b"dog .9"
    lab.engine.takes_s = 0.25
    async with lab.detecting(STILLS):
        await lab.until(lambda: lab.view().pace)
        pace, other = lab.view().pace, lab.view("2").pace
        assert pace
        assert pace.took_s == 0.25
        assert 0.3 <= pace.rate <= 0.51
        assert pace.share == pytest.approx(pace.rate * 0.25, abs=0.01)
        assert pace.age_s is not None
        assert 0.25 <= pace.age_s <= 1
        assert other is None, "it is not looked at"
        lab.feed.emit(StateUpdate(monitor_id="1", state=state(armed=False)))
        await lab.pass_time(130)
        assert lab.view().pace == Pace(rate=0, took_s=None, age_s=None, dropped=0, share=0)
    assert lab.view().pace is None


async def test_the_zones_of_the_vms_tell_events_where_that_is_wanted(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    drive = Zone(id="1", name="Drive", kind="active", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    street = replace(drive, id="2", name="Street", kind="inactive", points=((0.0, 0.0), (0.1, 0.0), (0.0, 0.1)))
    first = replace(lab.vms.first.monitors[0], zones=(drive, street))
    lab.vms.first = replace(lab.vms.first, monitors=(first, *lab.vms.first.monitors[1:]))
    chosen = settings(cameras={"zm/1": {"fps": 0.5, "vms_zones": True, "vms_zone_events": True}})
    async with lab.open() as lab, lab.detecting(chosen):
        lab.vms.live["1"] = b"person .9 0.6 0.2 0.1 0.3"
        await lab.until(lambda: lab.view().last_event)
        told = lab.view().last_event
        assert told is not None
        assert (told.kind, told.zones, told.labels) == ("zone", ("Drive",), ("person",))


class Cameras300:
    """A hub with many cameras that always have a picture; it also is who is told."""

    def __init__(self, clock: VirtualClock, count: int, *able: Capability) -> None:
        self._clock = clock
        self.taken: dict[str, float] = {}
        self.stills = 0
        plain = monitor(1, capabilities=frozenset({Capability.LIVE_PICTURE, *able}))
        self.views = {
            f"c{number}": MonitorView(
                system="zm", key=f"c{number}", monitor=replace(plain, id=f"c{number}", name=f"Camera {number}"), state=state()
            )
            for number in range(count)
        }
        self.told: Counter[str] = Counter()

    @property
    def systems(self) -> dict[str, Any]:
        return {"zm": self}

    @property
    def monitors(self) -> dict[str, MonitorView]:
        return self.views

    def monitor(self, system: str, key: str) -> MonitorView | None:
        assert system == "zm"
        return self.views.get(key)

    async def picture(self, system: str, ref: LivePicture) -> bytes:
        assert system == "zm"
        await self._clock.sleep(0.05)
        self.stills += 1
        self.taken[ref.monitor] = self._clock.monotonic()
        return f"{ref.monitor} .9".encode()

    def detect(self, monitor: MonitorKey, objects: Sequence[DetectedObject]) -> None:
        assert [each.label for each in objects] == [monitor[1]]
        self.told[monitor[1]] += 1

    def show(self, *_: object) -> None:
        pass


class Filmed(Cameras300):
    """Its cameras have video too, of ten pictures a second."""

    def __init__(self, clock: VirtualClock, count: int) -> None:
        super().__init__(clock, count, Capability.LIVE_STREAM)
        self.shown = 0

    @asynccontextmanager
    async def frames(self, system: str, monitor: str, rate: float, *, width: int) -> AsyncIterator[AsyncIterator[VideoPicture]]:
        assert (system, rate, width) == ("zm", 10, 1_280)
        async with aclosing(self._pictures(monitor)) as pictures:
            yield pictures

    async def _pictures(self, monitor: str) -> AsyncGenerator[VideoPicture, None]:
        while True:
            await self._clock.sleep(0.1)
            self.shown += 1
            self.taken[monitor] = self._clock.monotonic()
            pixels = f"{monitor} .9".encode()
            yield VideoPicture(width=len(pixels), height=1, time=datetime.now(UTC), pixels=pixels)


class Timed(FakeEngine):
    """Notes how old each picture was when it was known what is in it."""

    def __init__(self, clock: VirtualClock, hub: Cameras300, *, takes_s: float = 0.02) -> None:
        super().__init__(clock, takes_s=takes_s)
        self._hub, self._time = hub, clock
        self.looked: Counter[str] = Counter()
        self.ages: list[float] = []

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        said = picture.rgb if isinstance(picture, Pixels) else picture
        camera = said.split()[0].decode()
        taken = self._hub.taken[camera]
        inferred = await super().infer(model, picture, least_score=least_score)
        self.looked[camera] += 1
        self.ages.append(self._time.monotonic() - taken)
        return inferred


@asynccontextmanager
async def looking(clock: VirtualClock, hub: Cameras300, engine: FakeEngine, fps: float) -> AsyncIterator[LiveFrames]:
    """Look at all cameras of that hub."""
    statistics = Statistics(clock.monotonic)
    tools = Tools(
        hub=cast("Any", hub),
        clock=clock,
        cameras=Cameras(settings(cameras={"*": {"fps": fps}})),
        looks=Eyes(engine, clock, pasts=Pasts(None, clock), statistics=statistics),
        contributor=cast("Any", hub),
        pictures=Pictures(None, clock, draws=engine, contributor=cast("Any", hub)),
        statistics=statistics,
    )
    live = LiveFrames(tools, engine)
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_three_hundred_cameras_are_looked_at_alike_and_never_late() -> None:
    cameras, seconds, throughput = 300, 30, 50

    async def scenario() -> Timed:
        clock = VirtualClock()
        hub = Cameras300(clock, cameras)
        engine = Timed(clock, hub)
        async with looking(clock, hub, engine, fps=1) as live:
            await clock.sleep(seconds)
            assert len(live) <= cameras
            assert live.feeds == cameras
        return engine

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        engine = runner.run(scenario())
    counts = [engine.looked[f"c{number}"] for number in range(cameras)]
    assert sum(counts) >= 0.95 * seconds * throughput, "the models never wait"
    assert max(counts) - min(counts) <= max(1, 0.1 * max(counts))
    assert sorted(engine.ages)[int(0.95 * len(engine.ages))] <= 2 * cameras / throughput


def test_no_more_is_fetched_than_can_be_looked_at() -> None:
    """Video brings all of its pictures, wanted or not: where most of them are in vain, each is asked for when it is wanted."""
    cameras, throughput = 4, 10

    async def scenario() -> None:
        clock = VirtualClock()
        hub = Filmed(clock, cameras)
        engine = Timed(clock, hub, takes_s=1 / throughput)
        async with looking(clock, hub, engine, fps=10):
            await clock.sleep(12)
            shown, looked, asked = hub.shown, len(engine.inferred), hub.stills
            assert shown >= 9 * 10 * cameras
            await clock.sleep(300)
            assert hub.shown == shown
            asked = hub.stills - asked
            looked = len(engine.inferred) - looked
            assert 0.95 * 300 * throughput <= looked
            assert abs(asked - looked) <= cameras + AT_ONCE
            await clock.sleep(310)
            assert hub.shown > shown, "once in a while it is tried again"

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


def test_video_that_can_be_looked_at_is() -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        hub = Filmed(clock, 4)
        engine = Timed(clock, hub, takes_s=0.02)
        async with looking(clock, hub, engine, fps=10):
            await clock.sleep(60)
            assert hub.stills == 0
            assert len(engine.inferred) >= 0.95 * hub.shown

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


async def test_a_slot_has_the_newest_and_counts_what_it_dropped() -> None:
    slots: Slots[str, int] = Slots()
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        slots.put(key, value)
    assert [await slots.take(), await slots.take()] == [("a", 3), ("b", 2)]
    assert (len(slots), slots.drops["a"]) == (0, 1)
    waiting = asyncio.create_task(slots.take())
    await asyncio.sleep(0)
    slots.put("c", 4)
    assert await waiting == ("c", 4)
    slots.put("c", 5)
    slots.discard("c")
    assert "c" not in slots
    assert ONE
