"""What a script says of itself before any of it runs: its permissions, its settings, and the modules that it imports.

The source is parsed and never compiled. The header's values are literals, read one by one; whatever else stands there is
refused with its line, for what an administrator approves has to be what stands in the file.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.messaging import ALWAYS_RESERVED
from vms_bridge.script.durations import seconds
from vms_bridge.script.set_by_people import MOST_SETTINGS
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripts.imports import Imports, imports_of
from vms_bridge.scripts.permissions import FLAGS, LISTS, mistakes_in, normal
from vms_bridge.scripts.settings import Setting, SettingKind, mistake_in
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

MOST_BYTES = 256 * 1024
API = "vms_bridge.script"
MOST_WORDS = 80_000
"""The parser holds all of the bridge up while it reads: this is some tenths of a second."""
_WORD = re.compile(r"\w+|[^\w\s]")
_MOST_DEEP = 500
_PLAIN = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Constant, ast.Name)
"""What has nothing in it that is looked for."""
_MOST_ITEMS = 256
_KINDS = {kind.value.capitalize(): kind for kind in SettingKind}
_HEADS = ("permissions", "settings")
_WORDS = frozenset({each.name for each in fields(Setting)} - {"name", "kind"})
_TAKES = {
    SettingKind.NUMBER: {"min", "max", "step", "unit"},
    SettingKind.TEXT: {"max_length"},
    SettingKind.CHOICE: {"options"},
    SettingKind.SWITCH: set[str](),
    SettingKind.SECRET: set[str](),
    SettingKind.DURATION: {"min", "max"},
}
_ALL_TAKE = {"default", "title", "help"}
_Literal: TypeAlias = "float | str | bool | tuple[_Literal, ...] | None"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a script says of itself; `doc` is the first line of its docstring."""

    permissions: Permissions
    settings: tuple[Setting, ...]
    imports: Imports
    doc: str = ""


class _Head(NamedTuple):
    """A call of `permissions` or `settings`, and the names by which the source knows the API."""

    name: str
    call: ast.Call


def read_header(text: str, *, reserved: Iterable[str] = ALWAYS_RESERVED, extra: Collection[str] = ()) -> Header:
    """Return what a script's source says of itself. Raises ScriptRefused, with the line where there is one. May take a second.

    `reserved` is what MQTT topics begin with that are not for others, `extra` modules that the configuration adds.
    """
    tree = parse(text)
    nodes = _nodes(tree)
    names = _names_of_the_api(nodes)
    heads: dict[str, ast.Call] = {}
    for head in _heads(tree, nodes, names):
        if head.name in heads:
            raise _refused(head.call, f"{head.name}(...) stands there twice", f"the first is in line {heads[head.name].lineno}")
        heads[head.name] = head.call
    permissions = _permissions(heads["permissions"], tuple(reserved)) if "permissions" in heads else Permissions()
    settings = _settings(heads["settings"], names) if "settings" in heads else ()
    doc = (ast.get_docstring(tree) or "").strip().partition("\n")[0][:200]
    return Header(permissions=permissions, settings=settings, imports=imports_of(tree, extra, nodes), doc=doc)


def parse(text: str) -> ast.Module:
    """Return a source's syntax tree. Raises ScriptRefused for one that is none, too long, or nested too deeply."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise ScriptRefused(f"it has {size} bytes", hint=f"a script has at most {MOST_BYTES}: put data elsewhere")
    if next(islice(_WORD.finditer(text), MOST_WORDS, None), None) is not None:
        raise ScriptRefused(f"it has more than {MOST_WORDS} words and signs", hint="put data elsewhere, or into texts")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        what = f"it is no Python: {error.msg}"
        raise ScriptRefused(what, hint=(error.text or "").strip()[:200], line=error.lineno) from None
    except (RecursionError, MemoryError):  # the parser's own bounds: it says either
        raise ScriptRefused("it is nested too deeply", hint="give parts of it names of their own") from None
    except ValueError as error:  # a NUL, half a pair of surrogates
        raise ScriptRefused(f"it can't be read as Python: {error}"[:200]) from None
    return tree


def _nodes(tree: ast.Module) -> Sequence[ast.AST]:
    """Return all that a source is made of. Raises ScriptRefused for one that is nested too deeply: Pythons differ in that."""
    nodes: list[ast.AST] = [tree]
    level: list[ast.AST] = [tree]
    for _ in range(_MOST_DEEP):
        level = [child for node in level for child in ast.iter_child_nodes(node) if not isinstance(child, _PLAIN)]
        if not level:
            return nodes
        nodes += level
    raise ScriptRefused("it is nested too deeply", hint="give parts of it names of their own")


def _names_of_the_api(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """Return how the source calls what it imports of the API, with the API's name of each; a module's ends with a dot."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == API:
            for alias in node.names:
                if alias.name == "*":
                    names |= {name: name for name in (*_HEADS, *_KINDS)}
                names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "vms_bridge":
            names |= {f"{alias.asname or alias.name}.": "" for alias in node.names if alias.name == "script"}
        elif isinstance(node, ast.Import):
            names |= {f"{alias.asname or API}.": "" for alias in node.names if alias.name == API}
    return names


