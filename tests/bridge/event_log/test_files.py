"""The event log's files: gone on with after any kill, bounded, for their owner only, and led astray by nobody."""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.event_log.lab import content, line

from vms_bridge.clock import SystemClock
from vms_bridge.errors import OutputError
from vms_bridge.event_log.files import LogFile
from vms_bridge.event_log.lines import cursor_in, gap_line, state_line
from vms_bridge.history import Cursor, Gap, GapReason

ROOT = Path(__file__).parents[3]
NOW = SystemClock().now()


def log_at(path: Path, *, most_bytes: int = 1_000_000, most_files: int = 5) -> LogFile:
    return LogFile(path, most_bytes=most_bytes, most_files=most_files)


def written(path: Path, *lines: bytes, most_bytes: int = 1_000_000, most_files: int = 5) -> Cursor | None:
    """Open the log, write these, let go of it; return how far it had come before."""
    log = log_at(path, most_bytes=most_bytes, most_files=most_files)
    before = log.open()
    log.write(lines)
    log.close()
    return before


def position(cursor: Cursor | None) -> int | None:
    return None if cursor is None else cursor.position


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_gone_on_with_from_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "log" / "events.jsonl"
    assert written(path, line(1), line(2)) is None
    assert written(path, state_line(Cursor("e", 2), NOW, "zm", "1", b'{"alarm":"idle"}')) == Cursor("e", 2)
    assert written(path, line(3)) == Cursor("e", 2)
    assert written(path, gap_line(NOW, Gap(reason=GapReason.UNKNOWN, goes_on=Cursor("f", 7)), Cursor("e", 3))) == Cursor("e", 3)
    assert written(path) == Cursor("f", 7)
    assert content(path).count(b"\n") == 5


def test_wherever_a_kill_cuts_it_off_it_is_mended_and_nothing_is_missing_or_twice(tmp_path: Path) -> None:
    lines = [line(1), state_line(None, NOW, "zm", None, b"null"), state_line(Cursor("e", 1), NOW, "zm", "1", b"null"), line(2)]
    whole = b"".join(lines)
    for cut in range(len(whole) + 1):
        path = tmp_path / str(cut)
        path.write_bytes(whole[:cut])
        log = log_at(path)
        cursor = log.open()
        complete = [each for end, each in zip(_ends(lines), lines, strict=True) if end <= cut]
        known = [position(cursor_in(each)) or 0 for each in complete]
        assert (position(cursor) or 0) == max(known, default=0)
        log.write(lines[len(complete) :])
        log.close()
        assert path.read_bytes() == whole


def _ends(lines: list[bytes]) -> list[int]:
    return [sum(map(len, lines[: number + 1])) for number in range(len(lines))]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\n", b'{"what":"', b'{"what":"event","cursor":1}\n', b"\0" * 40]))
