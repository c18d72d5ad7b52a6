"""The child's part in making a clip: what is joined by copying, encoded anew, or refused; done here without a child."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.videos import jpeg, seen, video

from vms_bridge.video import clip
from vms_bridge.video.clip_job import ClipAnswer, ClipJob, ClipSource, picture_record, read_pictures

if TYPE_CHECKING:
    from pathlib import Path


def source(path: Path, *, lasts_s: float = 3.0, start_s: float = 0.0, end_s: float | None = None, **more: Any) -> ClipSource:  # noqa: ANN401
    return ClipSource(path=str(path), start_s=start_s, end_s=end_s, lasts_s=lasts_s, **more)


def pictures(path: Path, count: int, *, each_s: float = 0.5, size: tuple[int, int] = (160, 120), **more: Any) -> ClipSource:  # noqa: ANN401
    path.write_bytes(b"".join(picture_record(number * each_s, jpeg(size, number * 20 % 256)) for number in range(count)))
    return source(path, lasts_s=count * each_s, is_pictures=True, **more)


def make(folder: Path, *sources: ClipSource, encode: bool = False, most_bytes: int = 10_000_000) -> ClipAnswer:
    answer = clip.make(ClipJob(sources=sources, target=str(folder / "clip.mp4"), most_bytes=most_bytes, encode=encode))
    return ClipAnswer.of(json.loads(json.dumps(answer.said())))


def part_times(answer: ClipAnswer) -> list[tuple[float, float, float] | None]:
    return [
        None if part is None else (round(part.start_s, 2), round(part.end_s, 2), round(part.at_s, 2)) for part in answer.parts
    ]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_videos_are_joined_as_they_are(tmp_path: Path, b_frames: int) -> None:
    one, two = video(tmp_path / "1.mp4", 3.0, b_frames=b_frames), video(tmp_path / "2.mp4", 2.0, b_frames=b_frames)
    answer = make(tmp_path, source(one), source(two, lasts_s=2.0))
    assert (answer.refused, answer.codec, answer.width, answer.height, answer.is_encoded) == ("", "h264", 160, 120, False)
    assert part_times(answer) == [(0.0, 3.0, 0.0), (0.0, 2.0, 3.0)]
    found = seen(tmp_path / "clip.mp4")
    assert found.begins_with_key
    assert len(found.times) == 50
    assert found.lasts_s == pytest.approx(4.9, abs=0.11)
    assert list(found.times) == sorted(set(found.times))
    assert (tmp_path / "clip.mp4").read_bytes().index(b"moov") < 200, "a player reads its index first"


def test_it_begins_at_the_key_frame_before_and_ends_where_it_is_to(tmp_path: Path) -> None:
    answer = make(tmp_path, source(video(tmp_path / "1.mp4", 4.0), lasts_s=4.0, start_s=1.55, end_s=2.75))
    assert part_times(answer) == [(1.0, 2.8, 0.0)]
    found = seen(tmp_path / "clip.mp4")
    assert found.begins_with_key
    assert len(found.times) == 18


def test_the_same_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    one = source(video(tmp_path / "1.mp4"))
    made = []
    for _ in range(2):
        make(tmp_path, one, one)
        made.append((tmp_path / "clip.mp4").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("format_", ["matroska", "avi", "mpegts"])
def test_other_containers(tmp_path: Path, format_: str) -> None:
    answer = make(tmp_path, source(video(tmp_path / "1", 2.0, format_=format_), lasts_s=2.0))
    assert answer.refused == ""
    assert len(seen(tmp_path / "clip.mp4").times) == pytest.approx(20, abs=1)


def test_h265_is_called_what_apple_plays(tmp_path: Path) -> None:
    answer = make(tmp_path, source(video(tmp_path / "1.mp4", 1.0, codec="libx265"), lasts_s=1.0))
    assert answer.codec == "hevc"
    assert b"hvc1" in (tmp_path / "clip.mp4").read_bytes()


def test_another_size_or_codec_in_the_middle_is_refused_and_said(tmp_path: Path) -> None:
    one = source(video(tmp_path / "1.mp4", 1.0), lasts_s=1.0)
    other = source(video(tmp_path / "2.mp4", 1.0, size=(320, 240)), lasts_s=1.0)
    answer = make(tmp_path, one, one, other)
    assert (answer.refused, answer.source) == ("differs", 2)
    assert answer.detail == "H.264, 160x120 first, then H.264, 320x240"
    other = source(video(tmp_path / "3.mp4", 1.0, codec="mpeg4"), lasts_s=1.0)
    assert make(tmp_path, one, other).detail == "H.264, 160x120 first, then mpeg4, 160x120"
    assert make(tmp_path, other).refused == "differs", "nor is it copied: no browser plays it"
    other = pictures(tmp_path / "4", 3)
    assert make(tmp_path, one, other).detail == "H.264, 160x120 first, then single pictures, 160x120"


def test_what_does_not_fit_together_is_encoded_where_that_is_wanted(tmp_path: Path) -> None:
    one = source(video(tmp_path / "1.mp4", 2.0), lasts_s=2.0, start_s=0.5)
    other = source(video(tmp_path / "2.mp4", 1.0, size=(322, 242), codec="mpeg4"), lasts_s=1.0)
    answer = make(tmp_path, one, pictures(tmp_path / "3", 4), other, encode=True)
    assert (answer.refused, answer.codec, answer.width, answer.height, answer.is_encoded) == ("", "h264", 160, 120, True)
    assert part_times(answer) == [(0.5, 2.0, 0.0), (0.0, 2.0, 1.5), (0.0, 1.0, 3.5)]
    found = seen(tmp_path / "clip.mp4")
    assert (found.codec, found.size, len(found.times)) == ("h264", (160, 120), 15 + 4 + 10)


def test_single_pictures_come_at_their_times(tmp_path: Path) -> None:
    answer = make(tmp_path, pictures(tmp_path / "1", 6, size=(161, 121)), pictures(tmp_path / "2", 3, each_s=1.0))
    assert (answer.refused, answer.is_encoded, answer.width, answer.height) == ("", True, 160, 120)
    assert seen(tmp_path / "clip.mp4").times == (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
    assert part_times(answer) == [(0.0, 3.0, 0.0), (0.0, 3.0, 3.0)]


def test_of_single_pictures_the_one_before_shows_what_was_there_at_the_beginning(tmp_path: Path) -> None:
    answer = make(tmp_path, pictures(tmp_path / "1", 8, start_s=1.2, end_s=2.6))
    assert seen(tmp_path / "clip.mp4").times == (0.0, 0.3, 0.8, 1.3)
    assert part_times(answer) == [(1.2, 3.0, 0.0)]


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "1"
    good = [picture_record(float(number), jpeg()) for number in range(3)]
    file.write_bytes(
        good[0] + picture_record(0.5, b"\xff\xd8\xff no picture") + picture_record(0.7, b"") + good[1] + good[2][:50]
    )
    answer = make(tmp_path, source(file, is_pictures=True))
    assert answer.refused == ""
    assert seen(tmp_path / "clip.mp4").times == (0.0, 1.0)


def test_what_can_not_be_read_is_left_out(tmp_path: Path) -> None:
    good = source(video(tmp_path / "1.mp4", 1.0), lasts_s=1.0)
    (tmp_path / "2.mp4").write_bytes(b"no video at all" * 100)
    (tmp_path / "3.mp4").write_bytes((tmp_path / "1.mp4").read_bytes()[:200])
    bad = [source(tmp_path / f"{number}.mp4") for number in (2, 3)]
    answer = make(tmp_path, bad[0], good, bad[1], good)
    assert part_times(answer) == [None, (0.0, 1.0, 0.0), None, (0.0, 1.0, 1.0)]
    assert make(tmp_path, *bad).refused == "empty"


def test_a_recording_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    video(tmp_path / "secret.mp4", 1.0)
    for text in ("#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile secret.mp4\n"):
        (tmp_path / "1.mp4").write_text(text)
        assert make(tmp_path, source(tmp_path / "1.mp4")).refused == "empty"


def test_a_video_at_another_pace_is_taken_by_its_share(tmp_path: Path) -> None:
    answer = make(tmp_path, source(video(tmp_path / "1.mp4", 3.0), lasts_s=30.0, start_s=10.0, end_s=20.0))
    assert part_times(answer) == [(10.0, 20.0, 0.0)]
    assert len(seen(tmp_path / "clip.mp4").times) == 10


def test_nothing_of_that_time(tmp_path: Path) -> None:
    assert make(tmp_path, pictures(tmp_path / "1", 3, start_s=0.0, end_s=0.0)).refused == "empty"


def test_too_large(tmp_path: Path) -> None:
    assert make(tmp_path, source(video(tmp_path / "1.mp4")), most_bytes=1_000).refused == "too_large"
    assert make(tmp_path, pictures(tmp_path / "2", 5), most_bytes=10).refused == "too_large"


def test_a_full_disk(tmp_path: Path) -> None:
    job = ClipJob(sources=(source(video(tmp_path / "1.mp4")),), target="/dev/full", most_bytes=10_000_000, encode=False)
    answer = clip.make(job)
    assert (answer.refused, answer.detail) == ("no_room", "No space left on device")


@given(st.lists(st.tuples(st.floats(0, 1e6), st.binary(max_size=50)), max_size=5), st.integers(0, 60))
def test_files_of_pictures_are_read_as_they_were_written_up_to_where_they_break_off(
    written: list[tuple[float, bytes]], lost: int
) -> None:
    data = b"".join(picture_record(time_s, content) for time_s, content in written)
    assert list(read_pictures(io.BytesIO(data))) == written
    found = list(read_pictures(io.BytesIO(data[: max(0, len(data) - lost)])))
    assert found == written[: len(found)]
