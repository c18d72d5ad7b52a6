"""The page about Home Assistant: what it names is there."""

from __future__ import annotations

import re

import yaml
from tests.bridge.install.component import ROOT, content

PAGE = ROOT / "docs" / "home-assistant.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_what_it_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", TEXT) if "://" not in link]
    assert links
    assert not [link for link in links if not (PAGE.parent / link).resolve().exists()]


def test_every_capability_of_ours_has_a_test_that_there_is() -> None:
    _, _, table = TEXT.partition("## Beside others")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 15
    for name, ours, *_, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert len(named) == tests.count("`") / 2, f"{name}: a test is named by its file and its function"
        assert bool(named) == (ours != "no"), f"{name}: what we have is held by a test, what we have not by none"
        for file, function in named:
            assert re.search(rf"^(async )?def {function}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), name


def test_its_examples_are_yaml() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert examples
    assert all(yaml.safe_load(example) for example in examples)


def test_every_action_and_field_is_explained() -> None:
    for action, said in content("translations/en.json")["services"].items():
        assert f"`vms_bridge.{action}`" in TEXT
        assert not [field for field in said["fields"] if f"`{field}`" not in TEXT]


def test_every_option_is_explained() -> None:
    for section in content("translations/en.json")["options"]["step"]["init"]["sections"].values():
        for option in section["data"].values():
            assert f"{section['name']}: {option[0].lower()}{option[1:]}" in TEXT, option
