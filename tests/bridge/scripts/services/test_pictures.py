"""Pictures and clips for scripts, of a simulated system: of now, of events, of a time, and of VMSs that hang and lie."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.lab import EPOCH, Site, Worker, site, until
from tests.bridge.scripts.services.lying import Lying, Wrapped
from tests.fakes.clock import settle

from vms_bridge.errors import BodyInvalid, BrokeOff, ClipRefused, MediaUnavailable, NotFound, VmsProtocolError
from vms_bridge.scripts.services import archive, handles, pictures
from vms_bridge.scripts.services.exports import Exports
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.refusals import TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from vms_bridge.backends.simulator.backend import Simulator
    from vms_bridge.clock import Clock
    from vms_bridge.hub import Hub
    from vms_bridge.scripts.services.table import ServiceRow


class House:
    """A site, with what keeps media."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media: Media
        self.archive: Lying
        self.site: Site

    def rows(self, hub: Hub, clock: Clock) -> Iterable[ServiceRow]:
        self.media = Media(clock, self.folder / "spool")
        return (
            *pictures.rows(hub, clock, self.media),
            *archive.rows(hub),
            *handles.rows(self.media, Exports(None)),
        )

    def wrap(self, simulator: Simulator) -> Any:  # noqa: ANN401 - a backend
        self.archive = Lying(simulator.archive)
        return Wrapped(simulator, self.archive)


@asynccontextmanager
async def house(folder: Path, *, indexed: bool = True) -> AsyncIterator[House]:
    made = House(folder)
    async with site(folder, made.rows, indexed=indexed, wrap=made.wrap) as made.site:
        yield made


async def content(site: Site, worker: Worker, said: dict[str, Any]) -> bytes:
    return (await site.asked(worker, "media.read", media=said["media"]["id"])).data


async def test_what_a_monitor_sees_now(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path, indexed=False) as house_:
        sim = house_.site
        said = await sim.ask(worker, "monitor.snapshot", monitor="1")
        assert said["media"]["type"] == "image/jpeg"
        assert said["media"]["name"] == "sim-1-20261120T130000Z.jpg"
        jpeg = await content(sim, worker, said)
        assert (jpeg[:3], len(jpeg)) == (b"\xff\xd8\xff", said["media"]["size"])
        with pytest.raises(NotFound):
            await sim.ask(worker.may(monitors=("sim/2",)), "monitor.snapshot", monitor="1")
        await sim.lose()
        worker.end()
        assert house_.media.count == 0


@pytest.mark.parametrize(
    ("does", "error"), [("html", VmsProtocolError), ("break off", BrokeOff), ("hang", TooSlow), ("stall", TooSlow)]
)
async def test_a_vms_that_lies_or_hangs(tmp_path: Path, does: str, error: type[Exception]) -> None:
    worker = Worker()
    async with house(tmp_path, indexed=False) as house_:
        house_.archive.does = does
        asked = asyncio.create_task(house_.site.ask(worker, "monitor.snapshot", monitor="1"))
        await house_.archive.started.wait()
        await settle()
        await house_.site.clock.advance(pictures.PICTURE_S + 1)
        await until(asked.done)
        with pytest.raises(error):
            await asked
        assert (house_.media.count, house_.media.taken_bytes) == (0, 0)
        assert house_.archive.closed == (does != "hang")


async def test_a_worker_that_ends_meanwhile_leaves_nothing_open(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path, indexed=False) as house_:
        house_.archive.does = "stall"
        asked = asyncio.create_task(house_.site.ask(worker, "monitor.snapshot", monitor="1"))
        await until(lambda: house_.media.taken_bytes)
        worker.end()
        asked.cancel()
        await asyncio.wait([asked])
        assert (house_.media.count, house_.media.taken_bytes, house_.archive.closed) == (0, 0, 1)


