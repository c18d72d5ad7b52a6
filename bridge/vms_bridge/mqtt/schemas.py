"""The JSON Schema of each message, made of the models that the messages are made of.

Schemas are for those who read our messages, and may be older or newer than the bridge: a field may be added, and the words of
an enumeration are `x-known-values`, for there will be more. scripts/schemas writes them to `vms_bridge/schemas/`.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from vms_bridge.commands import COMMANDS
from vms_bridge.commands.schema import request_schema
from vms_bridge.entities import MODE_PATTERN, MONITOR, STORAGE, SYSTEM, JsonType, Source
from vms_bridge.mqtt.bodies import (
    Answer,
    EventAnswer,
    Failure,
    Hello,
    MonitorFrame,
    SeenObject,
    SeenObjects,
    StorageFrame,
    SystemFrame,
    SystemName,
)
from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.payloads import URLS
from vms_bridge.views import MESSAGE_VERSION, EventMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.entities import Entity

Schema = dict[str, Any]

_MODELS = (
    EventMessage,
    Answer,
    EventAnswer,
    Failure,
    Hello,
    SystemName,
    Counters,
    SeenObjects,
    SeenObject,
    MonitorFrame,
    StorageFrame,
    SystemFrame,
)


_KEPT = (
    *("type", "format", "pattern", "minimum", "maximum", "x-known-values"),
    *("items", "minItems", "maxItems", "additionalProperties", "propertyNames"),
)
"""What is kept of a schema that pydantic has made, in the order in which people read it."""


def schemas() -> dict[str, Schema]:
    """Return the schema of each message by its name."""
    return {
        "ack": _message("ack", "What became of a command", _fields(Answer), _fields(EventAnswer)),
        "command": request_schema(COMMANDS),
        "detection": _message(
            "detection", "The objects seen in one frame; an empty list ends their presence", _fields(SeenObjects)
        ),
        "event": _message("event", "One step in the life of an event", _fields(EventMessage)),
        "info": _message(
            "info", "The hello: who this bridge is (retained)", _with(_fields(Hello), _fields(Counters), before="systems")
        ),
        "last_event": _message(
            "last_event",
            "The newest event as it now stands (retained), without URLs",
            {name: field for name, field in _fields(EventMessage).items() if name not in URLS},
        ),
        "monitor_state": _monitor_state(),
        "system_state": _system_state(),
    }


def write(folder: Path) -> None:
    """Write each schema to a file of its name."""
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _monitor_state() -> Schema:
    values = _values(row for row in MONITOR if row.source is Source.STATE)
    title = "Everything current about a monitor (retained); live values are null while it is not available"
    schema = _message("monitor_state", title, _with(_fields(MonitorFrame), values, before="zones"))
    mode = {"type": ["string", "null"], "description": "Another mode that the monitor has."}
    return {**schema, "patternProperties": {f"^mode_{MODE_PATTERN}$": mode}}


def _system_state() -> Schema:
    frame = _fields(SystemFrame)
    storage = frame["storage"]["additionalProperties"]
    storage |= _object(storage["properties"] | _values(STORAGE))
    title = "Everything current about a system (retained); live values are null while it is not available"
    return _message("system_state", title, _with(frame, _values(SYSTEM), before="run_states"))


def _message(name: str, title: str, properties: Schema, optional: Schema | None = None) -> Schema:
    """Return the whole schema of a message; what is optional stands behind the rest."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vms-bridge:schema:{name}:{MESSAGE_VERSION}",
        "title": title,
    }
    return head | _object(properties, optional or {})


def _object(properties: Schema, optional: Schema | None = None) -> Schema:
    """Return the schema of an object that has all of these, and may have some more."""
    return {"type": "object", "required": list(properties), "properties": properties | (optional or {})}


def _with(properties: Schema, others: Schema, *, before: str) -> Schema:
    """Return the properties with others put in before one of them."""
    at = list(properties).index(before)
    both = [*properties.items()]
    return dict([*both[:at], *others.items(), *both[at:]])


def _values(rows: Iterable[Entity[Any]]) -> Schema:
    """Return the schemas of the values of these rows, by field."""
    return {row.field: _value(row) for row in rows if row.json is not None and row.field}


def _value(row: Entity[Any]) -> Schema:
    kind = "string" if row.json is JsonType.TIME else str(row.json)
    schema: Schema = {"type": kind if row.is_known else [kind, "null"]}
    if row.json in {JsonType.INTEGER, JsonType.NUMBER}:
        schema["minimum"] = 0
    if row.options:
        schema["x-known-values"] = [str(option) for option in row.options]
    if row.meaning:
        schema["description"] = row.meaning
    return schema


def _fields(model: type) -> Schema:
    """Return the schemas of a model's fields."""
    raw = TypeAdapter(model).json_schema(mode="serialization")
    fields: Schema = _plain(raw, raw.get("$defs", {}))["properties"]
    return fields


def _plain(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return pydantic's schema without what says nothing here: all in one piece, and each enumeration open."""
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in node:
        return _nullable([_plain(each, definitions) for each in node["anyOf"]])
    plain = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        return {"const": node["const"]}
    if "enum" in node:
        plain["x-known-values"] = node["enum"]
    if node.get("format") == "date-time":
        plain["pattern"] = "Z$"
    if "prefixItems" in node:
        plain["items"] = node["prefixItems"][0]
    for inner in {"items", "additionalProperties"} & plain.keys():
        plain[inner] = _plain(plain[inner], definitions)
    if "properties" in node:
        said = _DESCRIPTIONS[node["title"]]
        properties = {name: _plain(each, definitions) for name, each in node["properties"].items()}
        return _object({name: each | ({"description": said[name]} if name in said else {}) for name, each in properties.items()})
    return plain


def _nullable(either: list[Schema]) -> Schema:
    """Return the schema of what may be null too."""
    schema, null = either
    return {"anyOf": [schema, null]} if "properties" in schema else {**schema, "type": [schema["type"], "null"]}


def _descriptions(model: type) -> dict[str, str]:
    """Return what stands below the fields of a dataclass in its source."""
    (made,) = ast.parse(dedent(inspect.getsource(model))).body
    body = made.body if isinstance(made, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(str(ast.literal_eval(text.value)))
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
    }


_DESCRIPTIONS = {model.__name__: _descriptions(model) for model in _MODELS}

if __name__ == "__main__":
    write(Path(sys.argv[1]))