def _called(call: ast.Call, names: Mapping[str, str]) -> str | None:
    """Return which name of the API is called; None where it is something else."""
    if isinstance(call.func, ast.Name):
        return names.get(call.func.id)
    if isinstance(call.func, ast.Attribute):
        return call.func.attr if f"{_dotted(call.func.value)}." in names else None
    return None


def _dotted(node: ast.expr) -> str:
    """Return a name with dots; nothing for what is none of a module."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""


def _heads(tree: ast.Module, nodes: Sequence[ast.AST], names: Mapping[str, str]) -> Iterator[_Head]:
    """Yield the header's calls. Raises ScriptRefused for one that stands somewhere else, or is nearly one."""
    statements = {id(node.value) for node in tree.body if isinstance(node, ast.Expr)}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = _called(node, names)
        if name in _HEADS and id(node) in statements:
            yield _Head(name, node)
        elif name in _HEADS:
            what = f"{name}(...) belongs to the top of a script"
            raise _refused(node, what, "not into a function, a class, a condition or another call: it is read without being run")
        elif id(node) in statements and isinstance(node.func, ast.Name) and node.func.id not in defined:
            _refuse_misspelt(node, node.func.id)


def _refuse_misspelt(node: ast.Call, called: str) -> None:
    near = get_close_matches(called, _HEADS, n=1, cutoff=0.8)
    if called in _HEADS:
        raise _refused(node, f"{called}(...) is not imported", f"from {API} import {called}")
    if near and called != "setting":
        raise _refused(node, f"there is no {called}(...)", f"{near[0]}(...) is meant?")


def _permissions(call: ast.Call, reserved: tuple[str, ...]) -> Permissions:
    asked: dict[str, tuple[str, ...] | bool] = {}
    lines: dict[str, ast.AST] = {}
    for keyword in _keywords(call, "permissions", (*LISTS, *FLAGS)):
        name, value = keyword
        found = _literal(value, name)
        lines[name] = value
        if name in FLAGS:
            if not isinstance(found, bool):
                raise _refused(value, f"{name} is True or False", "leave it out for False")
            asked[name] = found
        elif isinstance(found, tuple) and all(isinstance(each, str) for each in found):
            asked[name] = tuple(str(each) for each in found)
        else:
            raise _refused(value, f"{name} is a list of texts", f'such as {name}=["..."]')
    permissions = Permissions(**asked)  # type: ignore[arg-type]  # each was found to be what it has to be
    mistakes = mistakes_in(permissions, reserved)
    if mistakes:
        first, *others = mistakes
        more = f" (and {len(others)} more of such)" if others else ""
        raise _refused(lines[first.permission], f"permissions: {first.permission}: {first.text}{more}", first.hint)
    return normal(permissions)


def _settings(call: ast.Call, names: Mapping[str, str]) -> tuple[Setting, ...]:
    found: list[Setting] = []
    for name, value in _keywords(call, "settings", None):
        if len(found) >= MOST_SETTINGS:
            raise _refused(value, f"there are more than {MOST_SETTINGS} settings")
        if not INSTANCE_PATTERN.fullmatch(name):
            raise _refused(value, f"{name} is no name of a setting", "one has small letters, digits and _, 32 at most")
        found.append(_setting(name, value, names))
    return tuple(found)