async def test_pictures_and_clips_of_events(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path) as house_:
        sim = house_.site
        alarms = (await sim.ask(worker, "archive.find", monitors=["1"], kinds=["alarm"], limit=9))["events"]
        found = next(one for one in alarms if one["clip_ready"])
        asked: list[dict[str, Any]] = [{}, {"which": "annotated"}, *({"which": "frame", "frame": each} for each in ("first", 3))]
        for words in asked:
            said = await sim.ask(worker, "event.media", event=found["id"], **words)
            assert (await content(sim, worker, said))[:3] == b"\xff\xd8\xff"
        clip = await sim.ask(worker, "event.media", event=found["id"], which="clip")
        assert clip["media"]["type"].startswith("video/")
        assert clip["media"]["size"] > 10_000
        made_of = (await sim.ask(worker, "archive.find", monitors=["3"], limit=9))["events"][-1]
        made = await sim.ask(worker, "event.media", event=made_of["id"], which="clip")
        assert made["media"]["type"] == "video/mp4"
        asked = [{"which": "frame"}, {"frame": 3}, {"which": "all"}, {"which": "frame", "frame": 0}]
        for words in asked:
            with pytest.raises(BodyInvalid):
                await sim.ask(worker, "event.media", event=found["id"], **words)
        with pytest.raises(NotFound):
            await sim.ask(worker.may(monitors=("sim/2",)), "event.media", event=found["id"])
        worker.end()


async def test_a_clip_of_a_time_is_cut_from_what_was_recorded(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path) as house_:
        sim = house_.site
        events = (await sim.ask(worker, "archive.find", monitors=["3"], open=False, limit=2))["events"]
        assert events
        middle = EPOCH.fromisoformat(events[0]["start"]) + timedelta(seconds=2)
        said = await sim.ask(
            worker, "monitor.clip", monitor="3", start=middle.timestamp(), end=(middle + timedelta(seconds=3)).isoformat()
        )
        assert said["media"]["type"] == "video/mp4"
        assert events[0]["id"] in said["events"]
        assert said["duration"] == pytest.approx(3, abs=1.5)
        worker.end()


async def test_a_clip_that_ends_in_time_to_come_is_waited_for(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path, indexed=True) as house_:
        sim = house_.site
        now = sim.clock.now()
        asked = asyncio.create_task(
            sim.ask(
                worker, "monitor.clip", monitor="3", start=(now - timedelta(seconds=20)).isoformat(),
                end=(now + timedelta(seconds=10)).isoformat(), wait_s=300,
            )
        )  # fmt: skip
        await sim.clock.advance(5)
        assert not asked.done()
        await sim.clock.advance(5)
        while not asked.done():  # slowly: the child that makes the clip works in the machine's time
            await sim.clock.advance(0.05)
            await asyncio.sleep(0.01)
        said = await asked
        assert sim.clock.now() >= now + timedelta(seconds=10)
        assert said["media"]["type"] == "video/mp4"
        worker.end()


async def test_times_that_no_clip_can_be_of(tmp_path: Path) -> None:
    worker = Worker()
    async with house(tmp_path) as house_:
        sim = house_.site
        now = sim.clock.now()
        bad: list[dict[str, Any]] = [
            {"start": now.isoformat(), "end": now.isoformat()},
            {"start": "2026-11-20T12:00:00", "end": "2026-11-20T12:00:05"},
            {"start": "yesterday", "end": "now"},
            {"start": now.isoformat()},
        ]
        for words in bad:
            with pytest.raises(BodyInvalid):
                await sim.ask(worker, "monitor.clip", monitor="1", **words)
        hour = timedelta(hours=1)
        with pytest.raises(ClipRefused, match="the time ends in 3600 s"):
            await sim.ask(worker, "monitor.clip", monitor="1", start=now.isoformat(), end=(now + hour).isoformat())
        before: dict[str, Any] = {"start": (EPOCH - 2 * hour).isoformat(), "end": (EPOCH - hour).isoformat(), "wait_s": 0}
        with pytest.raises(MediaUnavailable):
            await sim.ask(worker, "monitor.clip", monitor="1", **before)
