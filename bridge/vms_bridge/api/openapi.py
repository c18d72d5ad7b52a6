"""The OpenAPI document, made of the route table and of the models, and the table of routes in docs/api.md.

scripts/schemas writes the document to `vms_bridge/schemas/`, and the table into the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from vms_bridge.api import problems
from vms_bridge.api.models.problem import Problem
from vms_bridge.api.route import JSON, Reach
from vms_bridge.api.routes.table import ROUTES
from vms_bridge.links import AUTH, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

    from vms_bridge.api.route import Answer, Content, Route

Schema = dict[str, Any]

VERSION = "1"
_REFERENCE = "#/components/schemas/{model}"
PARAMETERS: Mapping[str, Schema] = {
    "system": {"description": "The system, by its key.", "schema": {"type": "string", "minLength": 1}, "example": "zm"},
    "monitor": {"description": "The monitor, by its key.", "schema": {"type": "string", "minLength": 1}, "example": "1"},
    "object": {
        "description": "The label, by its key.",
        "schema": {"type": "string", "minLength": 1},
        "example": "person",
    },
    "event": {"description": "The event, by its id.", "schema": {"type": "string", "minLength": 1}, "example": "zm-1234"},
    "name": {"description": "The receiver, by its name.", "schema": {"type": "string", "minLength": 1}, "example": "trigger"},
    "script": {"description": "The script, by its name.", "schema": {"type": "string", "minLength": 1}, "example": "gate"},
    "token": {"description": "The token, by its id.", "schema": {"type": "string", "minLength": 1}, "example": "7k3m9q2x4c"},
    "key": {"description": "The key, by its id.", "schema": {"type": "string", "minLength": 1}, "example": "4h8w2n6t0d"},
    "holder": {"description": "Who claims the devices.", "schema": {"type": "string", "minLength": 1}, "example": "0f3e8c6a"},
}
"""What stands in paths."""
SUBJECTS: Mapping[str, str] = {
    "bridge": "The bridge itself.",
    "systems": "VMSs, as they are now.",
    "monitors": "Cameras, as they are now.",
    "catalogue": "What there is to know of them.",
    "events": "What the VMSs have recorded.",
    "media": "Pictures and clips.",
    "links": "What opens one of these without a token.",
    "commands": "What can be done.",
    "discovery": "Whether devices are announced to Home Assistant by MQTT.",
    "index": "The bridge's own list of events.",
    "logs": "What the VMSs log.",
    "hooks": "What comes in from outside: calls of receivers.",
    "scripts": "People's own Python, which the bridge runs.",
    "websocket": "All that is live over one line, and requests to who has it open.",
    "tokens": "Who may come in.",
}
_REACHES = {
    Reach.ALL: "the same",
    Reach.OWN: "its own",
    Reach.NAMED: "its own, else 404",
    Reach.NONE: "403",
}
_LINKS = {
    LinkKind.PICTURE: ("`picture`", "no", "`link_life` after the event's end"),
    LinkKind.CLIP: ("`clip`", "no", "`link_life` after the event's end"),
    LinkKind.TIMED: ("`timed`", "yes", "a day"),
    LinkKind.STREAM: ("`stream`", "no; yes by the socket", "as long as the token; by the socket a day"),
}
"""What the page says of each kind of link: its name, whether it carries a time where nobody asks for one, and its end."""
_ANY = {400: "the query or the body can't be understood", 429: "asked too often"}
"""By what any route refuses."""
_OF_BODY = {413: "the body is too large", 415: "the body is no JSON", 422: "the body asks for what there is not"}


def document(routes: Sequence[Route] = ROUTES) -> Schema:
    """Return the document."""
    schemas = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    used = dict.fromkeys(route.subject for route in routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VMS Bridge",
            "version": VERSION,
            "description": (
                "Cameras of video management systems: their states, events, pictures, clips and commands. Within a version "
                "fields are only added, and words of an enumeration (`x-known-values`) as well: ignore what you don't know. "
                "Times are UTC with a `Z`, durations seconds, and null means unknown, never off."
            ),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": subject, "description": SUBJECTS[subject]} for subject in used],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token; each operation says the scope that it takes.",
                },
                "link": {
                    "type": "apiKey",
                    "in": "query",
                    "name": AUTH,
                    "description": "The signature of a link, in the place of a token: it opens what it was made for.",
                },
            },
        },
    }


def table(routes: Sequence[Route] = ROUTES) -> str:
    """Return the routes with the scope that each takes, as Markdown."""
    head = ["| route | what | scope | a limited token gets |", "|---|---|---|---|"]
    rows = [
        f"| `{route.method} {route.path}` | {route.summary} | {'' if route.scope is None else f'`{route.scope}`'} "
        f"| {_REACHES[route.reach] if route.scope is not None else ''} |"
        for route in routes
    ]
    return "\n".join([*head, *rows])


def link_table(routes: Sequence[Route] = ROUTES) -> str:
    """Return the routes to which links can be made, with the kind of each, as Markdown."""
    head = ["| route | link | a time in it | good, where no `life` is asked for |", "|---|---|---|---|"]
    rows = [f"| `{route.path}` | {' | '.join(_LINKS[route.link])} |" for route in routes if route.link is not None]
    return "\n".join([*head, *rows])


def with_table(page: str) -> str:
    """Return the page with the tables of routes and of links in their places."""
    for name, lines in (("routes", table()), ("links", link_table())):
        begins, ends = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begins)
        page = f"{before}{begins}\n{lines}\n{ends}{rest.partition(ends)[2]}"
    return page


def write(folder: Path) -> None:
    """Write the document to its file."""
    (folder / "openapi.json").write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


class _Schemas:
    """The schemas of all models, and where each stands."""

    def __init__(self, models: Iterable[tuple[type[BaseModel], JsonSchemaMode]]) -> None:
        self._places, found = models_json_schema(list(models), ref_template=_REFERENCE)
        self.definitions: Schema = _untitled(found.get("$defs", {}))

    def said(self, model: type[BaseModel]) -> Schema:
        """Return the reference to what is said."""
        return self._places[model, "serialization"]

    def asked(self, model: type[BaseModel]) -> Schema:
        """Return the reference to what is asked."""
        return self._places[model, "validation"]

    def fields(self, model: type[BaseModel]) -> Schema:
        """Return the fields of what is asked, each by its name."""
        name = self.asked(model)["$ref"].rpartition("/")[2]
        fields: Schema = self.definitions[name]["properties"]
        return fields


def _untitled(node: Any) -> Any:  # noqa: ANN401  # any part of a schema
    """Return the schema without titles, which say a name once more."""
    if isinstance(node, list):
        return [_untitled(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _untitled(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}


def _schemas(routes: Iterable[Route]) -> _Schemas:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for route in routes:
        models |= {(model, "validation"): None for model in (route.query, route.body) if model is not None}
        contents = [content for answer in route.answers.values() for content in answer.contents]
        models |= {(content, "serialization"): None for content in contents if isinstance(content, type)}
    return _Schemas(models)


def _operation(route: Route, schemas: _Schemas) -> Schema:
    scope = None if route.scope is None else str(route.scope)
    takes = "Takes no token." if scope is None else f"Takes a token with the scope `{scope}`."
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.subject],
        "summary": route.summary,
        "description": f"{route.description} {takes}".strip(),
        "security": [] if scope is None else [{"token": []}, *([] if route.link is None else [{"link": []}])],
        "x-scope": scope,
        **({} if route.link is None else {"x-link": str(route.link)}),
        "parameters": [*_in_path(route), *_in_query(route, schemas)],
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.asked(route.body)}}}
    answers = {str(status): _answer(answer, schemas) for status, answer in route.answers.items()}
    refusals = {str(status): _refusal(meaning, schemas) for status, meaning in sorted(_refusals(route).items())}
    operation["responses"] = answers | refusals
    return operation


def _refusals(route: Route) -> dict[int, str]:
    """Return by which statuses the route refuses."""
    may_not = "the token may not" if route.link is None else "the token may not, or the link is not good, or not any more"
    of_token = {} if route.scope is None else {401: "there is no token, or none that is good", 403: may_not}
    of_body = {} if route.body is None else _OF_BODY
    return {**_ANY, **of_token, **of_body, **route.refusals}


def _in_path(route: Route) -> list[Schema]:
    return [{"name": name, "in": "path", "required": True, **PARAMETERS[name]} for name in route.parameters]


def _in_query(route: Route, schemas: _Schemas) -> list[Schema]:
    if route.query is None:
        return []
    required = {name for name, field in route.query.model_fields.items() if field.is_required()}
    return [_parameter(name, schema, is_required=name in required) for name, schema in schemas.fields(route.query).items()]


def _parameter(name: str, schema: Schema, *, is_required: bool) -> Schema:
    """Return a field of a query as a parameter: one that says nothing is left out, and not null."""
    about = {key: schema[key] for key in ("description",) if key in schema}
    inner = {key: value for key, value in schema.items() if key not in {"description", "title", "examples", "default"}}
    if "anyOf" in inner:
        (kind,) = (each for each in inner.pop("anyOf") if each.get("type") != "null")
        inner |= kind
    default = schema.get("default")
    if default is not None and default != []:
        inner["default"] = default
    example = {"example": schema["examples"][0]} if "examples" in schema else {}
    return {"name": name, "in": "query", "required": is_required, **about, "schema": inner, **example}


def _answer(answer: Answer, schemas: _Schemas) -> Schema:
    content = dict(_content(each, schemas) for each in answer.contents)
    return {"description": answer.meaning, **({"content": content} if content else {})}


def _content(content: Content, schemas: _Schemas) -> tuple[str, Schema]:
    if isinstance(content, type):
        return JSON, {"schema": schemas.said(content)}
    return content, {}


def _refusal(meaning: str, schemas: _Schemas) -> Schema:
    return {"description": meaning, "content": {problems.CONTENT_TYPE: {"schema": schemas.said(Problem)}}}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    _page = Path(sys.argv[2])
    _page.write_text(with_table(_page.read_text(encoding="utf-8")), encoding="utf-8")
