"""Where an `await` is forgotten: what is asked for is under way all the same, but its answer is not there."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.scripts.trying.lint_api import found
from vms_bridge.scripts.trying.lint_names import API, FUNCTIONS, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.scripts.trying.lint_names import Names

_IDLE_ALONE = frozenset({"sleep", "wait_for"})
"""What is of no use unless somebody waits for it."""
_OWN_WORDS = frozenset({"cancel", "done", "result"})
"""What can be done with something asked for, without its answer."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Forgotten(NamedTuple):
    """What is said of a line, and what to do; whether that is sure."""

    line: int
    text: str
    hint: str
    is_sure: bool


def forgotten(tree: ast.Module, names: Names) -> Iterator[Forgotten]:
    """Yield where an `await` is missing."""
    waiting = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    for function in ast.walk(tree):
        if isinstance(function, FUNCTIONS):
            is_async = isinstance(function, ast.AsyncFunctionDef)
            yield from _alone(function, names, waiting, is_async=is_async)
            yield from _kept(function, names, waiting, is_async=is_async)


def _alone(function: _Function, names: Names, waiting: set[str], *, is_async: bool) -> Iterator[Forgotten]:
    """Look for calls that do nothing by themselves."""
    for node in body_of(function):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        if isinstance(called, ast.Name) and called.id in waiting:
            hint = f"write `await {called.id}(...)`" if is_async else f"make it `async def {function.name}(...)`, and `await` it"
            yield Forgotten(node.lineno, f"{called.id}() is `async def`, and is not run without `await`", hint, is_sure=True)
        elif names.of_api(called) in _IDLE_ALONE:
            hint = f"write `await {ast.unparse(called)}(...)`" if is_async else f"write `{ast.unparse(called)}(...).result()`"
            yield Forgotten(node.lineno, f"{ast.unparse(called)}() does nothing by itself", hint, is_sure=True)


def _kept(function: _Function, names: Names, waiting: set[str], *, is_async: bool) -> Iterator[Forgotten]:
    """Look for answers that are used without having been waited for."""
    given: dict[str, ast.Call] = {}
    for node in body_of(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if isinstance(node.value, ast.Call) and _is_asked(node.value, names, waiting):
                given[node.targets[0].id] = node.value
            else:
                given.pop(node.targets[0].id, None)
    for name, call in given.items():
        uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
        if any(isinstance(node.ctx, ast.Load) for node in uses) and not _is_waited_for(function, name):
            hint = f"write `{name} = await {ast.unparse(call.func)}(...)`"
            if not is_async:
                hint = f"write `{name} = {ast.unparse(call.func)}(...).result()`"
            yield Forgotten(call.lineno, f"{name} is what was asked for, and not yet its answer", hint, is_sure=False)


def _is_asked(call: ast.Call, names: Names, waiting: set[str]) -> bool:
    """Say whether it asks the bridge for something, as far as that can be told by names."""
    if isinstance(call.func, ast.Name) and call.func.id in waiting:
        return True
    path = names.of_api(call.func)
    if path:
        return _gives_asked(found(import_module(API), path))
    return isinstance(call.func, ast.Attribute) and call.func.attr in _asking()


@cache
def _asking() -> frozenset[str]:
    """Return the methods of the API that ask, by names that no everyday object has."""
    api = import_module(API)
    kinds = [each for each in map(api.__dict__.get, api.__all__) if inspect.isclass(each)]
    several = {name for kind in kinds for name, method in vars(kind).items() if _gives_asked(method)}
    return frozenset(several - {name for kind in (dict, list, set, str, bytes) for name in dir(kind)} - {"set"})


def _gives_asked(called: object) -> bool:
    return str(getattr(called, "__annotations__", {}).get("return", "")).startswith("Asked[")


def _is_waited_for(function: ast.AST, name: str) -> bool:
    """Say whether its answer is waited for in this function, or it is handed on to whoever does."""
    for node in ast.walk(function):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Await | ast.Return | ast.Yield) or (isinstance(node, ast.Attribute) and node.attr in _OWN_WORDS):
            parts = [node.value]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            parts = [*node.elts]
        if any(isinstance(each, ast.Name) and each.id == name for part in parts if part is not None for each in ast.walk(part)):
            return True
    return False
