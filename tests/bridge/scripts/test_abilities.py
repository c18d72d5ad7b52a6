"""docs/scripting-aziguard.md: what it names of the authors' API and of the tests exists, and no row is without either."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import vms_bridge.script

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/scripting-aziguard.md"
LATER = "a later issue"
_ROW = re.compile(r"\| (?P<ability>[^|]+) \| (?P<ours>[^|]+) \|(?P<tests>[^|]*)\|")
_SPAN = re.compile("`([^`]+)`")


def rows() -> list[tuple[str, str, str]]:
    found = [_ROW.fullmatch(line.strip()) for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert all(found), "a row of the page has not three cells"
    cells = [(row["ability"], row["ours"], row["tests"].strip()) for row in found if row is not None]
    return [row for row in cells if row[0] != "The article"]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_all_that_the_article_names_is_there() -> None:
    assert len(rows()) == len({ability for ability, _, _ in rows()}) == 32


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_what_a_row_names_exists(row: tuple[str, str, str]) -> None:
    _, ours, tests = row
    for name in _SPAN.findall(ours):
        found = vms_bridge.script
        for part in name.split("."):
            assert hasattr(found, part), f"scripts have no {name}"
            found = getattr(found, part)
    shown = _SPAN.findall(tests)
    assert shown or ours == LATER
    for test in shown:
        path, _, name = test.partition("::")
        assert name in names_in(path), f"there is no {test}"


def test_a_name_that_there_is_not_is_seen() -> None:
    with pytest.raises(AssertionError, match="scripts have no"):
        test_what_a_row_names_exists(("x", "`monitors.explode`", "`tests/bridge/scripts/test_abilities.py::names_in`"))
    with pytest.raises(AssertionError, match="there is no"):
        test_what_a_row_names_exists(("x", "`monitors`", "`tests/bridge/scripts/test_abilities.py::test_nothing`"))
