"""The JSON Schema of what a client may say, made of `Request` and of the rows that take its details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import Request

if TYPE_CHECKING:
    from vms_bridge.commands.table import CommandTable

Schema = dict[str, Any]


def request_schema(table: CommandTable) -> Schema:
    """Return the schema of a command in JSON, with the commands of this table."""
    fields: dict[str, Schema] = Request.model_json_schema()["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:vms-bridge:schema:command:1",
        "title": "A command as JSON; the plain text of its value does as well",
        "type": "object",
        "required": [],
        "properties": {name: _property(field, _owners(table, name)) for name, field in fields.items()},
        "additionalProperties": False,
    }


def _owners(table: CommandTable, field: str) -> str:
    """Return whose detail this field is, empty where any command may have it."""
    return ", ".join(row.name for row in table.rows if field in row.details)


def _property(field: Schema, owners: str) -> Schema:
    """Return pydantic's schema of a field as what is sent: a field that says nothing is left out, and not null."""
    either = [each for each in field["anyOf"] if each["type"] != "null"]
    bounds: Schema = {key: value for each in either for key, value in each.items() if key != "type"}
    kinds = [each["type"] for each in either]
    said = field.get("description", "")
    description = f"{owners} only{': ' if said else '.'}{said}" if owners else said
    return {"type": kinds[0] if len(kinds) == 1 else kinds, **bounds, "description": description}
