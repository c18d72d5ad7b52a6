"""Each option of pyzm's `detect_stream` does what its row in docs/migrating-detection.md says; delays are the clock's."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.bridge.detect.calm import CALM
from tests.bridge.detect.engine import Answer, ToldEngine, thing
from tests.fakes.clock import FakeClock

from vms_bridge.detect.config import CameraSettings, DetectionSettings
from vms_bridge.detect.frame_sources import event_frames, lone_picture, video_frames
from vms_bridge.detect.kept_frames import KeptFrames
from vms_bridge.detect.sequence import Keeping, for_options, sequence
from vms_bridge.detect.stages import judge
from vms_bridge.detect.stream_options import StreamOptions
from vms_bridge.detect.values import Pixels, Sequenced
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, OutputError, VideoFailed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from vms_bridge.clock import Moment, TimeLimit
    from vms_bridge.detect.frame_sources import Frame
    from vms_bridge.detect.values import Found, Looked, Picture

JPEG = b"\xff\xd8"


class QuickClock:
    """A clock that moves only where somebody sleeps, and notes for how long."""

    def __init__(self) -> None:
        self._clock = FakeClock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def moment(self) -> Moment:
        return self._clock.moment()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.freeze(seconds)

    def pause(self, seconds: float) -> None:
        raise NotImplementedError

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[TimeLimit]:
        return self._clock.timeout(seconds)


@dataclass
class Event:
    """An event of so many frames; `late` are answered with an error that many times before they are there."""

    frames: int = 100
    snapshot: int | None = 42
    late: dict[int | str, int] = field(default_factory=dict)
    knows_count: bool = True
    asked: list[tuple[int | str, int | None]] = field(default_factory=list)

    async def picture(self, frame: int | str, *, width: int | None) -> Picture:
        self.asked.append((frame, width))
        if self.late.get(frame, 0) > 0:
            self.late[frame] -= 1
            raise NoSuchEvent(f"frame {frame} is not written yet")
        if isinstance(frame, int) and frame > self.frames:
            raise NoSuchEvent(f"there is no frame {frame}")
        return JPEG + str(frame).encode()

    async def snapshot_number(self) -> int | None:
        return self.snapshot

    async def count(self) -> int | None:
        return self.frames if self.knows_count else None


def options(**said: object) -> StreamOptions:
    return StreamOptions.model_validate(said)


async def run(
    event: Event,
    said: StreamOptions,
    found: Mapping[int, list[Found]] | None = None,
    *,
    clock: QuickClock | None = None,
    keeping: Keeping | None = None,
) -> Sequenced:
    """Look at an event in whose frames these things are; `car` in each, where nothing is said."""
    answers: dict[str | tuple[str, bytes], Answer] = {"street": (thing("car"),)} if found is None else {}
    answers |= {("street", JPEG + str(frame).encode()): tuple(things) for frame, things in (found or {}).items()}
    engine = ToldEngine(answers)
    settings = DetectionSettings.model_validate({"models": {"street": {"file": "/models/street.xml"}}})
    by = for_options(judge(settings, CameraSettings()), said)
    clock = clock or QuickClock()
    return await sequence(engine, event_frames(event, said, clock), by, clock, keeping=keeping)


def frames(result: Sequenced) -> list[object]:
    return [looked.frame for looked in result.all]


async def test_frame_set() -> None:
    for said in ("alarm, 21,31,snapshot", ["alarm", "21", 31, "snapshot"]):
        event = Event()
        result = await run(event, options(frame_set=said))
        assert frames(result) == ["alarm", 21, 31, "snapshot"]
        assert [frame for frame, _ in event.asked] == ["alarm", 21, 31, "snapshot"]


@pytest.mark.parametrize("said", ["best", "0", "-1", "1.5", ["alarm", "\u0661"], {"a": 1}, 3])
def test_frame_set_that_is_none_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        options(frame_set=said)


async def test_start_frame_and_frame_skip_and_max_frames() -> None:
    assert frames(await run(Event(10), options(start_frame=2, frame_skip=3))) == [2, 5, 8]
    assert frames(await run(Event(10), options(start_frame=2, frame_skip=3, max_frames=2))) == [2, 5]
    assert frames(await run(Event(10), options(frame_set="1,2,3", max_frames=2))) == [1, 2]


async def test_delay_is_waited_for_once_before_anything_is_asked_for() -> None:
    clock = QuickClock()
    await run(Event(), options(delay=7, frame_set="1,2"), clock=clock)
    assert clock.slept == [7]


async def test_delay_between_frames() -> None:
    clock = QuickClock()
    await run(Event(), options(delay_between_frames=2, frame_set="1,2,snapshot"), clock=clock)
    assert clock.slept == [2, 2]


async def test_delay_between_snapshots() -> None:
    clock = QuickClock()
    await run(Event(), options(delay_between_snapshots=5, frame_set="snapshot,1,snapshot,snapshot"), clock=clock)
    assert clock.slept == [5, 5]


async def test_max_attempts_and_sleep_between_attempts() -> None:
    clock = QuickClock()
    event = Event(late={21: 2})
    result = await run(event, options(frame_set="21", max_attempts=3, sleep_between_attempts=4), clock=clock)
    assert (frames(result), clock.slept, result.missing, len(event.asked)) == ([21], [4, 4], (), 3)
    result = await run(Event(late={21: 2}), options(frame_set="21,22", max_attempts=2, sleep_between_attempts=0))
    assert (frames(result), result.missing) == ([22], (21,))
    assert "not written yet" in result.troubles[0].message


async def test_contig_frames_before_error() -> None:
    said = options(frame_set="200,201,1,202,203,2", contig_frames_before_error=2)
    result = await run(Event(), said)
    assert (result.looked, result.missing) == (0, (200, 201))
    assert "2 frames in a row" in result.gave_up
    result = await run(Event(), options(frame_set="200,1,202,2,203,204,205", contig_frames_before_error=3))
    assert (frames(result), result.missing, bool(result.gave_up)) == ([1, 2], (200, 202, 203, 204, 205), True)


async def test_an_event_of_unknown_length_ends_with_its_frames() -> None:
    event = Event(3, knows_count=False)
    result = await run(event, options(contig_frames_before_error=2))
    assert (frames(result), result.missing) == ([1, 2, 3], (4, 5))


_WANTED = st.sampled_from(["alarm", "snapshot", 1, 2, 3])
_SECONDS = st.sampled_from([0, 1, 2])


def _expected(said: StreamOptions, late: dict[int | str, int]) -> tuple[list[tuple[int | str, bool]], list[float], bool]:
    """Say what the table says: which frames are had or not, who sleeps for how long, and whether it gives up."""
    frames: list[tuple[int | str, bool]] = []
    slept: list[float] = [said.delay]
    failed, snapshots = 0, 0
    for wanted in said.frame_set:
        slept += [said.delay_between_frames] if frames else []
        slept += [said.delay_between_snapshots] if wanted == "snapshot" and snapshots else []
        snapshots += wanted == "snapshot"
        tries = min(late.get(wanted, 0) + 1, said.max_attempts)
        is_there = late.get(wanted, 0) < said.max_attempts
        late[wanted] = max(late.get(wanted, 0) - said.max_attempts, 0)
        slept += [said.sleep_between_attempts] * (tries - 1)
        frames.append((wanted, is_there))
        failed = 0 if is_there else failed + 1
        if failed == said.contig_frames_before_error:
            return frames, [each for each in slept if each], True
    return frames, [each for each in slept if each], False


@CALM
@given(
    st.lists(_WANTED, min_size=1, max_size=8),
    st.dictionaries(_WANTED, st.integers(0, 9), max_size=4),
    st.tuples(_SECONDS, _SECONDS, _SECONDS, _SECONDS),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_frames_come_as_the_table_says_whatever_is_late(
    wanted: list[int | str], late: dict[int | str, int], delays: tuple[int, int, int, int], attempts: int, most: int
) -> None:
    said = options(
        frame_set=wanted,
        delay=delays[0],
        delay_between_frames=delays[1],
        delay_between_snapshots=delays[2],
        sleep_between_attempts=delays[3],
        max_attempts=attempts,
        contig_frames_before_error=most,
    )
    clock = QuickClock()
    result = asyncio.run(run(Event(late=dict(late)), said, clock=clock))
    expected, slept, gave_up = _expected(said, dict(late))
    assert [looked.frame for looked in result.all] == [frame for frame, is_there in expected if is_there]
    assert list(result.missing) == [frame for frame, is_there in expected if not is_there]
    assert (clock.slept, bool(result.gave_up)) == (slept, gave_up)


async def test_convert_snapshot_to_fid() -> None:
    assert frames(await run(Event(), options(frame_set="snapshot", convert_snapshot_to_fid=True))) == [42]
    unknown = Event(snapshot=None)
    assert frames(await run(unknown, options(frame_set="snapshot", convert_snapshot_to_fid=True))) == ["snapshot"]


async def test_resize() -> None:
    event = Event()
    await run(event, options(frame_set="1", resize="800"))
    await run(event, options(frame_set="2", resize="no"))
    assert event.asked == [(1, 800), (2, None)]


async def test_pattern_is_judged_before_anything_is_chosen() -> None:
    found = {1: [thing("car"), thing("cat", x=0.5)], 2: [thing("carrot")], 3: [thing("dog")]}
    result = await run(Event(), options(frame_set="1,2,3", pattern="car|dog", frame_strategy="most"), found)
    assert [[one.label for one in looked.found] for looked in result.all] == [["car"], ["dog"]]
    everything = await run(Event(), options(frame_set="1,2", pattern=".*"), found)
    assert len(everything.all) == 2


async def test_polygons() -> None:
    left = {"left": {"size": "1280x720", "points": [[0, 0], [640, 0], [640, 720], [0, 720]], "labels": ["car"]}}
    found = {1: [thing("car", x=0.1), thing("car", x=0.7), thing("dog", x=0.1)]}
    result = await run(Event(), options(frame_set="1", polygons=left), found)
    assert result.best is not None
    assert [(one.label, one.zones) for one in result.best.found] == [("car", ("left",))]


FOUND = {
    1: [],
    2: [thing("car", 0.6)],
    3: [thing("car", 0.9), thing("car", 0.8, x=0.6)],
    4: [thing("car", 0.9), thing("dog", 0.55, x=0.6)],
}


@pytest.mark.parametrize(
    ("strategy", "best", "looked"),
    [("first", 2, 2), ("first_new", 2, 2), ("most", 3, 4), ("most_unique", 4, 4), ("most_models", 3, 4)],
)
async def test_frame_strategy(strategy: str, best: int, looked: int) -> None:
    result = await run(Event(), options(frame_set="1,2,3,4", frame_strategy=strategy), FOUND)
    assert result.best is not None
    assert (result.best.frame, result.looked) == (best, looked)
    assert result.best.picture == JPEG + str(best).encode()
    assert [one.picture for one in result.all] == [None] * len(result.all)


async def test_stop_early() -> None:
    result = await run(Event(), options(frame_set="1,2,3,4", frame_strategy="first", stop_early=False), FOUND)
    assert result.best is not None
    assert (result.best.frame, result.looked, frames(result)) == (2, 4, [2, 3, 4])


async def test_nothing_found_is_told_apart_from_nothing_seen() -> None:
    assert await run(Event(), options(frame_set="1"), {}) == Sequenced(best=None, looked=1)
    unseen = await run(Event(), options(frame_set="200"))
    assert (unseen.best, unseen.looked, unseen.missing, len(unseen.troubles)) == (None, 0, (200,), 1)


async def _drawn(looked: Looked) -> bytes:
    return JPEG + b"boxes of " + str(looked.frame).encode()


async def _encoded(picture: Picture) -> bytes:
    return JPEG + str(picture).encode()


def _kept(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder, which are for their owner only."""
    paths = list(folder.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths if path.name.startswith("vms-bridge-e"))
    return {path.name: path.read_bytes() for path in paths}


