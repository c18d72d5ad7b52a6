"""Clips as they are asked for: fetched, made by a real child or one that misbehaves, and what is said of what is missing."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START, event
from tests.fakes.clock import FakeClock
from tests.fakes.recordings import Recordings
from tests.fakes.videos import Seen, jpeg, seen, video

from vms_bridge import metrics
from vms_bridge.archive import ClipRange, EventClip, GapReason
from vms_bridge.clips import ClipRules, Clips
from vms_bridge.clips.clips import join_in_child
from vms_bridge.errors import (
    ClipRefused,
    MediaBusy,
    MediaUnavailable,
    NoRoom,
    NoSuchEvent,
    SearchBusy,
    VideoFailed,
    VmsUnreachable,
)
from vms_bridge.model import OWN, EventKind, EventRef
from vms_bridge.video.clip_job import ClipAnswer, ClipJob, ClipSource, JoinedPart, read_pictures
from vms_bridge.video.jobs import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from vms_bridge.archive import ClipContent
    from vms_bridge.index import Search, SearchPage


class Joiner:
    """In the child's place: joins whatever there is, as long as was wanted of each."""

    def __init__(self) -> None:
        self.jobs: list[ClipJob] = []
        self.pictures: list[list[tuple[float, bytes]]] = []
        self.answer: ClipAnswer | None = None
        self.unreadable: set[int] = set()

    async def __call__(self, job: ClipJob) -> ClipAnswer:
        self.jobs.append(job)
        return await asyncio.to_thread(self._join, job)

    def _join(self, job: ClipJob) -> ClipAnswer:
        parts: list[JoinedPart | None] = []
        at, data = 0.0, b""
        for number, source in enumerate(job.sources):
            with open(source.path, "rb") as file:  # noqa: PTH123 - as the child is told
                if source.is_pictures:
                    self.pictures.append(list(read_pictures(file)))
                    data += b"pictures"
                else:
                    data += file.read()
            end_s = source.lasts_s if source.end_s is None else source.end_s
            if number in self.unreadable:
                parts.append(None)
                continue
            parts.append(JoinedPart(start_s=source.start_s, end_s=end_s, at_s=at))
            at += end_s - source.start_s
        if self.answer is None or not self.answer.refused:
            with open(job.target, "wb") as file:  # noqa: PTH123 - the same
                file.write(data)
        answer = ClipAnswer(parts=tuple(parts), duration_s=at, codec="h264", width=160, height=120)
        return self.answer or answer


class Lab:
    def __init__(self, clips: Clips, recordings: Recordings, clock: FakeClock, folder: Path) -> None:
        self.clips, self.recordings, self.clock, self.folder = clips, recordings, clock, folder

    def record(
        self, number: int, start_s: float, end_s: float | None, data: bytes | None = b"video", **changes: object
    ) -> EventRef:
        ref = EventRef("zm", 1, str(number))
        told = event(
            number,
            start=START + timedelta(seconds=start_s),
            end=None if end_s is None else START + timedelta(seconds=end_s),
            clip_ready=end_s is not None and data is not None,
        )
        self.recordings.add(ref, replace(told, **changes))  # type: ignore[arg-type]  # a test names fields by keyword
        if data is not None:
            self.recordings.videos[ref.id] = data
        return ref

    def record_pictures(self, number: int, start_s: float, count: int, each_s: float = 0.5) -> EventRef:
        ref = self.record(number, start_s, start_s + count * each_s, None)
        self.recordings.pictures[ref.id] = {each + 1: (each * each_s, jpeg(shade=each * 20)) for each in range(count)}
        return ref

    async def get(self, since_s: float = 0.0, until_s: float = 60.0, *, encode: bool = False) -> tuple[ClipContent, bytes]:
        since, until = START + timedelta(seconds=since_s), START + timedelta(seconds=until_s)
        return await self.made(ClipRange(system="zm", monitor="1", since=since, until=until, encode=encode))

    async def made(self, asked: ClipRange | EventClip) -> tuple[ClipContent, bytes]:
        async with self.clips.clip(asked) as made, made.open(None) as media:
            return made.content, b"".join([piece async for piece in media.pieces()])


