"""What the bridge may say and be told, by the documents in bridge/vms_bridge/schemas: the fake is held against them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[3] / "bridge" / "vms_bridge" / "schemas"

JsonObject = dict[str, Any]


@cache
def document(name: str) -> JsonObject:
    """Return one of the documents, such as `openapi`."""
    found: JsonObject = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def wrong_with_item(item: JsonObject) -> str | None:
    """Say what is wrong with an item of `changes`; None: nothing."""
    what = item.get("what")
    name = next((name for name, one in _definitions().items() if _const(one, "what") == what), None)
    return f"there is no item {what!r}" if name is None else _wrong(_websocket(name), item)


def wrong_with_message(message: JsonObject, *, by_client: bool) -> str | None:
    """Say what is wrong with a message of the WebSocket, but for the items in it."""
    kind = message.get("type")
    names = _names("Said" if by_client else "Told")
    name = next((name for name in names if _const(_definitions()[name], "type") == kind), None)
    if name is None:
        return f"there is no message {kind!r}"
    return _wrong(_websocket(name), {**message, "items": []} if kind == "changes" else message)


def wrong_with_answer(path: str, method: str, status: int, body: object) -> str | None:
    """Say what is wrong with the JSON that a route (`/api/v1/systems/{system}`) answers with."""
    answers = _operation(path, method)["responses"]
    if str(status) not in answers:
        return f"{method} {path} never answers with {status}"
    content = answers[str(status)].get("content", {})
    kind = "application/json" if status < 400 else "application/problem+json"
    schema = content.get(kind, content.get("application/json", {})).get("schema")
    return None if schema is None else _wrong(_openapi(schema["$ref"]), body)


def wrong_with_body(path: str, method: str, body: object) -> str | None:
    """Say what is wrong with the JSON that a route is sent."""
    asked = _operation(path, method).get("requestBody")
    if asked is None:
        return None
    return _wrong(_openapi(asked["content"]["application/json"]["schema"]["$ref"]), body)


def wrong_with_query(path: str, method: str, query: dict[str, list[str]]) -> str | None:
    """Say what is wrong with a query."""
    known = {each["name"]: each for each in _operation(path, method).get("parameters", []) if each["in"] == "query"}
    for name, values in query.items():
        if name not in known:
            return f"{name}: there is no such thing"
        schema = known[name].get("schema", {})
        if schema.get("type") != "array" and len(values) > 1:
            return f"{name}: said {len(values)} times"
        wrong = _wrong_value(schema, values)
        if wrong is not None:
            return f"{name}: {wrong}"
    missing = [name for name, each in known.items() if each.get("required") and name not in query]
    return f"{missing[0]}: it is missing" if missing else None


def scope_of(path: str, method: str) -> str | None:
    """Return which scope a route asks for; None: anybody may."""
    scope: str | None = _operation(path, method).get("x-scope")
    return scope


def is_described(path: str, method: str) -> bool:
    """Say whether there is such a route."""
    return method.lower() in document("openapi")["paths"].get(path, {})


def _operation(path: str, method: str) -> JsonObject:
    found: JsonObject = document("openapi")["paths"][path]["get" if method == "HEAD" else method.lower()]
    return found


def _wrong_value(schema: JsonObject, values: list[str]) -> str | None:  # noqa: PLR0911 - one for each type
    if "$ref" in schema:
        return _wrong(_openapi(schema["$ref"]), values[0])
    match schema.get("type"):
        case "array":
            return _wrong(_one(json.dumps(schema)), values)
        case "integer" if values[0].lstrip("-").isdigit():
            return _wrong(_one(json.dumps(schema)), int(values[0]))
        case "number" if values[0].replace(".", "", 1).isdigit():
            return _wrong(_one(json.dumps(schema)), float(values[0]))
        case "boolean" if values[0] in {"true", "false"}:
            return None
        case "string":
            return _wrong(_one(json.dumps(schema)), values[0])
        case kind:
            return f"{values[0]!r} is no {kind}"


def _wrong(validator: Draft202012Validator, value: object) -> str | None:
    error = next(validator.iter_errors(value), None)
    return None if error is None else f"{error.json_path}: {error.message[:300]}"


def _definitions() -> JsonObject:
    found: JsonObject = document("websocket")["$defs"]
    return found


def _names(side: str) -> list[str]:
    one = _definitions()[side]
    return [each["$ref"].rpartition("/")[2] for each in one.get("oneOf", one.get("anyOf"))]


def _const(definition: JsonObject, name: str) -> object:
    return definition.get("properties", {}).get(name, {}).get("const")


@cache
def _websocket(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": _definitions()})


@cache
def _openapi(reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference, "components": document("openapi")["components"]})


@cache
def _one(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
