"""docs/migrating.md: every name of theirs is in its tables, every name of ours exists, and so does each test.

Theirs stand in `theirs/`, with where they come from.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.bridge.zoneminder.named import ROOT, is_test, is_there, spans, table

PAGE = (ROOT / "docs/migrating.md").read_text(encoding="utf-8")
THEIRS = sorted(Path(__file__).with_name("theirs").glob("*.json"))
NONE = "*none*"


def rows(name: str) -> list[list[str]]:
    """Return the cells of each row of the tables about these names."""
    found = re.search(rf"<!-- names: {re.escape(name)} -->(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found, f"docs/migrating.md has no tables for {name}"
    return table(found[1])


ROWS = [(path.stem, cells) for path in THEIRS for cells in rows(path.stem)]


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.stem)
def test_no_name_of_theirs_is_missing(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    assert "of PyPI" in told["source"]
    theirs = [name for names in told["names"].values() for name in names]
    listed = [name for cells in rows(path.stem) for name in spans(cells[0])]
    assert sorted(set(theirs) - set(listed)) == []
    assert sorted(set(listed) - set(theirs)) == []
    assert sorted({name for name in listed if listed.count(name) > 1}) == []


def test_every_name_of_ours_is_there() -> None:
    wrong = {span for _, cells in ROWS for span in spans(cells[1]) if not is_there(span)}
    assert sorted(wrong) == []


def test_every_test_is_there() -> None:
    named = {span for _, cells in ROWS for span in spans(cells[2])}
    assert sorted(name for name in named if not is_test(name)) == []


def test_every_row_says_something() -> None:
    bad = [cells[0] for _, cells in ROWS if len(cells) != 3 or not (spans(cells[1]) or is_honest(cells[1])) or not is_held(cells)]
    assert bad == []


def test_what_is_wrong_is_seen() -> None:
    assert is_there("zm.monitors.list(force_reload=)")
    for wrong in ("zm.monitors.lists()", "zm.monitors.list(reload=)", "MonitorRow.nam", "vms-bridge monitor list", "nothing"):
        assert not is_there(wrong), wrong
    assert not is_test("bridge/zoneminder/test_migrating.py::test_nothing")
    assert not is_test("bridge/zoneminder/test_gone.py::test_every_test_is_there")


def is_honest(cell: str) -> bool:
    """Say whether a cell tells why there is nothing, and what to do."""
    return cell.startswith(NONE) and len(cell) > 40


def is_held(cells: list[str]) -> bool:
    """Say whether there is a test for what the row says, if it says that there is something."""
    return bool(spans(cells[2])) or (is_honest(cells[1]) and cells[2] == "-")
