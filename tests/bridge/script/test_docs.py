"""docs/scripting-api.md: all that is public is in it, and its examples run."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from tests.fakes.script_link import joined

import vms_bridge.script as api
from vms_bridge.script.declared import DECLARED
from vms_bridge.scripts.header import read_header

PAGE = (Path(__file__).parents[3] / "docs" / "scripting-api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
WORDS = set(re.findall(r"\w+", PAGE))
NOT_FOR_AUTHORS = {"plain", "schema", "default", "words", "leave", "if_it_fails", "if_it_succeeds", "or_given_back", "holding"}
"""What a part of the API needs of another."""


def _members() -> dict[str, object]:
    found: dict[str, object] = {name: getattr(api, name) for name in api.__all__}
    for name in api.__all__:
        value = getattr(api, name)
        if inspect.isclass(value) and not issubclass(value, BaseException):
            found |= {f"{name}.{key}": member for key, member in vars(value).items() if not key.startswith("_")}
    return found


MEMBERS = _members()


def test_each_public_name_is_on_the_page() -> None:
    names = {name.rpartition(".")[2] for name in MEMBERS} - NOT_FOR_AUTHORS
    assert not names - WORDS


def test_each_option_is_on_the_page() -> None:
    missing = []
    for name, member in MEMBERS.items():
        if not inspect.isfunction(member) or name.rpartition(".")[2] in NOT_FOR_AUTHORS:
            continue
        options = [each.name for each in inspect.signature(member).parameters.values() if each.kind is each.KEYWORD_ONLY]
        missing += [f"{name}({option}=)" for option in options if option not in WORDS]
    assert not missing


def test_the_page_names_nothing_that_is_not_there() -> None:
    imported = {name for example in EXAMPLES for name in re.findall(r"from vms_bridge.script import ([\w, ]+)", example)}
    assert {name.strip() for names in imported for name in names.split(",")} <= set(api.__all__)
    for obj in ("http", "mqtt", "log", "state", "settings", "monitors", "systems", "archive", "entity", "on", "bridge"):
        for method in re.findall(rf"\b{obj}\.([a-z_]+)\(", PAGE):
            assert hasattr(getattr(api, obj), method), f"{obj}.{method}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_script_that_the_bridge_would_take(example: str, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    with joined(str(file)) as link:
        exec(compile(example, str(file), "exec", dont_inherit=True), {"__name__": "__main__"})  # noqa: S102 - our own page's
        declared, settings = DECLARED.said(), dict(DECLARED.settings)
    assert declared["triggers"] or "throttle" in example
    assert not link.logged
    header = read_header(example)
    assert {setting.name for setting in header.settings} >= settings.keys()
