"""What is public: all of it is named, explained and typed, and none of it does anything outside of a bridge but say so."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vms_bridge.script as api
from vms_bridge.script import errors
from vms_bridge.script.errors import ScriptError, error_of
from vms_bridge.script.link import SEAT, author_line

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(api.__file__).parent


def test_all_that_is_imported_is_public_and_sorted() -> None:
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(api.__all__)
    assert api.__all__ == sorted(api.__all__)


def test_each_public_name_and_method_is_explained() -> None:
    unexplained = []
    for name in api.__all__:
        value = getattr(api, name)
        kind = value if inspect.isclass(value) or inspect.isfunction(value) else type(value)
        methods = (
            {} if inspect.isfunction(kind) else {key: member for key, member in vars(kind).items() if not key.startswith("_")}
        )
        parts = {name: kind, **{f"{name}.{key}": member for key, member in methods.items() if callable(member)}}
        unexplained += [said for said, part in parts.items() if not inspect.getdoc(part)]
    assert not unexplained


def test_it_needs_nothing_but_the_standard_library_and_no_worker() -> None:
    program = (
        f"import sys; sys.path.append({str(FOLDER.parents[1])!r}); from vms_bridge.script import *\n"
        "@on.alarm()\ndef handler(alarm): pass\n"
        "permissions(http=['https://a/*']); settings(x=Number(1)); log.info('x'); print(settings['x'], 'x' in state)\n"
        "ours = [n for n in sys.modules if n.startswith('vms_bridge')]\n"
        "print(sorted(n for n in ours if not n.startswith('vms_bridge.script')), 'pydantic' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, check=True, text=True, timeout=19
    )
    assert done.stdout.splitlines() == ["1 False", "['vms_bridge', 'vms_bridge.steps', 'vms_bridge.strict_json'] False"]


@pytest.mark.parametrize(
    "asks",
    [
        api.monitors["a"].state,
        lambda: api.http.get("https://api.example/"),
        lambda: api.mqtt.publish("a", "b"),
        lambda: api.notify("x"),
        lambda: api.state.set("a", 1),
        lambda: api.sleep(1),
        api.now,
        lambda: api.after(1, print),
        lambda: api.wait_for(api.on.alarm()),
        api.archive.find,
        api.systems["a"].state,
        api.bridge.state,
        lambda: api.detect(b"x"),
        lambda: api.throttle(1)(print)(1),
    ],
)
def test_outside_of_a_bridge_it_says_so(asks: Callable[[], object]) -> None:
    assert SEAT.link is None
    with pytest.raises(api.OutsideBridge, match="vms-bridge script test"):
        asks()
    assert author_line() == 0


def test_each_error_has_a_code_of_its_own_and_is_found_by_it() -> None:
    kinds = {each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, ScriptError)}
    assert kinds <= {getattr(api, name) for name in api.__all__ if inspect.isclass(getattr(api, name))}
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        made = error_of(kind.code, "what happened", "what to do")
        assert type(made) is kind
        assert str(made) == "what happened (what to do)"
    other = error_of("storage", "disk full")
    assert (type(other), other.code, str(other), other.hint) == (ScriptError, "storage", "disk full", "")
    assert isinstance(error_of("gone", "x"), api.NotFound)
