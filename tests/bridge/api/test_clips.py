"""Clips of a time by the API: what is asked, what is answered, and what is said of what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import Api, serving
from tests.bridge.api.world import CLIP, World
from tests.fakes.backend import START

from vms_bridge.archive import ClipContent, ClipGap, ClipPart, ClipRange, EventClip, GapReason
from vms_bridge.errors import ClipRefused, MediaBusy, MediaUnavailable, NoRoom, NoSuchEvent, TimedOut, VmsUnreachable
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATH = "/api/v1/media/monitors/zm/1/clip"
TIME = "?since=2026-11-20T12:00:00Z&until=2026-11-20T12:01:00Z"
REF = EventRef("zm", 1, "1")


def gap(first: float, last: float, reason: GapReason = GapReason.NOT_RECORDED) -> ClipGap:
    return ClipGap(start=START + timedelta(seconds=first), end=START + timedelta(seconds=last), reason=reason)


CONTENT = ClipContent(
    version="abc",
    length=len(CLIP),
    parts=(
        ClipPart(event=REF, start=START - timedelta(seconds=1.5), end=START + timedelta(seconds=20), at_s=0.0),
        ClipPart(
            event=EventRef("zm", 2, "5/a b"), start=START + timedelta(seconds=30), end=START + timedelta(seconds=60), at_s=21.5
        ),
    ),
    gaps=(gap(20, 30), gap(40, 42, GapReason.UNAVAILABLE)),
    duration_s=51.5,
    codec="h264",
    width=160,
    height=120,
    is_encoded=False,
    is_settled=True,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.content = CONTENT
    return world


@pytest.fixture
async def api(tmp_path: Path, world: World) -> AsyncIterator[Api]:
    async with serving(tmp_path, hub=world) as api:
        yield api
        assert world.open_now == 0, "something is left open"


async def test_a_clip_of_a_time(api: Api, world: World) -> None:
    answer = await api.get(PATH + TIME, token=api.token())
    assert (answer.status, answer.body) == (200, CLIP)
    headers = answer.headers
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == str(len(CLIP))
    assert headers["Content-Disposition"] == 'inline; filename="zm-1-20261120T120000Z.mp4"'
    assert (headers["Clip-Start"], headers["Clip-End"]) == ("2026-11-20T11:59:58.500Z", "2026-11-20T12:01:00.000Z")
    assert headers["Clip-Duration"] == "51.500"
    assert headers["Clip-Gaps"] == (
        "2026-11-20T12:00:20.000Z/2026-11-20T12:00:30.000Z;not_recorded, "
        "2026-11-20T12:00:40.000Z/2026-11-20T12:00:42.000Z;unavailable"
    )
    asked = ClipRange(system="zm", monitor="1", since=START, until=START + timedelta(minutes=1))
    assert world.asked_clips == [asked]
    await api.get(f"{PATH}{TIME}&encode=true", token=api.token())
    assert world.asked_clips[-1] == replace(asked, encode=True)


async def test_parts_tags_and_head_as_of_any_clip(api: Api, world: World) -> None:
    token = api.token()
    head = await api.ask("HEAD", PATH + TIME, token=token)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(CLIP)))
    tag = head.headers["ETag"]
    part = await api.get(PATH + TIME, token=token, headers={"Range": "bytes=100-199", "If-Range": tag})
    assert (part.status, part.body) == (206, CLIP[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(CLIP)}"
    assert (await api.get(PATH + TIME, token=token, headers={"Range": "bytes=-5"})).body == CLIP[-5:]
    assert (await api.get(PATH + TIME, token=token, headers={"Range": "bytes=99999-"})).status == 416
    assert (await api.get(PATH + TIME, token=token, headers={"If-None-Match": tag})).status == 304
    world.content = replace(CONTENT, version="another")
    assert (await api.get(PATH + TIME, token=token, headers={"If-None-Match": tag})).status == 200
    world.content = replace(CONTENT, is_settled=False)
    answer = await api.get(PATH + TIME, token=token)
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_what_is_in_it(api: Api) -> None:
    answer = await api.get(f"{PATH}/content{TIME}", token=api.token())
    assert answer.status == 200
    assert answer.said == {
        "start": "2026-11-20T11:59:58.500000Z",
        "end": "2026-11-20T12:01:00Z",
        "duration": 51.5,
        "parts": [
            {"event": "zm-1", "start": "2026-11-20T11:59:58.500000Z", "end": "2026-11-20T12:00:20Z", "at": 0.0},
            {
                "event": EventRef("zm", 2, "5/a b").format(),
                "start": "2026-11-20T12:00:30Z",
                "end": "2026-11-20T12:01:00Z",
                "at": 21.5,
            },
        ],
        "gaps": [
            {"start": "2026-11-20T12:00:20Z", "end": "2026-11-20T12:00:30Z", "reason": "not_recorded"},
            {"start": "2026-11-20T12:00:40Z", "end": "2026-11-20T12:00:42Z", "reason": "unavailable"},
        ],
        "bytes": len(CLIP),
        "codec": "h264",
        "width": 160,
        "height": 120,
        "encoded": False,
        "settled": True,
    }


async def test_a_header_lists_so_many_gaps_and_how_many_more_there_are(api: Api, world: World) -> None:
    world.content = replace(CONTENT, gaps=tuple(gap(each, each + 1) for each in range(0, 200, 2)))
    said = (await api.get(PATH + TIME, token=api.token())).headers["Clip-Gaps"]
    assert len(said) < 4_096
    assert said.count("not_recorded") == 40
    assert said.endswith(", ...;60")
    world.content = replace(CONTENT, gaps=())
    assert "Clip-Gaps" not in (await api.get(PATH + TIME, token=api.token())).headers


@pytest.mark.parametrize("path", [PATH, f"{PATH}/content"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "since"),
        ("?since=2026-11-20T12:00:00Z", "until"),
        ("?since=2026-11-20T12:00:00Z&until=2026-11-20T12:00:00Z", ""),
        ("?since=yesterday&until=2026-11-20T12:00:00Z", "since"),
        (f"{TIME}&encode=perhaps", "encode"),
        (f"{TIME}&more=1", "more"),
    ],
)
async def test_what_can_not_be_meant(api: Api, world: World, path: str, query: str, field: str) -> None:
    answer = await api.get(path + query, token=api.token())
    assert (answer.status, answer.code) == (400, "invalid")
    assert field in [mistake["field"] for mistake in answer.said["mistakes"]]
    assert world.asked_clips == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (ClipRefused("too long"), 422, "clip"),
        (NoRoom("no room"), 507, "no_room"),
        (MediaBusy("too many"), 503, "busy"),
        (MediaUnavailable("nothing was recorded"), 404, "media"),
        (VmsUnreachable("nobody is there"), 502, "unreachable"),
        (TimedOut("too late"), 504, "unreachable"),
    ],
)
async def test_refusals(api: Api, world: World, refusal: MediaUnavailable, status: int, code: str) -> None:
    world.film.refusal = refusal
    for path in (PATH, f"{PATH}/content"):
        answer = await api.get(path + TIME, token=api.token())
        assert (answer.status, answer.code) == (status, code)


async def test_a_monitor_that_is_not_there_or_another_s(api: Api, world: World) -> None:
    for path in (PATH.replace("/1/", "/7/"), PATH.replace("/zm/", "/no/")):
        assert (await api.get(path + TIME, token=api.token())).status == 404
    limited = api.token(monitors=frozenset({("zm", "2")}))
    assert (await api.get(PATH + TIME, token=limited)).status == 404
    assert world.asked_clips == []


async def test_of_an_event_of_single_pictures_a_clip_is_made(api: Api, world: World) -> None:
    known = world.index["zm-1"]
    world.index["zm-1"] = replace(known, event=replace(known.event, clip_ready=False))
    answer = await api.get("/api/v1/media/events/zm-1/clip", token=api.token())
    assert (answer.status, answer.body) == (200, CLIP)
    assert answer.headers["Content-Disposition"] == 'inline; filename="zm-1.mp4"'
    assert (world.asked_clips, world.opened) == ([EventClip(event=REF)], [])
    world.content = None
    answer = await api.get("/api/v1/media/events/zm-1/clip", token=api.token())
    assert answer.status == 200
    assert world.opened == [(EventClip(event=REF), None)], "the VMS may have one that the index does not know of"


async def test_one_that_can_not_be_made_is_told_as_it_is(api: Api, world: World) -> None:
    known = world.index["zm-1"]
    world.index["zm-1"] = replace(known, event=replace(known.event, clip_ready=False))
    for refusal, status in ((ClipRefused("too long"), 422), (NoSuchEvent("it is gone"), 404), (NoRoom("no room"), 507)):
        world.film.refusal = refusal
        assert (await api.get("/api/v1/media/events/zm-1/clip", token=api.token())).status == status
        assert world.opened == []