def _setting(name: str, value: ast.expr, names: Mapping[str, str]) -> Setting:
    kinds = f"a setting is one of {', '.join(f'{kind}(...)' for kind in _KINDS)}"
    if not isinstance(value, ast.Call):
        raise _refused(value, f"settings: {name} is none", kinds)
    called = _called(value, names)
    kind = _KINDS.get(called or "")
    if kind is None:
        raise _refused(value, f"settings: {name} is none of the API's", kinds)
    if len(value.args) > 1:
        raise _refused(value, f"settings: {name} has more than its default without a name", "name them: min=..., max=...")
    words = _words_of(name, kind, value)
    if kind is SettingKind.SECRET and words["default"] is not None:
        hint = f"write {called}(title=...), and set it by `vms-bridge script settings NAME --secret {name}`"
        raise _refused(value, f"settings: {name} has its secret in the source, where whoever reads the file sees it", hint)
    setting = Setting(name=name, kind=kind, **{word: each for word, each in words.items() if each is not None})  # type: ignore[arg-type]  # each was found to be what it has to be
    mistake = mistake_in(setting)
    if mistake is not None:
        raise _refused(value, f"settings: {name}: {mistake}")
    return setting


def _words_of(name: str, kind: SettingKind, call: ast.Call) -> dict[str, object]:
    """Return what a setting is declared with, each of the type that it has to be."""
    words: dict[str, object] = {"default": _literal(call.args[0], name)} if call.args else {}
    for word, given in _keywords(call, f"settings: {name}", sorted(_ALL_TAKE | _TAKES[kind]), positional=1):
        if word in words:
            raise _refused(given, f"settings: {name} has two defaults")
        words[word] = _bound(given, word) if kind is SettingKind.DURATION else _literal(given, word)
    words.setdefault("default", _USUAL.get(kind))
    for word, (types, said) in _WORD_TYPES.items():
        if words.get(word) is not None and (not isinstance(words[word], types) or isinstance(words[word], bool)):
            raise _refused(call, f"settings: {name}: {word} is {said}")
    options = words.get("options", ())
    if not isinstance(options, tuple) or not all(isinstance(each, str) for each in options):
        raise _refused(call, f"settings: {name}: options is a list of texts")
    return words


_USUAL: dict[SettingKind, object] = {SettingKind.TEXT: "", SettingKind.SWITCH: False}
_WORD_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("title", "help", "unit"), ((str,), "a text")),
    **dict.fromkeys(("min", "max", "step"), ((int, float), "a number")),
    "max_length": ((int,), "a whole number"),
}


def _bound(node: ast.expr, word: str) -> _Literal:
    """Return a word of a duration, in seconds where it is a bound such as `5s`."""
    found = _literal(node, word)
    if word not in {"min", "max"} or found is None:
        return found
    try:
        return seconds(found, word)  # type: ignore[arg-type]  # it looks at the type itself
    except (TypeError, ValueError) as error:
        raise _refused(node, str(error)) from None


def _keywords(call: ast.Call, what: str, known: Collection[str] | None, *, positional: int = 0) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a call is given by name. Raises ScriptRefused for anything else, and for a name that is not known."""
    if len(call.args) > positional or any(isinstance(argument, ast.Starred) for argument in call.args):
        raise _refused(call, f"{what} takes everything by name", "such as monitors=[...]" if what == "permissions" else "")
    seen: set[str] = set()
    for keyword in call.keywords:
        name = keyword.arg
        if name is None:
            raise _refused(call, f"{what} has ** in it", "write each out: it is read without being run")
        if known is not None and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"{near[0]} is meant?" if near else f"there are: {', '.join(known)}"
            raise _refused(keyword.value, f"{what} has no {name}", hint)
        if name in seen:
            raise _refused(keyword.value, f"{what} has {name} twice")
        seen.add(name)
        yield name, keyword.value


def _literal(node: ast.expr, key: str) -> _Literal:
    """Return a literal: a text, a number, True, False, None, or a list of texts or numbers."""
    if isinstance(node, ast.List | ast.Tuple):
        if len(node.elts) > _MOST_ITEMS:
            raise _refused(node, f"{key} has {len(node.elts)} items", f"{_MOST_ITEMS} at most")
        return tuple(_atom(each, key) for each in node.elts)
    return _atom(node, key)


def _atom(node: ast.expr, key: str) -> _Literal:
    sign, value = 1, node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, value = -1, node.operand
    found = value.value if isinstance(value, ast.Constant) else ...
    if isinstance(found, int | float) and not isinstance(found, bool):
        try:
            number = sign * float(found)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return sign * found
        raise _refused(node, f"{key} has a number that is too large")
    if sign == 1 and (found is None or isinstance(found, str | bool)):
        return found
    raise _refused(
        node, f"{key} is no literal", "write the value itself, no name, no sum, no f-string: it is read without being run"
    )


def _refused(node: ast.AST, text: str, hint: str = "") -> ScriptRefused:
    return ScriptRefused(text, hint=hint, line=getattr(node, "lineno", None))
