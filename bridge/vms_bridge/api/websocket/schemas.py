"""The JSON Schema of all messages of the WebSocket, made of the models that they are made of."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vms_bridge.api.models.info import PROTOCOLS
from vms_bridge.api.models.monitors import Monitor, Objects
from vms_bridge.api.models.systems import System
from vms_bridge.api.websocket import telling
from vms_bridge.api.websocket.said import ANY
from vms_bridge.bodies import Answer, EventAnswer, Failure, FullAnswer, SeenObject, SeenObjects
from vms_bridge.entities.schemas import fields, monitor_state, object_of
from vms_bridge.history import GapReason
from vms_bridge.messages import LINKS
from vms_bridge.notices import Notice
from vms_bridge.views import EventMessage

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = dict[str, Any]
NAME = "websocket.json"
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_KEYS: Schema = {"system": _TEXT, "monitor": _TEXT}


def schema() -> Schema:
    """Return it: anything that either side may say; `$defs` has each message by itself."""
    said = ANY.json_schema()
    definitions: Schema = said.pop("$defs")
    items = _items(definitions)
    told = {
        "Hello": object_of(fields(telling.Hello)),
        "Proof": object_of(fields(telling.Proof)),
        "Welcome": object_of(fields(telling.Welcome)),
        "Changes": object_of(
            {"type": {"const": "changes"}, "seq": _COUNT, "items": {"type": "array", "items": {"anyOf": _refs(items)}}}
        ),
        "Ack": object_of(
            {
                "type": {"const": "ack"},
                "id": _TEXT,
                "ack": object_of(fields(Answer, Failure), {**fields(EventAnswer), **fields(FullAnswer)}),
            }
        ),
        "Error": object_of(fields(telling.Complaint)),
        "Request": object_of({"type": {"const": "request"}, "id": _TEXT, "kind": _TEXT, "content": {"type": "object"}}),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vms-bridge:schema:websocket:{PROTOCOLS.highest}",
        "title": "What is said over the WebSocket: Said by the client, Told by the bridge",
        "anyOf": [{"$ref": "#/$defs/Said"}, {"$ref": "#/$defs/Told"}],
        "$defs": _used({**definitions, **items, **told, "Said": said, "Told": {"anyOf": _refs(told)}}, "Said", "Told"),
    }


def write(folder: Path) -> None:
    """Write it to a file of its name."""
    (folder / NAME).write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _items(definitions: Schema) -> Schema:
    """Return the schema of each item of `Changes`; those of the API's models go to the definitions."""
    event = fields(EventMessage)
    last_event = {name: field for name, field in event.items() if name not in LINKS}
    monitor = _model(Monitor, definitions, without=telling.LIVE)
    return {
        "BridgeItem": _item("bridge", {}, object_of(fields(telling.BridgeTold, telling.ClaimTold))),
        "NoticesItem": _item("notices", {}, {"type": "array", "items": object_of(fields(Notice))}),
        "SystemItem": _item("system", {"system": _TEXT}, _or_null(_model(System, definitions, without={"monitors"}))),
        "MonitorItem": _item("monitor", _KEYS, _or_null(monitor)),
        "StateItem": _item("state", _KEYS, monitor_state()),
        "ObjectsItem": _item("objects", _KEYS, _or_null(_model(Objects, definitions))),
        "LastEventItem": _item("last_event", _KEYS, object_of(last_event)),
        "SyncedItem": _item("synced", {"cursor": {"type": ["string", "null"]}}),
        "EventItem": _item("event", {"cursor": _TEXT, "replayed": {"type": "boolean"}}, object_of(event)),
        "GapItem": _item(
            "gap",
            {
                "reason": {"type": "string", "x-known-values": list(GapReason)},
                "after": {"type": ["string", "null"]},
                "cursor": _TEXT,
            },
        ),
        "CursorItem": _item("cursor", {"cursor": _TEXT}),
        "TransitionItem": object_of(fields(telling.TransitionTold)),
        "TransitionsLostItem": _item("transitions_lost", {"count": _COUNT}),
        "DetectionItem": _item("detection", _KEYS, object_of(fields(SeenObjects, SeenObject))),
    }


def _item(what: str, others: Schema, value: Schema | None = None) -> Schema:
    return object_of({"what": {"const": what}, **others, **({} if value is None else {"value": value})})


def _model(model: type[BaseModel], definitions: Schema, *, without: frozenset[str] | set[str] = frozenset()) -> Schema:
    """Return the schema of one of the API's models without some fields, and put what it refers to where that is looked for."""
    made = model.model_json_schema(mode="serialization")
    definitions.update(made.pop("$defs", {}))
    made["properties"] = {name: each for name, each in made["properties"].items() if name not in without}
    made["required"] = [name for name in made.get("required", ()) if name not in without]
    return made


def _used(definitions: Schema, *names: str) -> Schema:
    """Return those definitions that these need, and what they need in turn, in their order."""
    found, left = set(names), list(names)
    while left:
        text = json.dumps(definitions[left.pop()])
        named = set(re.findall(r'"#/\$defs/(\w+)"', text)) - found
        found |= named
        left += named
    return {name: definition for name, definition in definitions.items() if name in found}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _refs(definitions: Schema) -> list[Schema]:
    return [{"$ref": f"#/$defs/{name}"} for name in definitions]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
