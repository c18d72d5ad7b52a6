"""What documents name is looked up here: verbs, options, entities, topics, routes, actions, names in Python, and tests."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args, is_typeddict

import click
import yaml
from pydantic import BaseModel

from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
from vms_bridge.cli.program import vms_bridge as program
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.entities import CATALOGUE
from vms_bridge.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
PLACES = (
    *("vms_bridge.zoneminder", "vms_bridge.zoneminder.zmlog", "vms_bridge.zoneminder.events.query", "vms_bridge.errors"),
    *("vms_bridge.zoneminder.events", "vms_bridge.zoneminder.events.frames", "vms_bridge.zoneminder.ptz_values"),
    *("vms_bridge.detect.library", "vms_bridge.detect.values", "vms_bridge.concealment"),
)
"""Where a name without a module is looked for."""
MODULES = {name: f"vms_bridge.zoneminder.{name}" for name in ("zmlog", "zm_conf", "database_log", "sync", "events")}


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def table(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a text, but for their heads."""
    lines = text.splitlines()
    heads = {line for line, rule in pairwise(lines) if rule.startswith("|--")}
    found = [line for line in lines if line.startswith("| ") and line not in heads]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found]


def is_test(name: str) -> bool:
    file, _, function = name.partition("::")
    path = ROOT / "tests" / file
    return bool(function) and path.is_file() and function in functions_in(path)


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@cache
def is_there(span: str) -> bool:
    """Say whether what the span names exists, by the first of `WAYS` that it looks like."""
    return next(way(span) for shape, way in WAYS if re.match(shape, span))


def is_entity(span: str) -> bool:
    platform, _, key = span.partition(" ")
    return any((row.platform, row.key) == (platform, key) for listed in CATALOGUE.values() for row in listed)


@cache
def actions() -> frozenset[str]:
    services = ROOT / "custom_components/vms_bridge/services.yaml"
    return frozenset(yaml.safe_load(services.read_text(encoding="utf-8")))


def is_verb(command: click.Command, words: list[str]) -> bool:
    """Say whether these words lead to a verb, and whether it has the options among them."""
    context = click.Context(command)
    at = 0
    while isinstance(command, click.Group) and at < len(words) and not words[at].startswith("-"):
        found = command.get_command(context, words[at])
        if found is None:
            return False
        command, at = found, at + 1
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return at > 0 and all(word in known for word in words[at:] if word.startswith("-"))


def is_option(model: type[BaseModel], path: list[str]) -> bool:
    """Say whether a section of the configuration has this option; names that people choose stand as NAME."""
    field = model.model_fields.get(path[0])
    rest = [part for part in path[1:] if part != "NAME"]
    if field is None or not rest:
        return field is not None
    return any(is_option(inner, rest) for inner in models_in(field.annotation))


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def is_name(span: str) -> bool:
    try:
        tree = ast.parse(re.sub(r"=(?=[,)])", "=0", span), mode="eval").body
    except SyntaxError:
        return False
    call = tree if isinstance(tree, ast.Call) else None
    try:
        found = value_of(ast.unparse(call.func if call else tree).split("."))
    except (AttributeError, ImportError):
        return False
    return call is None or (callable(found) and all(takes(found, word.arg or "") for word in call.keywords))


def value_of(parts: list[str]) -> Any:  # noqa: ANN401 - anything has a name
    """Return what is called so. Raises AttributeError, ImportError."""
    if parts[0] == "zm":
        return inner(one(), parts[1:])
    if parts[0] in MODULES:
        return inner(importlib.import_module(MODULES[parts[0]]), parts[1:])
    for place in PLACES:
        module = importlib.import_module(place)
        if hasattr(module, parts[0]):
            return inner(getattr(module, parts[0]), parts[1:])
    found: object = importlib.import_module(parts[0])
    for at, part in enumerate(parts[1:], 1):
        if isinstance(found, ModuleType) and not hasattr(found, part):
            found = importlib.import_module(".".join(parts[: at + 1]))
        else:
            found = inner(found, [part])
    return found


@cache
def one() -> ZoneMinder:
    return ZoneMinder("http://127.0.0.1/zm")


def inner(value: Any, path: list[str]) -> Any:  # noqa: ANN401
    for part in path:
        known = fields(value) if isinstance(value, type) else {}
        value = known[part] if part in known else getattr(value, part)
    return value


@cache
def fields(value: object) -> Mapping[str, object]:
    """Return what objects of a class have that the class has not: annotations, and what its __init__ sets."""
    if not isinstance(value, type):
        return {}
    source = inspect.getsource(value) if "__init__" in vars(value) and value.__module__.startswith("vms_bridge") else ""
    return {**getattr(value, "__annotations__", {}), **dict.fromkeys(re.findall(r"^\s+self\.(\w+)[ ,:=]", source, re.MULTILINE))}


def takes(found: Any, word: str) -> bool:  # noqa: ANN401
    """Say whether a callable takes an argument of this name, also by a TypedDict of its module."""
    signature = inspect.signature(found).parameters
    if word in signature and signature[word].kind is not inspect.Parameter.VAR_KEYWORD:
        return True
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in signature.values()):
        return False
    owner = found if isinstance(found, type) else getattr(found, "__self__", found)
    module = inspect.getmodule(owner if isinstance(owner, type) or inspect.isroutine(owner) else type(owner))
    dicts = [each for each in vars(module).values() if is_typeddict(each)] if module else []
    return any(word in each.__annotations__ for each in dicts)


WAYS = (
    (r"vms-bridge ", lambda span: is_verb(program, span.split()[1:])),
    (r"systems: ", lambda span: is_option(ZoneMinderConfig, span.split(" ")[1].split("."))),
    (r"detection: ", lambda span: is_option(DetectionSettings, span.split(" ")[1].split("."))),
    (r"(GET|POST|PUT|DELETE) /", lambda span: f"`{span}`" in page("api.md")),
    (r"<", lambda span: f"`{span}`" in page("mqtt.md")),
    (r"[a-z_]+ [a-z_]+$", is_entity),
    (r"vms_bridge\.[a-z_]+$", lambda span: span.partition(".")[2] in actions()),
    (r"", is_name),
)
"""How a span is looked up: a verb, an option of a system or of detection, a route, a topic, an entity, an action, or a name."""