@asynccontextmanager
async def laboratory(tmp_path: Path, joiner: Joiner | None = None, **rules: float) -> AsyncIterator[Lab]:
    clock, recordings = FakeClock(START + timedelta(hours=1)), Recordings()
    kept = ClipRules(folder=tmp_path, **rules)  # type: ignore[arg-type]  # by keyword
    clips = Clips(recordings, recordings, clock, kept, join=joiner)
    running = asyncio.create_task(clips.run())
    await _until(lambda: clock.sleeping)
    try:
        yield Lab(clips, recordings, clock, tmp_path / "clips")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert recordings.open_now == 0


def told(content: ClipContent) -> list[tuple[float, float, str]]:
    return [((gap.start - START).total_seconds(), (gap.end - START).total_seconds(), str(gap.reason)) for gap in content.gaps]


async def test_a_time_over_several_events(tmp_path: Path) -> None:
    joiner = Joiner()
    async with laboratory(tmp_path, joiner) as lab:
        lab.record(1, -10, 20, b"one")
        lab.record(2, 20.5, 30, b"two")
        lab.record(3, 40, 90, b"three")
        content, data = await lab.get()
        assert data == b"onetwothree"
        assert [(source.start_s, source.end_s, source.lasts_s) for source in joiner.jobs[0].sources] == [
            (10.0, None, 30.0),
            (0.0, None, 9.5),
            (0.0, 20.0, 50.0),
        ]
        assert told(content) == [(30.0, 40.0, "not_recorded")]
        assert [(part.event.id, part.at_s) for part in content.parts] == [("1", 0.0), ("2", 20.0), ("3", 29.5)]
        assert (content.length, content.duration_s, content.is_settled) == (len(data), 49.5, True)
        again, _ = await lab.get()
        assert (again, len(joiner.jobs)) == (content, 1)
        clips, taken = lab.clips.readings()
        assert (clips, taken.metric) == (metrics.CLIPS.of(1), metrics.CLIPS_BYTES)
        assert taken.value == lab.clips._spool.used_bytes >= len(data)  # type: ignore[union-attr]  # there is one


async def test_the_clip_of_an_event_of_the_bridge_s_own_is_what_the_monitor_recorded_around_it(tmp_path: Path) -> None:
    joiner = Joiner()
    async with laboratory(tmp_path, joiner) as lab:
        lab.record(1, 0, 60, b"one")
        own, goes_on = EventRef("zm", OWN, "98"), EventRef("zm", OWN, "99")
        crossed = event(98, start=START + timedelta(seconds=20), kind=EventKind.LINE_CROSSING)
        lab.recordings.add(own, replace(crossed, end=START + timedelta(seconds=22)))
        lab.recordings.add(goes_on, event(99, start=START + timedelta(seconds=20)))
        content, data = await lab.made(EventClip(event=own))
        assert data == b"one"
        assert [(source.start_s, source.end_s) for source in joiner.jobs[0].sources] == [(15.0, 27.0)]
        assert [part.event.id for part in content.parts] == ["1"], "no event of the bridge's own is a recording"
        assert lab.recordings.asked == ["1"]
        with pytest.raises(MediaUnavailable, match="going on"):
            await lab.made(EventClip(event=goes_on))


