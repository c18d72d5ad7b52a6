"""What is to be said of a script by reading it: names that are none, what blocks, what its header does not ask for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vms_bridge.model import AlarmState
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripts.header import Header, parse, read_header
from vms_bridge.scripts.imports import imports_of
from vms_bridge.scripts.trying import lint_api, lint_awaits, lint_permissions
from vms_bridge.scripts.trying.lint_names import FUNCTIONS, Names, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Weight(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """It can't work so."""
    ADVICE = "advice"
    """It may be meant so."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to be said: where (line 0 is the whole file), how much it weighs, by which rule, and what to do."""

    line: int
    rule: str
    text: str
    hint: str = ""
    weight: Weight = Weight.ERROR


_BARE = frozenset({"on.startup", "on.shutdown"})
_USE_SLEEP = "use `await sleep(...)` of vms_bridge.script: it goes by the bridge's clock, also in `script test`"
_USE_HTTP = "use `await http.get(...)` of vms_bridge.script: the bridge asks for it, where the header allows it"
_BLOCKING: Mapping[str, tuple[str, str]] = {
    "time.sleep": ("it blocks the whole script", _USE_SLEEP),
    "asyncio.sleep": ("it goes by the machine's clock, and not by the bridge's", _USE_SLEEP),
    "asyncio.run": ("there is an event loop already", "make the handler `async def`, and `await` in it"),
    "asyncio.new_event_loop": ("there is an event loop already", "make the handler `async def`, and `await` in it"),
    "open": ("scripts have no files", "`state` keeps values, `export` puts media into a folder that the bridge has for that"),
    "io.open": ("scripts have no files", "`state` keeps values"),
    "input": ("nobody is there to answer", "declare a setting"),
    "breakpoint": ("nobody is there to answer", "log.info(...) shows what is there"),
    "sys.exit": ("a script is to stay: its handlers are called", "return from the handler"),
    "exit": ("a script is to stay: its handlers are called", "return from the handler"),
    "quit": ("a script is to stay: its handlers are called", "return from the handler"),
    "os.system": ("scripts start no programs", ""),
    "os.popen": ("scripts start no programs", ""),
    "os.fork": ("scripts start no programs", ""),
    "subprocess": ("scripts start no programs", ""),
    "multiprocessing": ("scripts start no programs", "use asyncio, or a plain `def` handler, which has a thread"),
    "socket": ("scripts have no network of their own", _USE_HTTP),
    "urllib.request": ("scripts have no network of their own", _USE_HTTP),
    "http.client": ("scripts have no network of their own", _USE_HTTP),
    "smtplib": ("scripts have no network of their own", "use notify(...), or a server that takes HTTP"),
    "ftplib": ("scripts have no network of their own", _USE_HTTP),
    "requests": ("scripts have no network of their own, and the standard library only", _USE_HTTP),
    "httpx": ("scripts have no network of their own, and the standard library only", _USE_HTTP),
    "aiohttp": ("scripts have no network of their own, and the standard library only", _USE_HTTP),
    "paho": ("scripts have no network of their own, and the standard library only", "use `mqtt.publish`, and `@on.mqtt`"),
    "sqlite3.connect": ("scripts have no files", "`state` keeps values"),
    "pathlib.Path.open": ("scripts have no files", "`state` keeps values"),
    "threading.Timer": ("it goes by the machine's clock, and not by the bridge's", "use after(...) of vms_bridge.script"),
}
"""What does not work in a script, or not as it seems: a call, or a whole module."""


