"""docs/zoneminder.md: the table of all that the library can do has all of it, and names what exists."""

from __future__ import annotations

import re

from tests.bridge.zoneminder.named import ROOT, is_test, is_there, spans, table

from vms_bridge.zoneminder import ZoneMinder
from vms_bridge.zoneminder.events.query import EventQuery

PAGE = (ROOT / "docs/zoneminder.md").read_text(encoding="utf-8")
FOUND = re.search(r"<!-- library -->(.*?)<!-- end -->", PAGE, re.DOTALL)
ROWS = table(FOUND[1]) if FOUND else []


def public(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def functions() -> set[str]:
    """Return all that a ZoneMinder has, as the table writes it; its client is for what has no better place."""
    zm = ZoneMinder("http://127.0.0.1/zm")
    resources = {name for name in public(zm) if type(getattr(zm, name)).__module__.startswith("vms_bridge.zoneminder")}
    own = {f"zm.{name}" for name in public(zm) - resources - {"url"}}
    deeper = {f"zm.{name}.{each}" for name in resources - {"client"} for each in public(getattr(zm, name))}
    return own | deeper | {"zm.events"} | {f"EventQuery.{name}" for name in public(EventQuery)}


def test_no_function_is_missing() -> None:
    told = {span.partition("(")[0] for cells in ROWS for span in spans(cells[1])}
    assert sorted(functions() - told) == []


def test_functions_and_tests_exist() -> None:
    assert {len(cells) for cells in ROWS} == {5}
    assert sorted({span for cells in ROWS for span in spans(cells[1]) if not is_there(span)}) == []
    assert sorted({span for cells in ROWS for cell in cells[2:] for span in spans(cell) if not is_test(span)}) == []


def test_each_row_says_where_it_was_seen() -> None:
    assert [cells[0] for cells in ROWS if not spans(cells[2])] == []
    assert [cells[0] for cells in ROWS if not cells[3] or not cells[4]] == []
