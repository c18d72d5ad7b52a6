"""Holds what a script names of the authors' API against what there is: names, attributes, and the words of calls."""

from __future__ import annotations

import ast
import inspect
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.trying.lint_names import API

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vms_bridge.scripts.trying.lint_names import Names

_MISSING = object()
_BY_KEY = frozenset({"monitors", "settings", "systems"})
"""What is had by its name in brackets."""
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def mistakes(tree: ast.Module, names: Names) -> Iterator[tuple[int, str, str]]:
    """Yield line, what is wrong, and what may be meant."""
    api = import_module(API)
    public = list(getattr(api, "__all__", ()))
    for name, line in names.imported.items():
        if name not in public:
            yield line, f"{API} has no {name!r}", _near(name, public)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (path := names.of_api(node)):
            yield from _attribute(api, node.lineno, path, public)
    for call, path in names.calls(tree):
        yield from _call(api, call, path)


def found(api: object, path: str) -> Any:  # noqa: ANN401 - whatever it is
    """Return what the API has there; a mark of its own where that can't be told."""
    thing = api
    for name in path.split("."):
        thing = getattr(thing, name, _MISSING)
        if thing is _MISSING:
            return _MISSING
    return thing


def _attribute(api: object, line: int, path: str, public: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    of, _, name = path.rpartition(".")
    if not of:
        if name not in public:
            yield line, f"{API} has no {name!r}", _near(name, public)
        return
    owner = found(api, of)
    if owner is _MISSING or name.startswith("_") or (of not in _BY_KEY and _answers_anything(owner)) or hasattr(owner, name):
        return
    if of in _BY_KEY:
        yield line, f"{of} has no {name!r}", f"write {of}[{name!r}]"
        return
    yield line, f"{of} has no {name!r}", _near(name, [each for each in dir(owner) if not each.startswith("_")])


def _answers_anything(owner: object) -> bool:
    """Say whether it has attributes that can't be known before it runs."""
    kind = owner if inspect.isclass(owner) else type(owner)
    return hasattr(kind, "__getattr__") or inspect.isfunction(owner) or inspect.isroutine(owner)


def _call(api: object, call: ast.Call, path: str) -> Iterator[tuple[int, str, str]]:
    called = found(api, path)
    if called is _MISSING or not callable(called):
        return
    try:
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return
    words = [each.name for each in parameters if each.kind in _BY_NAME]
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        for keyword in call.keywords:
            if keyword.arg is not None and keyword.arg not in words:
                yield keyword.value.lineno, f"{path}() takes no {keyword.arg}=", _near(keyword.arg, words)
    is_open = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    places = [each for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    given = len(call.args)
    if not is_open and given > len(places) and not any(isinstance(each, ast.Starred) for each in call.args):
        hint = f"as {path}({words[len(places)]}=...)" if len(words) > len(places) else ""
        text = f"{path}() takes {len(places) or 'nothing'} without a name, and not {given}"
        yield call.lineno, text, f"name what follows, {hint}" if hint else ""


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"is {near[0]!r} meant?" if near else f"there are {', '.join(sorted(known))}"[:300]
