"""The OpenAPI document: as it is checked in, and as it is made of the routes."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from vms_bridge.api.openapi import document, table, with_table, write
from vms_bridge.api.problems import STATUSES
from vms_bridge.api.routes.table import ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
KEPT = files("vms_bridge") / "schemas" / "openapi.json"
SCHEMAS = json.loads(KEPT.read_text(encoding="utf-8"))["components"]["schemas"]
"""Of the document that is kept, which the first test holds against the one that is made."""


def test_the_document_is_made_of_the_routes_and_models(tmp_path: Path) -> None:
    write(tmp_path)
    made = (tmp_path / "openapi.json").read_text(encoding="utf-8")
    assert KEPT.read_text(encoding="utf-8") == made, "scripts/schemas writes it"


def test_the_page_shows_every_route_with_its_scope() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "scripts/schemas writes the table"
    assert all(f"| `{route.method} {route.path}` |" in table() for route in ROUTES)


def test_every_route_stands_in_it_once() -> None:
    said = [(path, method) for path, one in document()["paths"].items() for method in one]
    assert sorted(said) == sorted((route.path, route.method.lower()) for route in ROUTES)
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    text = json.dumps(SCHEMAS[name])
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in SCHEMAS


def test_each_operation_says_what_it_takes_and_how_it_refuses() -> None:
    operations = {each["operationId"]: each for path in document()["paths"].values() for each in path.values()}
    for route in ROUTES:
        operation = operations[route.name]
        assert operation["x-scope"] == route.scope
        assert bool(operation["security"]) == (route.scope is not None)
        assert {"400", "429"} <= operation["responses"].keys()
        assert ("401" in operation["responses"]) == (route.scope is not None)
        assert all(one["description"] for one in operation["responses"].values())
        assert operation["summary"]
        for parameter in operation["parameters"]:
            assert parameter["description"], parameter


def test_the_page_names_the_code_of_every_error_with_its_status() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page.partition("`code` is for programs")[2].splitlines() if line.startswith("| ")]
    for kind, status in STATUSES:
        assert any(str(int(status)) in row and f"`{kind.code}`" in row for row in rows), f"{int(status)} {kind.code}"
