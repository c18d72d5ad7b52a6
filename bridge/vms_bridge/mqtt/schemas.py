"""The JSON Schema of each message, made of the models that the messages are made of.

scripts/schemas writes them to `vms_bridge/schemas/`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vms_bridge.bodies import Answer, EventAnswer, Failure, FullAnswer, SeenObject, SeenObjects
from vms_bridge.commands import COMMANDS
from vms_bridge.commands.schema import request_schema
from vms_bridge.entities.schemas import fields, monitor_state, object_of, system_state, with_others
from vms_bridge.messages import LINKS
from vms_bridge.mqtt.bodies import (
    Health,
    Hello,
    NotificationBody,
    ScriptEntityBody,
    ScriptEventBody,
    ScriptLineBody,
    ScriptStatusBody,
    SystemName,
)
from vms_bridge.mqtt.counters import Counters
from vms_bridge.views import MESSAGE_VERSION, EventMessage

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Return the schema of each message by its name."""
    health = with_others(fields(Health, SystemName), fields(Counters), before="systems")
    return {
        "ack": _message(
            "ack", "What became of a command", object_of(fields(Answer, Failure), {**fields(EventAnswer), **fields(FullAnswer)})
        ),
        "command": request_schema(COMMANDS),
        "detection": _message(
            "detection",
            "The objects seen in one frame; an empty list ends their presence",
            object_of(fields(SeenObjects, SeenObject)),
        ),
        "event": _message("event", "One step in the life of an event", object_of(fields(EventMessage))),
        "health": _message("health", "How the bridge fares (retained)", object_of(health)),
        "info": _message("info", "The hello: who this bridge is, and where its API is (retained)", object_of(fields(Hello))),
        "last_event": _message(
            "last_event",
            "The newest event as it is now (retained), without URLs",
            object_of({name: field for name, field in fields(EventMessage).items() if name not in LINKS}),
        ),
        "monitor_state": _message(
            "monitor_state",
            "Everything current about a monitor (retained); live values are null while it is not available",
            monitor_state(),
        ),
        "notification": _message("notification", "A message of a script to people", object_of(fields(NotificationBody))),
        "script_entity": _message(
            "script_entity", "How a script's own entity is (retained)", object_of(fields(ScriptEntityBody))
        ),
        "script_event": _message("script_event", "An event of a script's own fires", object_of(fields(ScriptEventBody))),
        "script_line": _message("script_line", "A line of a script's log", object_of(fields(ScriptLineBody))),
        "script_status": _message("script_status", "How a script fares (retained)", object_of(fields(ScriptStatusBody))),
        "system_state": _message(
            "system_state",
            "Everything current about a system (retained); live values are null while it is not available",
            system_state(),
        ),
    }


def write(folder: Path) -> None:
    """Write each schema to a file of its name."""
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _message(name: str, title: str, body: Schema) -> Schema:
    """Return the whole schema of a message."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vms-bridge:schema:{name}:{MESSAGE_VERSION}",
        "title": title,
    }
    return head | body


if __name__ == "__main__":
    write(Path(sys.argv[1]))
