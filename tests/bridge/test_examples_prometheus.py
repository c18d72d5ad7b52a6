"""The examples for Prometheus and Grafana: valid, and every query asks for what there is, by labels that it has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from vms_bridge.measures import MetricKind
from vms_bridge.metrics import METRICS, PROCESS

FOLDER = Path(__file__).parents[2] / "examples" / "prometheus"
RULES = FOLDER / "vms-bridge.rules.yml"
OWN = frozenset({"instance", "job"})
"""The labels that Prometheus adds."""
_NAME = re.compile(r"\b(?:vms_bridge|process)_\w+")
_SELECTOR = re.compile(r"((?:vms_bridge|process)_\w+)\{([^}]*)\}")
_BY = re.compile(r"\bby \(([^)]*)\)")
_SHOWN = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def labels_of(name: str) -> frozenset[str]:
    """Return the labels of what is asked for by this name. Raises KeyError where there is no such thing."""
    if name in PROCESS:
        return OWN
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    metric = next((each for each in METRICS if each.name in {name, plain}), None)
    if metric is None or (metric.name != name) != (metric.kind is MetricKind.HISTOGRAM):
        raise KeyError(name)
    return OWN | set(metric.labels) | ({"le"} if name.endswith("_bucket") else set())


def is_well_asked(query: str, *shown: str) -> None:
    """Hold a query, and what is shown of its labels, against the table."""
    names = _NAME.findall(query)
    assert names, query
    there = frozenset.union(*(labels_of(name) for name in names))
    for name, selector in _SELECTOR.findall(query):
        assert {part.partition("=")[0].rstrip("!") for part in selector.split(",") if part} <= labels_of(name), query
    kept = there
    for by in _BY.findall(query):
        kept = frozenset(part.strip() for part in by.split(","))
        assert kept <= there, query
    for text in shown:
        assert set(_SHOWN.findall(text)) <= kept, f"{text} of {query}"


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    return found


def alerts() -> list[dict[str, Any]]:
    said = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in said["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_each_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    assert panel["type"] == "row" or panel["targets"]
    for target in panel.get("targets", []):
        is_well_asked(target["expr"], target["legendFormat"])
        assert 'instance=~"$instance"' in target["expr"]


def test_the_dashboard_can_be_imported_anywhere() -> None:
    said = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in said["panels"]]
    assert len(ids) == len(set(ids))
    assert {panel["datasource"]["uid"] for panel in panels() if panel["type"] != "row"} == {"${datasource}"}, "nobody's own"
    for variable in said["templating"]["list"]:
        if variable["type"] == "query":
            is_well_asked(variable["query"])
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in said["panels"]]
    cells = [(column, line) for x, y, w, h in places for column in range(x, x + w) for line in range(y, y + h)]
    assert len(cells) == len(set(cells)), "two panels lie on each other"
    assert max(column for column, _ in cells) == 23


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_asks_for_what_there_is(alert: dict[str, Any]) -> None:
    if alert["expr"].startswith("up{"):
        return
    is_well_asked(alert["expr"], *alert["annotations"].values())
    assert alert["labels"]["severity"] in {"warning", "critical"}


def test_the_token_stands_in_a_file() -> None:
    said = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    [job] = said["scrape_configs"]
    assert set(job["authorization"]) == {"credentials_file"}
    assert said["rule_files"] == [RULES.name]
    assert {f'job="{job["job_name"]}"'} == set(re.findall(r'job="[^"]*"', RULES.read_text(encoding="utf-8")))


@pytest.mark.parametrize("bad", ["vms_bridge_nosuch", "vms_bridge_problem_bucket", "vms_bridge_command_duration_seconds"])
def test_what_there_is_not_is_seen(bad: str) -> None:
    with pytest.raises(KeyError):
        labels_of(bad)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_reads_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(RULES)], check=True, capture_output=True)  # noqa: S603, S607
