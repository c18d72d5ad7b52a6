"""Home Assistant's quality scale as this component fills it: all rules, each honest, and what is done with what shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from tests.bridge.install.component import COMPONENT, ROOT

BRONZE = (
    *("action-setup", "appropriate-polling", "brands", "common-modules", "config-flow", "config-flow-test-coverage"),
    *("dependency-transparency", "docs-actions", "docs-conditions", "docs-high-level-description"),
    *("docs-installation-instructions", "docs-removal-instructions", "docs-triggers", "entity-event-setup", "entity-unique-id"),
    *("has-entity-name", "runtime-data", "test-before-configure", "test-before-setup", "unique-config-entry"),
)
SILVER = (
    *("action-exceptions", "config-entry-unloading", "docs-configuration-parameters", "docs-installation-parameters"),
    *("entity-unavailable", "integration-owner", "log-when-unavailable", "parallel-updates", "reauthentication-flow"),
    *("test-coverage",),
)
GOLD = (
    *("devices", "diagnostics", "discovery", "discovery-update-info", "docs-data-update", "docs-examples"),
    *("docs-known-limitations", "docs-supported-devices", "docs-supported-functions", "docs-troubleshooting", "docs-use-cases"),
    *("dynamic-devices", "entity-category", "entity-device-class", "entity-disabled-by-default", "entity-translations"),
    *("exception-translations", "icon-translations", "reconfiguration-flow", "repair-issues", "stale-devices"),
)
PLATINUM = ("async-dependency", "inject-websession", "strict-typing")
RULES = {*BRONZE, *SILVER, *GOLD, *PLATINUM}


def rules() -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((COMPONENT / "quality_scale.yaml").read_text(encoding="utf-8"))
    assert said.keys() == {"rules"}
    found: dict[str, Any] = said["rules"]
    return found


def test_all_rules_are_there_and_no_other() -> None:
    assert len(RULES) == 54
    assert list(rules()) == [*BRONZE, *SILVER, *GOLD, *PLATINUM]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_says_how_it_stands_and_why(rule: str) -> None:
    said = rules()[rule]
    assert said.keys() == {"status", "comment"}
    assert said["status"] in {"done", "exempt", "todo"}
    assert len(said["comment"]) > 10
    if said["status"] == "done":
        shown = re.findall(r"`([\w./-]+)(?:#([\w-]+))?`", said["comment"])
        assert shown, f"{rule} does not say what shows that it is done"
        for name, heading in shown:
            assert (ROOT / name).exists() or (COMPONENT / name).exists(), f"{rule}: {name}"
            assert not heading or heading in headings(name), f"{rule}: {name} has no heading {heading}"


def headings(page: str) -> set[str]:
    """Return the anchors of a page's headings."""
    found = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}
