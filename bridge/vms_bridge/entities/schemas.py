"""JSON Schemas, made of the models and rows that the messages are made of.

Schemas are for those who read our messages, and may be older or newer than the bridge: a field may be added, and the words of
an enumeration are `x-known-values`, for there will be more.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from vms_bridge.bodies import MonitorFrame, ObjectFrame, ServerFrame, StorageFrame, SystemFrame
from vms_bridge.entities import MODE_PATTERN, MONITOR, OBJECT, SERVER, STORAGE, SYSTEM, JsonType, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.entities import Entity

Schema = dict[str, Any]

_KEPT = (
    *("type", "format", "pattern", "minimum", "maximum", "x-known-values"),
    *("items", "minItems", "maxItems", "additionalProperties", "propertyNames"),
)
"""What is kept of a schema that pydantic has made, in the order in which people read it."""


def monitor_state() -> Schema:
    """Return the schema of what `states.monitor_state` returns."""
    values = _values(row for row in MONITOR if row.source is Source.STATE)
    mode = {"type": ["string", "null"], "description": "Another mode that the monitor has."}
    frame = fields(MonitorFrame, ObjectFrame)
    objects = frame["objects"]["additionalProperties"]
    objects |= object_of(objects["properties"] | _values(OBJECT))
    body = object_of(with_others(frame, values, before="zones"))
    return {**body, "patternProperties": {f"^mode_{MODE_PATTERN}$": mode}}


def system_state() -> Schema:
    """Return the schema of what `states.system_state` returns."""
    frame = fields(SystemFrame, StorageFrame, ServerFrame)
    for part, rows in (("storage", STORAGE), ("servers", SERVER)):
        found = frame[part]["additionalProperties"]
        found |= object_of(found["properties"] | _values(rows))
    return object_of(with_others(frame, _values(SYSTEM), before="run_states"))


def object_of(properties: Schema, optional: Schema | None = None) -> Schema:
    """Return the schema of an object that has all of these, and may have some more; what is optional comes last."""
    return {"type": "object", "required": list(properties), "properties": properties | (optional or {})}


def with_others(properties: Schema, others: Schema, *, before: str) -> Schema:
    """Return the properties with others put in before one of them."""
    at = list(properties).index(before)
    both = [*properties.items()]
    return dict([*both[:at], *others.items(), *both[at:]])


def fields(model: type, *parts: type) -> Schema:
    """Return the schemas of a dataclass's fields; `parts` are the dataclasses that its fields are made of."""
    raw = TypeAdapter(model).json_schema(mode="serialization")
    said = {each.__name__: _descriptions(each) for each in (model, *parts)}
    found: Schema = _plain(raw, raw.get("$defs", {}), said)["properties"]
    return found


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


def _plain(node: Schema, definitions: Mapping[str, Schema], said: Mapping[str, Mapping[str, str]]) -> Schema:
    """Return pydantic's schema without what says nothing here: all in one piece, and each enumeration open."""
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions, said)
    if "anyOf" in node:
        return _nullable([_plain(each, definitions, said) for each in node["anyOf"]])
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
        plain[inner] = plain[inner] if isinstance(plain[inner], bool) else _plain(plain[inner], definitions, said)
    if "properties" in node:
        of_it = said[node["title"]]
        properties = {name: _plain(each, definitions, said) for name, each in node["properties"].items()}
        return object_of(
            {name: each | ({"description": of_it[name]} if name in of_it else {}) for name, each in properties.items()}
        )
    return plain


def _nullable(either: list[Schema]) -> Schema:
    """Return the schema of what may be null too."""
    *several, null = either
    if len(several) > 1:
        return {"type": [each["type"] for each in either]}
    (schema,) = several
    return {"anyOf": [schema, null]} if "properties" in schema else {**schema, "type": [schema["type"], "null"]}


@cache
def _descriptions(model: type) -> dict[str, str]:
    """Return the docstrings below the fields of a dataclass, from its source."""
    (made,) = ast.parse(dedent(inspect.getsource(model))).body
    body = made.body if isinstance(made, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(str(ast.literal_eval(text.value)))
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
    }
