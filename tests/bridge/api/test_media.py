"""Pictures and clips: parts of them, what is known already, and VMSs that hang, break off and lie."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import Answer, Api, closed, serving, until
from tests.bridge.api.world import CLIP, Film, World

from vms_bridge.api.sending import STALLED_S
from vms_bridge.archive import ByteRange, EventClip, EventFrame, FrameKind
from vms_bridge.errors import MediaBusy, MediaUnavailable, NoSuchEvent, NoSuchPart, TimedOut, VmsProtocolError, VmsUnreachable
from vms_bridge.model import EventRef, LivePicture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CLIP_PATH = "/api/v1/media/events/zm-1/clip"
REF = EventRef("zm", 1, "1")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(tmp_path: Path, world: World) -> AsyncIterator[Api]:
    async with serving(tmp_path, hub=world) as api:
        yield api
        assert world.open_now == 0, "something is left open"


async def clip(api: Api, method: str = "GET", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.ask(method, CLIP_PATH, token=api.token(), headers=sent)


async def test_a_whole_clip(api: Api, world: World) -> None:
    answer = await clip(api)
    assert (answer.status, answer.body) == (200, CLIP)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(CLIP))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == 'inline; filename="zm-1.mp4"'
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert world.opened == [(EventClip(event=REF), None)]


@pytest.mark.parametrize("has_parts", [True, False])
@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, len(CLIP) - 1),
        ("bytes=1-1500", 1, 1500),
        ("bytes=2000-2999", 2000, 2999),
        ("bytes=10000-99999", 10000, len(CLIP) - 1),
        (f"bytes={len(CLIP) - 1}-", len(CLIP) - 1, len(CLIP) - 1),
        ("bytes=-10", len(CLIP) - 10, len(CLIP) - 1),
        ("bytes=-99999", 0, len(CLIP) - 1),
    ],
)
async def test_a_part(api: Api, world: World, header: str, first: int, last: int, *, has_parts: bool) -> None:
    world.film = Film(has_parts=has_parts)
    answer = await clip(api, Range=header)
    assert (answer.status, answer.body) == (206, CLIP[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CLIP)}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert len(world.opened) <= 2


async def test_a_part_is_asked_of_the_vms_at_once(api: Api, world: World) -> None:
    await clip(api, Range="bytes=2000-2999")
    assert [part for _, part in world.opened] == [ByteRange(first=2000, last=2999)]


async def test_a_vms_that_gives_another_part_is_not_believed(api: Api, world: World) -> None:
    world.film = Film(gives=ByteRange(first=5, last=9))
    answer = await clip(api, Range="bytes=2000-2999")
    assert (answer.status, answer.code) == (502, "protocol")


@pytest.mark.parametrize("header", ["bytes=99999-", "bytes=-0", "bytes=99999-,99998-99999"])
async def test_a_part_that_is_not_there(api: Api, header: str) -> None:
    answer = await clip(api, Range=header)
    assert (answer.status, answer.code) == (416, "range")
    assert answer.headers["Content-Range"] == f"bytes */{len(CLIP)}"


@pytest.mark.parametrize(
    "header",
    ["bytes=0-1,5-9", "bytes=0-9,5-14", "bytes=9-5", "bytes=", "rows=0-1", "bytes=" + ",".join(["0-1"] * 1_000), "nonsense"],
)
async def test_for_several_parts_and_for_nonsense_the_whole_is_the_answer(api: Api, header: str) -> None:
    answer = await clip(api, Range=header)
    assert (answer.status, answer.body) == (200, CLIP)


async def test_head_says_what_get_would_and_reads_nothing(api: Api, world: World) -> None:
    world.film = Film(hangs_at=0)
    answer = await clip(api, "HEAD", Range="bytes=0-1")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CLIP))
    assert answer.headers["ETag"]


async def test_who_has_it_already_gets_nothing(api: Api, world: World) -> None:
    tag = (await clip(api)).headers["ETag"]
    world.film = Film(hangs_at=0)
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        answer = await clip(api, If_None_Match=known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    world.film = Film()
    assert (await clip(api, If_None_Match='"another"')).status == 200


async def test_a_part_of_what_was_there_before_is_not_mixed_with_what_is_there_now(api: Api, world: World) -> None:
    tag = (await clip(api)).headers["ETag"]
    assert (await clip(api, Range="bytes=1-2", If_Range=tag)).status == 206
    for other in ('"another"', f"W/{tag}", "Sat, 28 Nov 2026 10:00:00 GMT"):
        answer = await clip(api, Range="bytes=1-2", If_Range=other)
        assert (answer.status, answer.body) == (200, CLIP)
    world.film = Film(data=CLIP + b"longer")
    answer = await clip(api, Range="bytes=1-2", If_Range=tag)
    assert (answer.status, answer.body) == (200, CLIP + b"longer")


async def test_an_event_that_goes_on_has_no_tag(api: Api, world: World) -> None:
    one = world.index["zm-1"]
    world.index["zm-1"] = replace(one, event=replace(one.event, end=None, end_reason=None))
    answer = await clip(api)
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert (await clip(api, Range="bytes=1-2", If_Range='"x"')).status == 200


async def test_a_clip_whose_length_nobody_knows_comes_whole_and_ends(api: Api, world: World) -> None:
    world.film = Film(length=None)
    for header in ("bytes=0-", "bytes=5-9", "bytes=-5"):
        answer = await clip(api, Range=header)
        assert (answer.status, answer.body) == (200, CLIP)
        assert answer.headers["Accept-Ranges"] == "none"
        assert "ETag" not in answer.headers


@pytest.mark.parametrize(
    ("query", "frame"),
    [
        ("", FrameKind.BEST),
        ("?frame=alarm", FrameKind.ALARM),
        ("?frame=first", FrameKind.FIRST),
        ("?frame=annotated", FrameKind.ANNOTATED),
        ("?number=12", 12),
        ("?time=2026-11-20T13:00:00%2B01:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("?time=2026-11-20T13:00:00+01:00", datetime(2026, 11, 20, 12, tzinfo=UTC)),
    ],
)
async def test_pictures_of_an_event(api: Api, world: World, query: str, frame: FrameKind | int | datetime) -> None:
    world.film = Film(content_type="image/jpeg; charset=binary", data=b"\xff\xd8jpeg")
    answer = await api.get(f"/api/v1/media/events/zm-1/picture{query}", token=api.token())
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"\xff\xd8jpeg", "image/jpeg")
    assert world.opened == [(EventFrame(event=REF, frame=frame), None)]


@pytest.mark.parametrize(
    "query",
    ["?frame=worst", "?frame=best&number=1", "?number=0", "?number=1e3", "?number=1&number=2", "?time=now", "?time=1", "?x=1"],
)
async def test_pictures_that_there_can_be_none_of(api: Api, world: World, query: str) -> None:
    answer = await api.get(f"/api/v1/media/events/zm-1/picture{query}", token=api.token())
    assert (answer.status, answer.code) == (400, "invalid")
    assert answer.said["mistakes"]
    assert world.opened == []


async def test_a_live_picture_is_kept_by_nobody(api: Api, world: World) -> None:
    world.film = Film(content_type="image/jpeg", data=b"jpeg")
    answer = await api.get("/api/v1/media/monitors/zm/2/picture", token=api.token())
    assert (answer.status, answer.body) == (200, b"jpeg")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"] == 'inline; filename="zm-2-live.jpg"'
    assert world.opened == [(LivePicture(monitor="2"), None)]


async def test_an_id_with_everything_in_it(api: Api, world: World) -> None:
    answer = await api.get("/api/v1/media/events/zm-2.5%2Fa%20b/clip", token=api.token())
    assert (answer.status, answer.headers["Content-Disposition"]) == (200, 'inline; filename="zm-2.5_a_b.mp4"')
    assert world.opened == [(EventClip(event=EventRef("zm", 2, "5/a b")), None)]


@pytest.mark.parametrize("path", ["zm-1/../zm-2/clip", "..%2f..%2fetc%2fpasswd/clip", "%00/clip", "zm-1%00/clip", "zm-/clip"])
async def test_tricks_with_paths_find_nothing(api: Api, world: World, path: str) -> None:
    answer = await api.say(
        f"GET /api/v1/media/events/{path} HTTP/1.1\nHost: {api.host}\nAuthorization: Bearer {api.token()}\nConnection: close\n\n"
    )
    assert answer.startswith(("HTTP/1.1 404", "HTTP/1.1 400")) or world.opened[0][0] == EventClip(event=EventRef("zm", 1, "2"))


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "multipart/x-mixed-replace; boundary=x", "application/octet-stream", "x", " "]
)
async def test_what_a_browser_might_run_is_not_handed_on(api: Api, world: World, content_type: str) -> None:
    world.film = Film(content_type=content_type, data=b"<script>")
    answer = await clip(api)
    assert (answer.status, answer.code) == (502, "protocol")
    assert b"script" not in answer.body


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (VmsUnreachable("no answer"), 502, "unreachable"),
        (TimedOut("no answer in time"), 504, "unreachable"),
        (VmsProtocolError("nonsense"), 502, "protocol"),
    ],
)
async def test_a_vms_that_fails_before_it_has_given_anything(
    api: Api, world: World, fault: VmsUnreachable, status: int, code: str
) -> None:
    world.film = Film(breaks_at=0, fault=fault)
    answer = await clip(api)
    assert (answer.status, answer.code) == (status, code)


async def test_a_vms_that_gives_nothing_although_there_is_something(api: Api, world: World) -> None:
    world.film = Film(breaks_at=0)
    assert (await clip(api)).status == 502


async def test_there_is_no_such_picture(api: Api, world: World) -> None:
    world.film = Film(data=b"")
    for header in ({}, {"Range": "bytes=0-"}):
        answer = await api.get(CLIP_PATH, token=api.token(), headers=header)
        assert (answer.status, answer.code) == (404, "media")


async def test_a_vms_of_which_too_much_is_asked(api: Api, world: World) -> None:
    world.film = Film(refusal=MediaBusy("too many at a time", hint="try again in a moment"))
    answer = await clip(api, Range="bytes=0-")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")
    assert len(world.opened) == 1


@pytest.mark.parametrize("refusal", [NoSuchEvent("it is gone"), NoSuchPart("no such part", length=7)])
async def test_what_the_vms_has_no_more(api: Api, world: World, refusal: MediaUnavailable) -> None:
    world.film = Film(refusal=refusal)
    answer = await clip(api, Range="bytes=0-")
    if isinstance(refusal, NoSuchPart):
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */7")
    else:
        assert (answer.status, answer.code, len(world.opened)) == (404, "gone", 1)


async def raw(api: Api, *, version: str = "1.1", headers: str = "") -> bytes:
    """Ask for the clip on a connection that is used again, and return all that comes until it ends."""
    reader, writer = await api.connect()
    request = f"GET {CLIP_PATH} HTTP/{version}\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n{headers}\r\n"
    writer.write(request.encode())
    told = b""
    try:
        while piece := await reader.read(65_536):
            told += piece
    except ConnectionError:
        pass
    finally:
        await closed(writer)
    return told


@pytest.mark.parametrize("fault", [None, VmsUnreachable("it went away")])
@pytest.mark.parametrize("length", [-1, None])
async def test_what_breaks_off_ends_its_connection_and_is_not_made_up(
    api: Api, world: World, fault: VmsUnreachable | None, length: int | None
) -> None:
    if length is None and fault is None:
        pytest.skip("that is how it ends")
    world.film = Film(breaks_at=3_000, fault=fault, length=length)
    told = await raw(api)
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) < 4_000
    assert not body.endswith(b"0\r\n\r\n"), "a chunked body that looks whole"


async def test_a_vms_that_has_more_than_it_says_is_cut_where_it_said(api: Api, world: World) -> None:
    world.film = Film(length=1_500)
    answer = await clip(api)
    assert (answer.status, answer.body) == (200, CLIP[:1_500])


async def test_old_http_gets_what_has_no_length_until_the_connection_ends(api: Api, world: World) -> None:
    world.film = Film(length=None)
    told = await raw(api, version="1.0")
    assert told.partition(b"\r\n\r\n")[2] == CLIP


async def test_who_goes_away_lets_go_of_the_vms(api: Api, world: World) -> None:
    world.film = Film(hangs_at=2_000)
    reader, writer = await api.connect()
    writer.write(f"GET {CLIP_PATH} HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    assert world.open_now == 1
    await closed(writer)
    await until(lambda: world.open_now == 0)


async def test_who_takes_nothing_is_let_go(api: Api, world: World) -> None:
    world.film = Film(data=CLIP * 4_000, piece=1_000_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1)
    writer.write(f"GET {CLIP_PATH} HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n\r\n".encode())
    await until(lambda: world.open_now == 1)
    while world.open_now:
        await api.clock.advance(STALLED_S)
        await asyncio.sleep(0.001)
    await closed(writer)
    del reader
