"""The one renderer: tables, JSON and lines of it, colours for who wants them, and texts that may hold anything."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge.cli.output import Listing, Styled, show_fields, size
from vms_bridge.cli.progress import Bars

if TYPE_CHECKING:
    from tests.bridge.cli.conftest import Terminal

THINGS = [{"name": "first", "n": 1}, {"name": "wider than the first \x1b[31m", "n": None}]


def row(thing: dict[str, Any]) -> tuple[object, ...]:
    return Styled(thing["name"], "bold red"), thing["n"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_json_array_is_what_json_would_write(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    with Listing("json", ("NAME", "N"), row) as listing:
        for thing in THINGS[:count]:
            listing.add([thing])
    assert capsys.readouterr().out == json.dumps(THINGS[:count], indent=2) + "\n"


def test_lines_of_json_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Listing("ndjson", ("NAME", "N"), row) as listing:
        listing.add(THINGS)
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == THINGS


def test_a_table_for_no_terminal_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with Listing(None, ("NAME", "N"), row) as listing:
        listing.add([{"name": "x" * 500, "n": 1}])
        listing.add(THINGS)
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "N"]
    assert rows[0].split() == ["x" * 500, "1"]
    assert len(rows) == 3
    assert "\x1b" not in "".join(rows)


def test_a_terminal_has_colours_and_its_width(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.take_over()
    with Listing(None, ("NAME", "N"), row) as listing:
        listing.add([{"name": "x" * 100, "n": 1}])
        listing.add(THINGS)
    text = terminal.getvalue()
    assert "\x1b[1;31m" in text
    assert text.count("NAME") == 2, "each page has its heading, as its columns may be others"
    assert "\x1b[31m" not in text


def test_an_error_leaves_no_whole_array(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(ZeroDivisionError), Listing("json", ("NAME",), row) as listing:
        listing.add(THINGS)
        listing.add([1 // 0])
    assert not capsys.readouterr().out.rstrip().endswith("]")


def test_fields_that_nobody_knows_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields([("name", "x"), ("none", None), ("empty", ""), ("zero", 0), ("state", Styled("on", "red"))])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["name", "x"], ["zero", "0"], ["state", "on"]]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (2_500_000, "2.5 MB"), (7e12, "7000.0 GB")]
)
def test_sizes_for_people(count: float, words: str) -> None:
    assert size(count) == words


def test_bars_on_a_terminal_leave_room_for_lines(terminal: Terminal) -> None:
    terminal.take_over()
    with Bars() as bars, bars.bar("clip [bold]\x1b[2J") as on_bytes:
        on_bytes(10, 100)
        bars.print("clips/[a] file\x1b[2J")
        bars.complain("no such [thing]", "look")
    text = terminal.getvalue()
    assert "clips/[a] file" in text
    assert "vms-bridge: no such [thing] -> look" in text
    assert "\x1b[2J" not in text


def test_no_bars_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars, bars.bar("clip") as on_bytes:
        on_bytes(10, 100)
        bars.print("file")
        bars.complain("wrong", "")
    assert capsys.readouterr() == ("file\n", "vms-bridge: wrong\n")
