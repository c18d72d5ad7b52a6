"""What the blueprints read of an event is in the bridge's messages, by the names that it has there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.bridge.install.component import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted((ROOT / "blueprints" / "automation" / "vms_bridge").glob("*.yaml"))
_READ = re.compile(r"(?:\bevent|\bnew|\bold|\bstep|camera\.attributes|to_state\.attributes)\.(?:get\(')?(\w+)")
_ASKED = re.compile(r"state_attr\(entity, '(\w+)'\)")
_HOME_ASSISTANT = {"event_type", "attributes", "name", "state", "received"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_blueprint_reads_fields_that_there_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    schema = json.loads((ROOT / "bridge" / "vms_bridge" / "schemas" / "event.json").read_text(encoding="utf-8"))
    read = {*_READ.findall(text), *_ASKED.findall(text)} - _HOME_ASSISTANT
    assert not read - schema["properties"].keys()


def test_a_blueprint_that_commands_says_what_the_command_takes() -> None:
    schema = json.loads((ROOT / "bridge" / "vms_bridge" / "schemas" / "command.json").read_text(encoding="utf-8"))
    text = (ROOT / "blueprints" / "automation" / "vms_bridge" / "mqtt_alarm_by_sensor.yaml").read_text(encoding="utf-8")
    said = set(re.findall(r"'(value|seconds|request_id)':", text)) | set(re.findall(r"dict\(command, (\w+)=", text))
    assert said == {"value", "seconds", "request_id", "cause"}
    assert said <= schema["properties"].keys()