def test_whatever_stands_in_the_file_lines_of_ours_come_to_stand_by_themselves(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("junk") / "events.jsonl"
    path.write_bytes(line(4) + junk + tail)
    cursor = written(path, line(5))
    assert cursor == Cursor("e", 4)
    assert path.read_bytes().endswith(b"\n" + line(5))
    assert path.read_bytes().startswith(line(4))
    assert written(path) == Cursor("e", 5)


@pytest.mark.parametrize(
    "text", [b"my notes", b"SQLite format 3\0" + bytes(100), b"x" * 5_000_000, b"\n", b'{"what" : "event"}\n']
)
def test_somebody_elses_file_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(text)
    with pytest.raises(OutputError, match="is no event log") as caught:
        log_at(path).open()
    assert "move that file away" in caught.value.hint
    assert path.read_bytes() == text


def test_a_line_of_somebody_else_is_ended_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for junk in (b"and so on", b"x" * 5_000_000):
        path.write_bytes(line(1) + junk)
        written(path, line(2), most_bytes=10_000_000)
        assert path.read_bytes() == line(1) + junk + b"\n" + line(2)
        assert written(path) == Cursor("e", 2)


def test_files_are_begun_anew_by_size_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = log_at(path, most_bytes=500, most_files=3)
    log.open()
    for first in range(1, 200, 7):
        log.write([line(number) for number in range(first, first + 7)])
    log.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(0 < each.stat().st_size <= 500 for each in tmp_path.iterdir())
    assert {mode(each) for each in tmp_path.iterdir()} == {0o600}
    numbers = [cursor.position for each in content(path).splitlines() if (cursor := cursor_in(each + b"\n"))]
    assert numbers == list(range(numbers[0], 204))
    assert written(path, most_files=2) == Cursor("e", 203)
    assert written(path, b"x" * 600 + b"\n", line(204), most_bytes=500, most_files=2) == Cursor("e", 203)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["events.jsonl", "events.jsonl.1"], "fewer may be kept now"


def test_wherever_a_kill_stops_the_change_of_files_it_is_gone_on_with(tmp_path: Path) -> None:
    """The files are renamed one by one, the oldest first; then the newest is made."""
    names = ["events.jsonl", *(f"events.jsonl.{number}" for number in range(1, 4))]
    for renamed in range(5):
        path = tmp_path / str(renamed) / "events.jsonl"
        path.parent.mkdir()
        for number, name in enumerate(names):
            (path.parent / name).write_bytes(line(10 - number) * 3)
        for source, target in list(pairwise(names))[::-1][:renamed]:
            (path.parent / source).rename(path.parent / target)
        if renamed == 4:
            path.write_bytes(b"")
        assert written(path, line(11), most_bytes=len(line(10) * 3), most_files=4) == Cursor("e", 10)
        assert content(path).splitlines()[-1] + b"\n" == line(11)
        assert line(10) in content(path)
        assert len(list(path.parent.iterdir())) <= 4


def test_it_is_made_for_its_owner_only_whatever_the_umask(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = os.umask(0)
    try:
        written(tmp_path / "a" / "log" / "events.jsonl", line(1))
        assert mode(tmp_path / "a" / "log") == 0o700
        assert mode(tmp_path / "a" / "log" / "events.jsonl") == 0o600
        chosen = tmp_path / "shared.jsonl"
        chosen.touch(0o640)
        written(chosen, line(1))
        assert mode(chosen) == 0o640, "what its owner has chosen"
        assert caplog.text.count("its group can read") == 1
    finally:
        os.umask(before)


@pytest.mark.parametrize("what", ["link", "dangling", "directory", "pipe", "below a file", "older is a link"])
def test_what_is_no_file_of_ours_is_refused_with_its_remedy(tmp_path: Path, what: str) -> None:
    path, victim = tmp_path / "events.jsonl", tmp_path / "victim"
    victim.write_bytes(b"precious")
    match what:
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "below a file":
            path = victim / "events.jsonl"
        case "older is a link":
            (tmp_path / "events.jsonl.1").symlink_to(victim)
    with pytest.raises(OutputError) as caught:
        log_at(path).open()
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


def test_two_that_write_to_one_file_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first, second = log_at(path), log_at(path)
    first.open()
    with pytest.raises(OutputError, match="somebody else writes"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_file_that_is_moved_away_or_replaced_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = log_at(path)
    log.open()
    log.write([line(1)])
    path.rename(tmp_path / "taken")
    log.write([line(2)])
    path.unlink()
    log.write([line(3)])
    path.unlink()
    path.write_bytes(b"")
    log.write([line(4)])
    path.unlink()
    path.symlink_to(tmp_path / "taken")
    with pytest.raises(OutputError, match="can't be written"):
        log.write([line(5)])
    log.close()
    assert (tmp_path / "taken").read_bytes() == line(1)


def test_what_a_closed_log_leaves_is_free(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = log_at(path)
    log.open()
    log.open()  # once more, as after a failure
    log.close()
    log.close()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from tests.bridge.event_log.lab import content, line
from vms_bridge.errors import OutputError
from vms_bridge.event_log.files import LogFile

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
path = Path(sys.argv[1])
log = LogFile(path, most_bytes=10**6, most_files=2)
log.open()
log.write([line(1), line(2)])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + len(line(3)) + 10, hard))
for _ in range(3):
    try:
        log.write([line(3), line(4)])
    except OutputError as error:
        assert "make room" in error.hint, error.hint
    else:
        raise AssertionError
    assert log.open().position == 2
assert path.read_bytes() == line(1) + line(2)
log.write([line(3)])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.write([line(4)])
assert path.read_bytes() == line(1) + line(2) + line(3) + line(4)
"""


async def test_a_disk_that_takes_half_of_it_gets_nothing_or_all(tmp_path: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path / "events.jsonl")),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/bridge{os.pathsep}{ROOT}"},
    )
    _, said = await program.communicate()
    assert program.returncode == 0, said.decode()