def lint(text: str) -> tuple[Header | None, list[Finding]]:
    """Return the header, where it can be read, and what is to be said, by lines. May take a second."""
    try:
        tree = parse(text)
    except ScriptRefused as refused:
        return None, [_of(refused, "syntax")]
    header, found = None, []
    try:
        header = read_header(text)
    except ScriptRefused as refused:
        found.append(_of(refused, "header"))
    names = Names(tree)
    found += [Finding(remark.line, "import", remark.text) for remark in imports_of(tree).remarks]
    found += [Finding(line, "name", what, hint) for line, what, hint in lint_api.mistakes(tree, names)]
    found += _blocking(tree, names)
    found += _awaits(tree)
    found += [
        Finding(each.line, "await", each.text, each.hint, Weight.ERROR if each.is_sure else Weight.ADVICE)
        for each in lint_awaits.forgotten(tree, names)
    ]
    found += _states(tree, names)
    found += _without_parentheses(tree, names)
    found += _unused(tree)
    found += _not_at_top(tree, names)
    if header is not None:
        found += [
            Finding(line, "permission", what, hint, Weight.ERROR if is_sure else Weight.ADVICE)
            for line, what, hint, is_sure in lint_permissions.missing(tree, names, header.permissions)
        ]
    return header, sorted({*_once(found)})


def _of(refused: ScriptRefused, rule: str) -> Finding:
    return Finding(refused.line or 0, rule, str(refused), refused.hint)


def _once(found: list[Finding]) -> Iterator[Finding]:
    """Yield them, of an import that is of no use only what says more of it."""
    better = {(each.line, each.rule) for each in found if each.hint}
    for each in found:
        if each.rule != "import" or (each.line, "blocking") not in better:
            yield each


def _blocking(tree: ast.Module, names: Names) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = names.dotted(node.func)
            if called in _BLOCKING and called not in names.own:
                what, hint = _BLOCKING[called]
                yield Finding(node.lineno, "blocking", f"{called}(): {what}", hint)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                known = next((name for name in (module, module.partition(".")[0]) if name in _BLOCKING), None)
                if known is not None:
                    what, hint = _BLOCKING[known]
                    yield Finding(node.lineno, "blocking", f"import {module}: {what}", hint)


def _awaits(tree: ast.Module) -> Iterator[Finding]:
    """Say which functions wait and are no `async def`."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        waits = next((node for node in body_of(function) if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)), None)
        if waits is not None:
            hint = f"write `async def {function.name}(...)`"
            yield Finding(waits.lineno, "await", f"{function.name}() has an `await` in it, and is a plain `def`", hint)


def _states(tree: ast.Module, names: Names) -> Iterator[Finding]:
    """Say which alarm states no system that is known has: such a handler would never be called."""
    known = [str(state) for state in AlarmState]
    for call, path in names.calls(tree):
        for keyword in call.keywords if path == "on.alarm" else ():
            value = keyword.value
            if keyword.arg in {"to", "from_"} and isinstance(value, ast.Constant) and value.value not in known:
                text = f"{keyword.arg}={value.value!r}: there is no such alarm state"
                yield Finding(value.lineno, "name", text, f"there are {', '.join(known)}", Weight.ADVICE)


def _without_parentheses(tree: ast.Module, names: Names) -> Iterator[Finding]:
    """Say which decorators are not called."""
    for function in ast.walk(tree):
        for decorator in function.decorator_list if isinstance(function, FUNCTIONS) else ():
            name = names.of_api(decorator)
            if isinstance(decorator, ast.Attribute) and name.startswith("on.") and name not in _BARE:
                text = f"@{name} has no parentheses"
                yield Finding(decorator.lineno, "trigger", text, f"write @{name}(), with what you want of it by name")


def _unused(tree: ast.Module) -> Iterator[Finding]:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in tree.body:
        if isinstance(node, FUNCTIONS) and not node.decorator_list and node.name not in used and not node.name.startswith("_"):
            hint = "put a trigger above it, such as @on.alarm(), or take it away"
            yield Finding(node.lineno, "unused", f"{node.name}() is never called", hint, Weight.ADVICE)


def _not_at_top(tree: ast.Module, names: Names) -> Iterator[Finding]:
    """Say which handlers are declared where it is too late for that."""
    for outer in ast.walk(tree):
        if not isinstance(outer, FUNCTIONS):
            continue
        for inner in _within(outer):
            if any(names.is_trigger(decorator) for decorator in inner.decorator_list):
                hint = "move it out of there, or use wait_for(...)"
                text = f"{inner.name}() is declared in {outer.name}(): handlers are declared at the top level"
                yield Finding(inner.lineno, "trigger", text, hint)


def _within(function: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(function):
        if isinstance(node, FUNCTIONS) and node is not function:
            yield node