def _keeping(folder: Path, *, looked_at: bool = False, with_boxes: bool = False, **bounds: int) -> Keeping:
    kept = KeptFrames(folder, **bounds)
    return Keeping(frames=kept, stream="event 7", encode=_encoded, draw=_drawn, looked_at=looked_at, with_boxes=with_boxes)


async def test_save_frames(tmp_path: Path) -> None:
    await run(Event(), options(frame_set="1,2,alarm"), FOUND, keeping=_keeping(tmp_path / "new", looked_at=True))
    assert _kept(tmp_path / "new") == {
        f"vms-bridge-event_7-{frame}-frame.jpg": JPEG + frame.encode() for frame in ("1", "2", "alarm")
    }


async def test_save_analyzed_frames(tmp_path: Path) -> None:
    await run(Event(), options(frame_set="1,2"), FOUND, keeping=_keeping(tmp_path, with_boxes=True))
    assert _kept(tmp_path) == {"vms-bridge-event_7-2-analyzed.jpg": JPEG + b"boxes of 2"}


async def test_save_frames_dir_never_holds_more_than_its_bound_and_nobody_elses_file_goes(tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    (tmp_path / "vms-bridge-link.jpg").symlink_to(tmp_path / "mine.jpg")
    for at in range(6):
        await KeptFrames(tmp_path, most_files=3).keep("e", at, "frame", JPEG)
        os.utime(tmp_path / f"vms-bridge-e-{at}-frame.jpg", ns=(at, at))
    assert sorted(_kept(tmp_path)) == [
        "mine.jpg",
        "vms-bridge-e-3-frame.jpg",
        "vms-bridge-e-4-frame.jpg",
        "vms-bridge-e-5-frame.jpg",
        "vms-bridge-link.jpg",
    ]
    await KeptFrames(tmp_path, most_bytes=10).keep("e", "../../x/y", "frame", JPEG + bytes(9))
    assert [name for name in _kept(tmp_path) if name.startswith("vms-bridge-e")] == ["vms-bridge-e-.._.._x_y-frame.jpg"]


async def test_a_file_that_can_t_be_written_is_told_and_nothing_ends_for_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        await KeptFrames(tmp_path / "file").keep("e", 1, "frame", JPEG)
    result = await run(Event(), options(frame_set="1,2"), keeping=_keeping(tmp_path / "file", looked_at=True))
    assert len(result.troubles) == 2
    assert frames(result) == [1, 2]


def test_frames_are_kept_where_that_is_said() -> None:
    with pytest.raises(ValidationError, match="is missing"):
        options(save_frames=True)
    assert options(save_analyzed_frames="yes", save_frames_dir="/tmp/x").save_frames_dir == Path("/tmp/x")  # noqa: S108


async def _video(count: int) -> AsyncGenerator[Picture, None]:
    for number in range(1, count + 1):
        yield Pixels(1, 1, bytes([number, 0, 0]))


async def _of_video(count: int, said: StreamOptions, clock: QuickClock | None = None) -> list[tuple[object, bool]]:
    clock = clock or QuickClock()
    return [(frame, isinstance(picture, Pixels)) async for frame, picture in video_frames(_video(count), said, clock)]


async def test_a_video_gives_the_frames_that_are_asked_for() -> None:
    assert await _of_video(10, options(start_frame=2, frame_skip=4)) == [(2, True), (6, True), (10, True)]
    assert await _of_video(10, options(max_frames=2)) == [(1, True), (2, True)]
    assert await _of_video(5, options(frame_set="3,5,9")) == [(3, True), (5, True), (9, False)]
    clock = QuickClock()
    await _of_video(3, options(delay=9, delay_between_frames=2), clock)
    assert clock.slept == [9, 2, 2]


async def test_a_video_has_no_frames_that_only_an_event_has() -> None:
    with pytest.raises(MediaUnavailable, match="snapshot"):
        await _of_video(3, options(frame_set="1,snapshot"))


async def test_a_video_that_breaks_off_leaves_what_was_found_before() -> None:
    async def broken(count: int) -> AsyncGenerator[Frame, None]:
        for number in range(count):
            yield number, b"x"
        raise VideoFailed("it has ended")

    settings = DetectionSettings.model_validate({"models": {"street": {"file": "/models/street.xml"}}})
    by, engine, clock = judge(settings, CameraSettings()), ToldEngine({"street": [thing("car")]}), QuickClock()
    result = await sequence(engine, broken(2), by, clock)
    assert (frames(result), result.gave_up) == ([0, 1], "it has ended")
    with pytest.raises(VideoFailed):
        await sequence(engine, broken(0), by, clock)


async def test_a_lone_picture_is_a_frame_without_a_number() -> None:
    assert [frame async for frame in lone_picture(b"x", options(), QuickClock())] == [(None, b"x")]


@pytest.mark.parametrize("locks", [True, False, "yes"])
def test_disable_locks_means_nothing_for_there_are_none(locks: object) -> None:
    assert options(disable_locks=locks).model_copy(update={"disable_locks": False}) == options()


def test_a_download_is_wanted_only_where_that_is_said_and_kept_only_where_that_is() -> None:
    assert options(download="yes", download_dir="/tmp/x").download  # noqa: S108
    assert (options().download, options().delete_after_analyze) == (False, True)


def test_certificates_are_checked_unless_that_is_given_up() -> None:
    assert not options().disable_ssl_cert_check
    assert options(disable_ssl_cert_check="yes").disable_ssl_cert_check


def test_every_option_has_its_row_in_the_docs_and_its_test_here() -> None:
    page = (Path(__file__).parents[3] / "docs" / "migrating-detection.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\|[^|]+\|$", page, re.MULTILINE)
    assert sorted(rows) == sorted(StreamOptions.model_fields)
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in rows if not re.search(rf"\b{name}\b", tests)] == []


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="frame_skp"):
        options(frame_skp=3)
