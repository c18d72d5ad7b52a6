"""Monitors, pictures, videos and frames, systems and the archive: what is asked for, and what comes of the answers."""

from __future__ import annotations

import asyncio
import copy
import gc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge import script
from vms_bridge.script import Event, Monitor, TooLarge, archive, bridge, detect, monitors, systems

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.script_link import FakeLink

api: Any = script
"""As an author has it whose editor does not look at types."""
FRONT = {"system": "zm", "key": "1", "name": "Front", "width": 640, "height": 480, "modes": {"function": ["Modect"]}}
MEDIA = {"media": {"id": "m1", "type": "image/jpeg", "size": 5_000_000, "name": "front.jpg"}}
START = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tell", "words"),
    [
        (lambda m: m.trigger(), {"name": "alarm", "value": True}),
        (lambda m: m.trigger("door", "30s", score=9),
         {"name": "alarm", "value": True, "cause": "door", "seconds": 30, "score": 9}),
        (lambda m: m.end_alarm(), {"name": "end_alarm", "value": None}),
        (lambda m: m.arm(), {"name": "armed", "value": True}),
        (lambda m: m.disarm(), {"name": "armed", "value": False}),
        (lambda m: m.detection(False), {"name": "detection", "value": False}),
        (lambda m: m.set("Modect"), {"name": "mode", "value": "Modect"}),
        (lambda m: m.set("recording", "Always"), {"name": "recording", "value": "Always"}),
        (lambda m: m.preset(2), {"name": "preset", "value": 2}),
        (lambda m: m.preset("Gate"), {"name": "preset", "value": "Gate"}),
        (lambda m: m.move("left", seconds=2, speed=0.5), {"name": "ptz", "value": "left", "seconds": 2, "speed": 0.5}),
        (lambda m: m.stop(), {"name": "ptz", "value": "stop"}),
        (lambda m: m.command("max_fps", 5), {"name": "max_fps", "value": 5}),
    ],
)  # fmt: skip
async def test_what_a_monitor_is_told(link: FakeLink, tell: Callable[[Monitor], object], words: dict[str, object]) -> None:
    link.answers["monitor.command"] = {"result": "applied", "applied": True, "detail": "seen"}
    done = await tell(monitors["zm/1"])  # type: ignore[misc] # each is something to await
    assert link.last == ("monitor.command", {"monitor": "zm/1", **words})
    assert (done.result, done.applied, done.detail) == ("applied", True, "seen")


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda _: api.monitors[""], ValueError, "the name of a monitor is empty"),
        (lambda _: api.monitors[5], TypeError, "the name of a monitor is a text"),
        (lambda m: m.trigger(5), TypeError, "cause is a text"),
        (lambda m: m.trigger("x", score=1000), ValueError, "score is between 0 and 255"),
        (lambda m: m.move("left", speed=2), ValueError, "speed is between 0 and 1"),
        (lambda m: m.frames(0), ValueError, "rate is between"),
        (lambda m: m.clip(), TypeError, "a clip is of a time"),
        (lambda m: m.clip(START), TypeError, "either clip"),
        (lambda m: m.clip(START, START), ValueError, "ends after it begins"),
        (lambda m: m.clip(START, START + timedelta(hours=2)), ValueError, "at most an hour"),
        (lambda m: m.clip("now", "then"), TypeError, "start is a datetime"),
        (lambda m: m.clip(START, START, before=5), TypeError, "either clip"),
        (lambda _: api.detect("x"), TypeError, "takes a picture"),
        (lambda _: api.archive.find(limit=501), ValueError, "limit is between 1 and 500"),
        (lambda _: api.archive.find(monitors=5), TypeError, "monitors are names"),
        (lambda _: api.archive.find(since="yesterday"), TypeError, "since is a datetime"),
        (lambda _: api.bridge.logs(level="loud"), ValueError, "level is one of"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_before_anything_is_sent(
    link: FakeLink, wrong: Callable[[Any], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        wrong(monitors["zm/1"])
    assert not link.asked


async def test_which_monitors_there_are(link: FakeLink) -> None:
    link.answers["monitors.list"] = {"monitors": [FRONT]}
    link.answers["monitor.state"] = {"monitor": FRONT, "state": {"alarm": "idle", "score": None}}
    (front,) = await monitors.list()
    assert (front.path, front.system, front.key, front.name, str(front)) == ("zm/1", "zm", "1", "Front", "Front")
    assert [each async for each in monitors] == [front] == list(monitors)
    assert len({front, Monitor("zm/1")}) == 1
    assert monitors["front"].name == "front"
    (info,) = await monitors.infos()
    assert (info.width, info.modes, info.monitor) == (640, {"function": ["Modect"]}, front)
    assert (await front.info()).height == 480
    state = await front.state()
    assert (state.alarm, state["score"], "alarm" in state, state.as_dict()) == (
        "idle",
        None,
        True,
        {"alarm": "idle", "score": None},
    )
    with pytest.raises(AttributeError, match="the state has no 'alram'; it has alarm, score"):
        state.alram  # noqa: B018 - that is what is tested


async def test_pictures_are_read_exported_and_let_go_of(link: FakeLink) -> None:
    link.answers |= {"monitor.snapshot": MEDIA, "media.export": {"path": "/exports/a.jpg"}}
    link.blobs["media.read"] = b"jpeg"
    picture = await monitors["a"].snapshot()
    assert (picture.type, picture.size, picture.name) == ("image/jpeg", 5_000_000, "front.jpg")
    with pytest.raises(TooLarge, match="read it in parts"):
        picture.read()
    assert await picture.read(4_000_000, 1000) == b"jpeg"
    assert link.last == ("media.read", {"media": "m1", "offset": 4_000_000, "size": 1000})
    assert await picture.export("a.jpg", folder="gate") == "/exports/a.jpg"
    assert link.last == ("media.export", {"media": "m1", "name": "a.jpg", "folder": "gate"})
    picture.drop()
    assert link.last == ("media.drop", {"media": "m1"})
    asked = len(link.asked)
    del picture
    gc.collect()
    assert len(link.asked) == asked


async def test_clips_are_of_a_time(link: FakeLink) -> None:
    link.answers["monitor.clip"] = MEDIA
    await monitors["a"].clip(before="5s", after="15s")
    expected = {"start": "2026-11-20T11:59:55+00:00", "end": "2026-11-20T12:00:15+00:00"}
    assert link.asked[0] == ("monitor.clip", {"monitor": "a", **expected})
    await monitors["a"].clip(datetime(2026, 11, 20, 9), START)  # noqa: DTZ001 - a time without a zone is a local one
    assert (
        "monitor.clip",
        {"monitor": "a", "start": "2026-11-20T09:00:00+00:00", "end": "2026-11-20T10:00:00+00:00"},
    ) in link.asked


async def test_frames_that_come_too_late_are_looked_at_by_nobody(link: FakeLink) -> None:
    link.held["frames.open"] = []

    async def handler() -> None:
        async for _ in monitors["a"].frames():
            raise AssertionError

    waiting = asyncio.create_task(handler())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    link.held["frames.open"][0].set_result(3)
    assert link.last == ("frames.close", {"stream": 3})


async def test_frames_come_until_they_are_left(link: FakeLink) -> None:
    link.answers |= {"frames.open": {"stream": 3}, "frames.next": {"time": "2026-11-20T12:00:00Z", "width": 640}}
    link.blobs["frames.next"] = b"jpeg"
    number = 0
    frames = monitors["a"].frames(2)
    async for frame in frames:
        assert (frame.data, frame.width, frame.time) == (b"jpeg", 640, datetime(2026, 11, 20, 12, tzinfo=UTC))
        number += 1
        if number == 3:
            break
    frames.close()
    assert [what for what, _ in link.asked] == ["frames.open", *["frames.next"] * 3, "frames.close"]
    assert [each async for each in frames] == []
    async with monitors["a"].frames() as again:
        assert again.next().result().data == b"jpeg"
    assert link.last == ("frames.close", {"stream": 3})
    link.errors["frames.next"] = ("unavailable", "lost", "")
    with pytest.raises(Exception, match="lost"):
        [each async for each in monitors["a"].frames()]
    assert link.last == ("frames.close", {"stream": 3})


async def test_systems_and_the_bridge(link: FakeLink) -> None:
    link.answers |= {"system.state": {"state": {"run_state": "night"}}, "bridge.state": {"version": "1"}}
    link.answers |= {"system.logs": {"lines": [{"text": "x"}]}, "bridge.logs": {"lines": []}}
    zm = systems["zm"]
    assert (await zm.state())["run_state"] == "night"
    await zm.run_state("away")
    assert link.last == ("system.command", {"system": "zm", "name": "run_state", "value": "away"})
    assert await zm.logs(level="error", since=START, limit=5) == [{"text": "x"}]
    assert link.last[1] == {"system": "zm", "level": "error", "since": "2026-11-20T10:00:00+00:00", "limit": 5}
    assert await bridge.state() == {"version": "1"}
    assert await bridge.logs() == []
    assert (str(zm), zm == systems["zm"], len({zm, systems["zm"]}), zm.plain()) == ("zm", True, 1, "zm")


async def test_the_archive_is_searched_page_by_page(link: FakeLink) -> None:
    link.answers["archive.find"] = {"events": [{"id": "zm-2"}, {"id": "zm-1"}], "after": "p2"}
    found = await archive.find(monitors=monitors["zm/1"], labels=["car"], since=START, min_score=0.5, words="red", after="p1")
    expected = {"monitors": ["zm/1"], "labels": ["car"], "since": "2026-11-20T10:00:00+00:00", "min_score": 0.5, "words": "red"}
    assert link.last == ("archive.find", {"limit": 100, "after": "p1", **expected})
    assert ([event.id for event in found], found.after) == (["zm-2", "zm-1"], "p2")
    assert [event.id async for event in archive.all(labels="car", most=3)] == ["zm-2", "zm-1", "zm-2"]
    link.answers["archive.find"] = {"events": [], "after": None}
    assert [event async for event in archive.all()] == []
    link.answers["event.get"] = {"event": {"id": "zm-7", "kind": "alarm"}}
    assert (await archive.event("zm-7")).kind == "alarm"


async def test_detecting_takes_a_picture_in_any_form(link: FakeLink) -> None:
    link.answers |= {
        "monitor.snapshot": MEDIA,
        "detect.picture": {"objects": [{"label": "car", "score": 0.9, "box": [0, 0, 1, 1]}]},
    }
    link.answers |= {"frames.open": {"stream": 1}, "frames.next": {}}
    link.blobs["frames.next"] = b"frame"
    picture = await monitors["a"].snapshot()
    (seen,) = await detect(picture, model="fast")
    assert link.last == ("detect.picture", {"media": "m1", "model": "fast"})
    assert (seen.label, seen.score, seen.box, seen.text) == ("car", 0.9, (0, 0, 1, 1), None)
    assert seen.plain() == {"label": "car", "score": 0.9, "box": (0, 0, 1, 1), "text": None}
    await detect(b"jpeg")
    frames = monitors["a"].frames()
    await detect(frames.next().result())
    assert [data for (what, _), data in zip(link.asked, link.data, strict=True) if what == "detect.picture"] == [
        b"",
        b"jpeg",
        b"frame",
    ]


@pytest.mark.parametrize(
    ("do", "what", "words"),
    [
        (lambda e: e.archive(), "event.command", {"name": "archived", "value": True}),
        (lambda e: e.lock(False), "event.command", {"name": "locked", "value": False}),
        (lambda e: e.tag("x"), "event.command", {"name": "tag", "value": "x"}),
        (lambda e: e.untag("x"), "event.command", {"name": "untag", "value": "x"}),
        (lambda e: e.note(""), "event.command", {"name": "note", "value": ""}),
        (lambda e: e.note("x"), "event.command", {"name": "note", "value": "x"}),
        (lambda e: e.delete(), "event.command", {"name": "delete", "value": None}),
        (lambda e: e.annotate(labels=["car"], score=0.5, zones=[], text="t", plates=["P"], faces=["F"]), "event.annotate",
         {"labels": ["car"], "score": 0.5, "zones": [], "text": "t", "plates": ["P"], "faces": ["F"]}),
        (lambda e: e.snapshot(), "event.media", {"which": "snapshot"}),
        (lambda e: e.snapshot(annotated=True), "event.media", {"which": "annotated"}),
        (lambda e: e.clip(), "event.media", {"which": "clip"}),
        (lambda e: e.frame(3), "event.media", {"which": "frame", "frame": 3}),
        (lambda e: e.reload(), "event.get", {}),
    ],
)  # fmt: skip
async def test_what_can_be_done_with_an_event(
    link: FakeLink, do: Callable[[Event], object], what: str, words: dict[str, object]
) -> None:
    link.answers |= {"event.media": MEDIA, "event.get": {"event": {"id": "zm-1"}}}
    await do(Event({"id": "zm-1"}))  # type: ignore[misc] # each is something to await
    assert link.asked[0] == (what, {"event": "zm-1", **words})


@pytest.mark.usefixtures("link")
def test_an_annotation_says_something() -> None:
    with pytest.raises(TypeError, match="annotate"):
        Event({"id": "zm-1"}).annotate()


async def test_a_state_can_be_copied(link: FakeLink) -> None:
    link.answers["monitor.state"] = {"state": {"alarm": "idle", "zones": {"1": True}}}
    state = await monitors["a"].state()
    assert (copy.copy(state).alarm, copy.deepcopy(state).zones) == ("idle", {"1": True})


@pytest.mark.parametrize(
    "ask",
    [
        lambda time: systems["zm"].logs(since=time),
        lambda time: archive.find(since=time),
        lambda time: archive.find(until=time),
        lambda time: monitors["a"].clip(time, time + timedelta(seconds=1)),
    ],
)
async def test_a_time_without_a_zone_is_in_the_configured_one(link: FakeLink, ask: Callable[[datetime], Any]) -> None:
    link.answers |= {"monitor.clip": MEDIA}
    await ask(datetime(2026, 11, 20, 10))  # noqa: DTZ001 - that is what is tested
    said = link.asked[0][1]
    assert START.isoformat() in {said.get("since"), said.get("until"), said.get("start")}
    with pytest.raises(TypeError, match=r"is a datetime, such as now\(\)"):
        systems["zm"].logs(since="yesterday")  # type: ignore[arg-type] # that is what is tested


async def test_who_goes_through_the_archive_is_no_faster_than_it_may_be(link: FakeLink) -> None:
    """More than a script may ask for at once: it waits a little, and goes on where it was."""
    pages = [{"events": [{"id": f"zm-{number}"}], "after": "more"} for number in range(3)]
    link.answers["archive.find"] = pages[0]
    seen = []
    async for event in archive.all(most=3):
        seen.append(event.id)
        link.answers["archive.find"] = pages[len(seen)] if len(seen) < 3 else {}
        if len(seen) == 2:
            link.errors["archive.find"] = ("too_many", "archive.find is asked for too often", "")
            link.on_ask["timer.open"] = link.errors.clear
    assert seen == ["zm-0", "zm-1", "zm-2"]
    assert [what for what, _ in link.asked].count("timer.open") == 1