async def test_without_an_index_the_vms_is_asked(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.recordings.has_index = False
        lab.record(1, 0, 20, b"one")
        assert (await lab.get())[1] == b"one"


async def test_without_an_index_the_vms_is_asked_back_to_where_the_time_begins(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.recordings.has_index, lab.recordings.page = False, 1
        lab.record(1, 0, 10, b"one")
        lab.record(2, 10, 20, b"two")
        content, _ = await lab.get(until_s=20.0)
        assert [part.event.id for part in content.parts] == ["1", "2"]
        assert content.gaps == ()


async def test_an_index_that_is_busy_is_not_gone_around(tmp_path: Path) -> None:
    class Busy(Recordings):
        async def search(self, query: Search, after: str | None, limit: int) -> SearchPage:
            raise SearchBusy(f"too many ask for {query} {after} {limit}")

    clips = Clips(Busy(), Busy(), FakeClock(START + timedelta(hours=1)), ClipRules(folder=tmp_path))
    with pytest.raises(SearchBusy):
        async with clips.clip(ClipRange(system="zm", monitor="1", since=START, until=START + timedelta(seconds=1))):
            pass


@pytest.mark.parametrize(
    ("since_s", "until_s", "kind", "said"),
    [
        (0, 86_400, ClipRefused, "10 minutes at most"),
        (10, 5, ClipRefused, "before it begins"),
        (7_200, 7_260, MediaUnavailable, "not come yet"),
        (-100, -50, MediaUnavailable, "nothing was recorded"),
        (200, 260, MediaUnavailable, "nothing was recorded"),
        (100, 160, MediaUnavailable, "goes on"),
    ],
)
async def test_times_of_which_there_is_no_clip(
    tmp_path: Path, since_s: float, until_s: float, kind: type[MediaUnavailable], said: str
) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.record(1, 0, 20)
        lab.record(2, 100, None if said == "goes on" else 120)
        with pytest.raises(kind, match=said) as refused:
            await lab.get(since_s, until_s)
        assert refused.value.hint or said == "not come yet"
        assert lab.recordings.asked == []


async def test_a_time_that_ends_in_the_future_ends_now(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.record(1, 3_500, 3_590, b"one")
        content, _ = await lab.get(3_550, 3_700)
        assert told(content) == [(3_590.0, 3_600.0, "not_recorded")]
        assert not content.is_settled


async def test_what_the_vms_has_not_any_more_is_a_gap(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        for number, start_s in enumerate((0, 10, 20, 30), 1):
            lab.record(number, start_s, start_s + 10, b"%d" % number)
        lab.recordings.faults["2"] = MediaUnavailable("gone")
        lab.recordings.breaks["3"] = MediaUnavailable("broke off")
        content, data = await lab.get(until_s=40)
        assert data == b"14"
        assert told(content) == [(10.0, 20.0, "unavailable"), (20.0, 30.0, "unavailable")]
        assert not content.is_settled


async def test_what_the_child_can_not_read_is_a_gap(tmp_path: Path) -> None:
    joiner = Joiner()
    joiner.unreadable = {1}
    async with laboratory(tmp_path, joiner) as lab:
        for number, start_s in enumerate((0, 10, 20), 1):
            lab.record(number, start_s, start_s + 10)
        content, _ = await lab.get(until_s=30)
        assert [gap.reason for gap in content.gaps] == [GapReason.UNAVAILABLE]


@pytest.mark.parametrize("fault", [VmsUnreachable("nobody is there"), MediaBusy("too much"), MediaUnavailable("none of it")])
async def test_a_vms_that_does_not_answer_is_no_gap(tmp_path: Path, fault: MediaUnavailable | VmsUnreachable) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.record(1, 0, 10)
        lab.recordings.faults["1"] = fault
        with pytest.raises(type(fault), match=str(fault)):
            await lab.get()


async def test_a_page_of_the_vms_is_no_clip(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        lab.record(1, 0, 10)
        lab.recordings.content_type = "text/html"
        with pytest.raises(MediaUnavailable, match="has no clip, but 'text/html'"):
            await lab.get()


async def test_single_pictures_at_their_times(tmp_path: Path) -> None:
    joiner = Joiner()
    async with laboratory(tmp_path, joiner) as lab:
        ref = lab.record_pictures(1, 0, 9)
        del lab.recordings.pictures["1"][3]
        lab.recordings.pictures["1"][4] = (1.75, b"")
        content, _ = await lab.get(1.2, 3.4)
        assert [time_s for time_s, _ in joiner.pictures[0]] == [0.5, 2.0, 2.5, 3.0]
        assert lab.recordings.most_open <= 4
        assert content.parts[0].event == ref
        content, _ = await lab.made(EventClip(event=ref))
        assert len(joiner.pictures[1]) == 7
        assert content.gaps == ()


async def test_an_event_that_has_no_pictures_any_more(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner()) as lab:
        ref = lab.record_pictures(1, 0, 3)
        lab.recordings.pictures["1"] = {number: (time_s, b"") for number, (time_s, _) in lab.recordings.pictures["1"].items()}
        with pytest.raises(MediaUnavailable, match="no pictures of that time any more"):
            await lab.made(EventClip(event=ref))
        with pytest.raises(NoSuchEvent):
            await lab.made(EventClip(event=EventRef("zm", 1, "9")))
        with pytest.raises(MediaUnavailable, match="still recorded"):
            await lab.made(EventClip(event=lab.record(2, 0, None)))
        with pytest.raises(MediaUnavailable, match="no length"):
            await lab.made(EventClip(event=lab.record(3, 0, 0)))
        with pytest.raises(ClipRefused, match="10 minutes at most"):
            await lab.made(EventClip(event=lab.record(4, 0, 700)))


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (ClipAnswer(refused="too_large"), ClipRefused, "more than 500 MB"),
        (ClipAnswer(refused="differs", detail="H.264 first, then H.265", source=1), ClipRefused, "H.264 first, then H.265"),
        (ClipAnswer(refused="no_room", detail="No space left on device"), NoRoom, "No space left"),
        (ClipAnswer(refused="empty", detail="nothing can be read"), MediaUnavailable, "nothing can be read"),
    ],
)
async def test_what_the_child_refuses(tmp_path: Path, answer: ClipAnswer, kind: type[MediaUnavailable], said: str) -> None:
    joiner = Joiner()
    joiner.answer = answer
    async with laboratory(tmp_path, joiner) as lab:
        lab.record(1, 0, 10)
        lab.record(2, 20, 30)
        with pytest.raises(kind, match=said) as refused:
            await lab.get()
        assert ("2026-11-20T12:00:20Z" in refused.value.hint) is (answer.refused == "differs")


async def test_too_much_for_the_spool(tmp_path: Path) -> None:
    async with laboratory(tmp_path, Joiner(), most_bytes=10_000, spool_bytes=20_000) as lab:
        lab.record(1, 0, 10, b"x" * 30_000)
        with pytest.raises(NoRoom):
            await lab.get()
        assert [each.given for each in lab.recordings.opened] == [0], "what can't find room is not even fetched"


async def test_without_a_place_none_is_made() -> None:
    clips = Clips(Recordings(), Recordings(), FakeClock(), None)
    await clips.run()
    assert list(clips.readings()) == []
    with pytest.raises(MediaUnavailable, match="no place"):
        async with clips.clip(EventClip(event=EventRef("zm", 1, "1"))):
            pass


async def test_a_real_child_joins_videos_and_encodes_pictures(tmp_path: Path) -> None:
    data = (await asyncio.to_thread(video, tmp_path / "1.mp4", 2.0)).read_bytes()
    async with laboratory(tmp_path) as lab:
        lab.record(1, 0, 2, data)
        lab.record(2, 5, 7, data)
        pictures = lab.record_pictures(3, 20, 4)
        content, clip = await lab.get(0, 10)
        assert (content.codec, content.width, content.is_encoded) == ("h264", 160, False)
        assert told(content) == [(2.0, 5.0, "not_recorded"), (7.0, 10.0, "not_recorded")]
        assert len((await asyncio.to_thread(_seen, tmp_path, clip)).times) == 40
        with pytest.raises(ClipRefused, match=r"does not fit together: H\.264, 160x120 first, then single pictures"):
            await lab.get(0, 30)
        content, clip = await lab.made(EventClip(event=pictures))
        assert (content.codec, content.is_encoded) == ("h264", True)
        assert (await asyncio.to_thread(_seen, tmp_path, clip)).times == (0.0, 0.5, 1.0, 1.5)


_DIES = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
_SILENT = "import sys; sys.stdin.readline()"
_BABBLES = "import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'Z\\0\\0\\0\\2{}')"


@pytest.mark.parametrize(("program", "said"), [(_DIES, "SIGSEGV"), (_SILENT, "has not said"), (_BABBLES, "has not said")])
async def test_a_child_that_dies_or_says_nothing_takes_one_clip_with_it(tmp_path: Path, program: str, said: str) -> None:
    job = ClipJob(sources=(), target=str(tmp_path / "clip.mp4"), most_bytes=1, encode=False)
    joining = partial(join_in_child, clock=FakeClock(), program=(sys.executable, "-S", "-c", program))
    with pytest.raises(VideoFailed, match=said):
        await joining(job)
    async with laboratory(tmp_path, joining) as lab:  # type: ignore[arg-type]  # as the one that it stands for
        lab.record(1, 0, 10)
        with pytest.raises(VideoFailed, match=said):
            await lab.get()
        await _until(lambda: not list(lab.folder.iterdir()))


async def test_a_child_that_eats_memory_is_stopped(tmp_path: Path) -> None:
    job = ClipJob(
        sources=(ClipSource(path="/dev/null", start_s=0, end_s=None, lasts_s=1),),
        target=str(tmp_path / "clip.mp4"),
        most_bytes=1,
        encode=False,
        limits=Limits(memory_bytes=80_000_000),
    )
    with pytest.raises(VideoFailed):
        await join_in_child(job, clock=FakeClock())


def _seen(folder: Path, clip: bytes) -> Seen:
    (folder / "seen.mp4").write_bytes(clip)
    return seen(folder / "seen.mp4")


async def _until(holds: Callable[[], object]) -> None:
    while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - there is nothing to be waited for
        await asyncio.sleep(0.001)
