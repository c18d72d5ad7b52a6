"""Who may write what is known of a monitor, and who may tell it: held by reading the source."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from vms_bridge.backends.zoneminder import monitor_ladder

ROOT = Path(monitor_ladder.__file__).parent


@cache
def _sources() -> dict[str, ast.Module]:
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}


def _written(tree: ast.AST) -> set[str]:
    """Return the attributes that are assigned, as they are spelt."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def test_only_a_ladder_writes_what_is_known_of_its_monitor() -> None:
    for name, tree in _sources().items():
        assert not [each for each in _written(tree) if each.startswith("ladder.")], name


def test_only_the_ladders_tell_states() -> None:
    told = {"FullState", "StateUpdate", "SystemUpdate", "SystemLost"}
    tellers = {
        name
        for name, tree in _sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in told
    }
    assert tellers == {"ladders.py"}
