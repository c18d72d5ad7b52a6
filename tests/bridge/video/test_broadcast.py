"""Who looks at a live video: how each begins, and what becomes of the slow."""

from __future__ import annotations

import asyncio

import pytest

from vms_bridge.archive import LiveForm
from vms_bridge.errors import VideoFailed
from vms_bridge.video.broadcast import MOST_KEPT_BYTES, MOST_WAITING_BYTES, Broadcast, Piece, Viewer

TS, MP4 = LiveForm.MPEG_TS, LiveForm.MP4


def broadcast() -> Broadcast:
    made = Broadcast((TS, MP4))
    made.begin("h264")
    return made


def key(name: str, size: int = 0) -> Piece:
    return Piece(name.encode().ljust(size, b"."), is_key=True)


def piece(name: str, size: int = 0) -> Piece:
    return Piece(name.encode().ljust(size, b"."), is_key=False)


async def seen(viewer: Viewer) -> list[str]:
    """Return what waits for him."""
    found: list[str] = []
    while True:
        try:
            async with asyncio.timeout(0):
                data = await viewer.next()
        except TimeoutError:
            return found
        if data is None:
            return [*found, "end"]
        found.append(data.rstrip(b".").decode())


async def test_everybody_begins_with_a_key() -> None:
    video = broadcast()
    early = video.join(TS)
    video.publish(TS, piece("a"))
    video.publish(TS, key("b"))
    video.publish(TS, piece("c"))
    late = video.join(TS)
    video.publish(TS, piece("d"))
    assert await seen(early) == ["b", "c", "d"]
    assert await seen(late) == ["b", "c", "d"]


async def test_who_wants_the_newest_has_nothing_else_waiting() -> None:
    video = broadcast()
    newest, all_of_it = video.join(TS, wants_newest=True), video.join(TS)
    for name in "abc":
        video.publish(TS, key(name))
    assert await seen(newest) == ["c"]
    video.publish(TS, piece("d"))
    video.publish(TS, key("e"))
    video.publish(TS, piece("f"))
    assert await seen(newest) == ["e", "f"]
    assert await seen(all_of_it) == ["a", "b", "c", "d", "e", "f"]
    assert newest.skips == 0


async def test_forms_do_not_mix_and_mp4_begins_with_its_head() -> None:
    video = broadcast()
    viewers = {form: video.join(form) for form in (TS, MP4)}
    video.head(MP4, b"head")
    for form in (TS, MP4):
        video.publish(form, key(f"{form} 1"))
        video.publish(form, key(f"{form} 2"))
    assert await seen(viewers[TS]) == ["ts 1", "ts 2"]
    assert await seen(viewers[MP4]) == ["head", "mp4 1", "mp4 2"]
    assert await seen(video.join(MP4)) == ["head", "mp4 2"]


async def test_who_is_slow_goes_on_with_the_next_key_and_holds_up_nobody() -> None:
    video = broadcast()
    video.head(MP4, b"head")
    slow, quick = video.join(MP4), video.join(MP4)
    sizes = MOST_WAITING_BYTES // 4
    got = []
    for number in range(36):
        video.publish(MP4, (key if number % 8 == 0 else piece)(str(number), sizes))
        got += await seen(quick)
    assert got == ["head", *map(str, range(36))]
    assert slow.skips > 0
    waiting = await seen(slow)
    assert waiting[0] == "head"
    assert int(waiting[1]) % 8 == 0
    assert [int(each) for each in waiting[1:]] == list(range(int(waiting[1]), int(waiting[1]) + len(waiting) - 1))
    assert len(waiting) <= 5


async def test_a_piece_that_is_larger_than_what_may_wait_comes_all_the_same() -> None:
    video = broadcast()
    viewer = video.join(TS)
    video.publish(TS, key("large", MOST_WAITING_BYTES + 1))
    video.publish(TS, key("next"))
    assert await seen(viewer) == ["next"]
    video.publish(TS, key("larger", 2 * MOST_WAITING_BYTES))
    assert await seen(viewer) == ["larger"]


async def test_not_more_is_kept_than_is_bearable() -> None:
    video = broadcast()
    video.publish(TS, key("a", MOST_KEPT_BYTES // 2))
    for _ in range(3):
        video.publish(TS, piece("b", MOST_KEPT_BYTES // 2))
    viewer = video.join(TS)
    assert await seen(viewer) == []
    video.publish(TS, key("c"))
    assert await seen(viewer) == ["c"]


async def test_after_an_interruption_it_goes_on_where_the_kind_is_the_same() -> None:
    video = broadcast()
    viewer = video.join(TS)
    video.publish(TS, key("a"))
    video.interrupted(VideoFailed("the camera is gone"))
    late = video.join(TS)
    assert await seen(late) == []
    video.begin("h264")
    video.publish(TS, key("b"))
    assert await seen(viewer) == ["a", "b"]
    assert await seen(late) == ["b"]


async def test_another_codec_ends_it_for_those_who_have_seen_the_one_before() -> None:
    video = broadcast()
    video.head(MP4, b"old")
    viewer = video.join(MP4)
    video.publish(MP4, key("a"))
    waiting = video.join(TS)
    video.begin("hevc")
    video.head(MP4, b"new")
    late = video.join(MP4)
    for form in (TS, MP4):
        video.publish(form, key("b"))
    assert await seen(viewer) == ["old", "a", "end"]
    assert await seen(waiting) == ["b"]
    assert await seen(late) == ["new", "b"]


async def test_who_has_seen_nothing_is_told_why() -> None:
    video = broadcast()
    viewer = video.join(TS)
    video.interrupted(VideoFailed("no camera"))
    with pytest.raises(VideoFailed, match="no camera"):
        await viewer.next()


async def test_what_was_wrong_before_it_began_is_forgotten_when_it_begins() -> None:
    video = broadcast()
    viewer = video.join(TS)
    viewer.fail(VideoFailed("no camera"))
    video.publish(TS, key("a"))
    assert await seen(viewer) == ["a"]
    video.publish(TS, piece("b"))
    assert await seen(viewer) == ["b"]


async def test_the_end() -> None:
    video = broadcast()
    viewer = video.join(TS)
    video.publish(TS, key("a"))
    waiting = video.join(MP4)
    video.close()
    assert await seen(viewer) == ["a", "end"]
    with pytest.raises(VideoFailed, match="has ended"):
        await waiting.next()
    video.leave(TS, viewer)
    video.leave(MP4, waiting)
    assert video.viewers == 0
