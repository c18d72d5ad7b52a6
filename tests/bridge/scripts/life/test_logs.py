from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock, settle

from vms_bridge.errors import StoreError
from vms_bridge.scripts.life.log_files import MOST_FILE_BYTES, MOST_WAITING_BYTES, LogFiles, write
from vms_bridge.scripts.life.logs import (
    BURST,
    MOST_BEHIND,
    MOST_KEPT,
    MOST_LETTERS,
    MOST_LINES,
    LogEntry,
    ScriptLog,
    as_text,
    clean,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Kept(list[LogEntry]):
    """What was put to files."""

    def put(self, _: str, entry: LogEntry) -> None:
        self.append(entry)


def log() -> tuple[ScriptLog, FakeClock, Kept]:
    clock, kept = FakeClock(), Kept()
    return ScriptLog("gate", clock, kept.put), clock, kept


def test_a_flood_is_cut_off_and_counted_and_what_the_bridge_says_is_not() -> None:
    script, _, kept = log()
    for number in range(int(BURST) + 70):
        script.logged("info", f"line {number}")
    assert (len(kept), script.dropped) == (BURST, 70)
    script.note("error", "it has ended")
    assert [entry.text for entry in kept[-2:]] == ["70 lines were left out: at most 50 a second are kept", "it has ended"]


async def test_after_a_second_there_is_room_for_fifty_more() -> None:
    script, clock, kept = log()
    for _ in range(1000):
        script.logged("info", "x")
    await clock.advance(1.0)
    kept.clear()
    for _ in range(1000):
        script.logged("info", "y")
    assert len(kept) == 51
    assert "were left out" in kept[0].text


def test_a_line_is_cut_and_the_ring_is_bounded_by_number_and_size() -> None:
    script, _, kept = log()
    script.note("info", "x" * 100_000)
    assert len(kept[0].text) == MOST_LETTERS + len(" ... (cut)")
    for _ in range(100):
        script.note("info", "y" * MOST_LETTERS)
    assert len(script.tail(1000)) == 32
    for _ in range(MOST_KEPT + 10):
        script.note("info", "z")
    assert len(script.tail(10_000)) == MOST_KEPT
    assert [entry.number for entry in script.tail(3)] == [1109, 1110, 1111]


def test_a_tail_is_of_a_level_and_above() -> None:
    script, _, _ = log()
    for level in ("debug", "info", "warning", "error"):
        script.logged(level, level, 3)
    assert [entry.text for entry in script.tail(10, least="warning")] == ["warning", "error"]
    assert script.tail(1)[0].line == 3


async def test_who_follows_is_told_and_left_out_of_what_it_is_too_slow_for() -> None:
    script, _, _ = log()
    following = script.follow()
    waiting = asyncio.create_task(following.next())
    await settle()
    script.note("info", "one")
    assert [entry.text for entry in await waiting] == ["one"]
    for number in range(MOST_BEHIND + 5):
        script.note("info", str(number))
    assert len(await following.next()) == MOST_BEHIND
    following.close()
    script.note("info", "no more")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await following.next()


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not happens():  # noqa: ASYNC110 - it waits for a thread
            await asyncio.sleep(0.01)


FORGED = "2026-11-20T12:00:00.000Z error   forged"


@given(st.text() | st.lists(st.text(), max_size=4).map(f"\r\n{FORGED}\x1b[2J\u2028".join))
def test_nothing_that_is_said_begins_a_line_of_its_own(text: str) -> None:
    entry = LogEntry(number=1, time=FakeClock().now(), level="info", text=clean(text))
    lines = as_text(entry).split("\n")
    assert lines[0].startswith("2026-11-20T12:00:00.000Z info    ")
    assert all(line.startswith("    | ") for line in lines[1:-1])
    assert lines[-1] == ""
    assert all(letter.isprintable() or letter == "\n" or ord(letter) > 159 for letter in as_text(entry))


def test_secrets_are_struck_out() -> None:
    assert clean("see http://me:geheim@host/?token=abcdef1234") == "see http://me:***@host/?token=***"


async def test_lines_go_to_the_file_of_their_script_for_its_owner_only(tmp_path: Path) -> None:
    clock = FakeClock()
    files = LogFiles(tmp_path / "log", clock)
    script = ScriptLog("gate", clock, files.put)
    task = asyncio.create_task(files.run())
    script.note("info", "one")
    script.note("error", "two\nmore", 7)
    file = tmp_path / "log" / "gate.log"
    await until(lambda: file.exists() and "more" in file.read_text())
    script.note("info", "last words")
    task.cancel()
    await asyncio.wait([task])
    assert file.read_text() == (
        "2026-11-20T12:00:00.000Z info    one\n2026-11-20T12:00:00.000Z error   line 7: two\n    | more\n"
        "2026-11-20T12:00:00.000Z info    last words\n"
    )
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_log_that_is_forgotten_is_gone_with_what_waits_to_be_written(tmp_path: Path) -> None:
    clock = FakeClock()
    files = LogFiles(tmp_path, clock)
    await files.forget("gate")
    large = [b"x" * (MOST_FILE_BYTES // 2 + 1)]
    for _ in range(3):
        await asyncio.to_thread(write, tmp_path, {"gate": large, "door": [b"x"]})
    ScriptLog("gate", clock, files.put).note("info", "late")
    await files.forget("gate")
    await files.write()
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["door.log"]
    await asyncio.to_thread((tmp_path / "gate.log").mkdir)
    with pytest.raises(StoreError, match="log of gate"):
        await files.forget("gate")


def test_a_full_file_is_put_aside_in_place_of_the_one_before(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, {"gate": [bytes([65 + number]) * (MOST_FILE_BYTES // 2 + 1)]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.log", "gate.log.1"]
    assert (tmp_path / "gate.log").read_bytes()[:1] == b"E"
    assert (tmp_path / "gate.log.1").read_bytes()[:1] == b"D"


def test_no_link_and_no_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "gate.log").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "door.log").mkdir()
    for name in ("gate", "door"):
        with pytest.raises(OSError, match=name):
            write(tmp_path, {name: [b"x"], "siren": [b"heard"]})
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "siren.log").read_bytes() == b"heardheard", "one log that can't be written costs no other"


async def test_a_disk_that_fails_costs_the_files_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    (tmp_path / "log").write_text("no folder")
    files = LogFiles(tmp_path / "log", clock)
    ScriptLog("gate", clock, files.put).note("info", "one")
    task = asyncio.create_task(files.run())
    await until(lambda: bool(caplog.records))
    task.cancel()
    await asyncio.wait([task])
    assert "logs of scripts can't be written" in caplog.text


async def test_what_waits_for_the_disk_is_bounded_and_a_log_that_is_full_of_it_pushes_out_no_other(tmp_path: Path) -> None:
    clock = FakeClock()
    files = LogFiles(tmp_path, clock)
    loud, quiet = (ScriptLog(name, clock, files.put) for name in ("loud", "quiet"))
    for _ in range(300):
        loud.note("info", "x" * MOST_LETTERS)
    quiet.note("info", "heard")
    await files.write()
    size = (tmp_path / "loud.log").stat().st_size
    assert MOST_WAITING_BYTES - 2 * MOST_LETTERS < size <= MOST_WAITING_BYTES
    assert "heard" in (tmp_path / "quiet.log").read_text()
    loud.note("info", "again")
    await files.write()
    assert "again" in (tmp_path / "loud.log").read_text()


def test_an_entry_of_very_many_lines_keeps_its_first_and_its_last() -> None:
    lines = clean("\n".join(str(number) for number in range(1_500))).split("\n")
    assert (len(lines), lines[0], lines[MOST_LINES // 2], lines[-1]) == (MOST_LINES + 1, "0", "... (1300 lines left out)", "1499")
    assert clean("a\n" * 4_000).count("\n") == MOST_LINES
