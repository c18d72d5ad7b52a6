"""The schema of the WebSocket's messages, and what docs/websocket.md shows of them."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.bridge.api.websocket.lab import SAID, TOLD

from vms_bridge.api.websocket.closing import CloseCode
from vms_bridge.api.websocket.schemas import NAME, schema, write

PAGE = (Path(__file__).parents[4] / "docs" / "websocket.md").read_text(encoding="utf-8")


def test_it_is_made_of_the_models(tmp_path: Path) -> None:
    write(tmp_path)
    kept = (files("vms_bridge") / "schemas" / NAME).read_text(encoding="utf-8")
    assert kept == (tmp_path / NAME).read_text(encoding="utf-8"), "scripts/schemas writes it"
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("line", "".join(re.findall("```json\n(.*?)```", PAGE, re.DOTALL)).splitlines())
def test_what_the_page_shows_may_be_said(line: str) -> None:
    message = json.loads(line)
    (TOLD if message["type"] == "request" else SAID).validate(message)


def test_the_page_names_every_item_every_message_and_every_code() -> None:
    definitions = schema()["$defs"]
    for definition in definitions.values():
        properties = definition.get("properties", {})
        for field in ("what", "type"):
            if "const" in properties.get(field, {}):
                assert f"`{properties[field]['const']}`" in PAGE or f'"{properties[field]["const"]}"' in PAGE
    for code in CloseCode:
        if code is not CloseCode.DONE:
            assert str(int(code)) in PAGE


@pytest.mark.parametrize("message", [{"type": "changes", "seq": 1, "items": [{"what": "of a later release"}]}, {"type": "later"}])
def test_what_is_no_message_is_not_taken_for_one(message: dict[str, object]) -> None:
    assert not TOLD.is_valid(message)
