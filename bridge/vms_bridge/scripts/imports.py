"""Which modules a script's source imports: those of the standard library are loaded before its worker is locked."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_MOST_MODULES = 200
_NOT_FOR_SCRIPTS = frozenset(
    {
        *("antigravity", "ensurepip", "idlelib", "lib2to3", "pip", "readline", "rlcompleter", "site", "sitecustomize"),
        *("test", "this", "tkinter", "turtle", "turtledemo", "usercustomize", "venv"),
    }
)
"""What does something when it is imported, such as opening a browser, or is no library."""
_DYNAMIC = {"__import__", "import_module"}


class Remark(NamedTuple):
    """Something about an import that its author should know."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Imports:
    """The modules that can be loaded for a script, and what is to be said of others.

    `modules` also has names that may be modules (of `from a import b`): who loads them passes over those that are none.
    """

    modules: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


def imports_of(tree: ast.Module, extra: Collection[str] = (), nodes: Sequence[ast.AST] | None = None) -> Imports:
    """Return what a source imports, wherever in it; `extra` are modules that the configuration adds.

    `nodes` is all that the source is made of, for who has that already.
    """
    nodes = tuple(ast.walk(tree)) if nodes is None else nodes
    modules: dict[str, None] = {}
    remarks: list[Remark] = []
    for line, name, is_sure in _imported(nodes):
        first = name.partition(".")[0]
        remark = _remark(name, first, extra)
        if remark and is_sure:
            remarks.append(Remark(line, remark))
        elif not remark and first != "vms_bridge" and len(modules) < _MOST_MODULES:
            modules[name] = None
    remarks += [Remark(node.lineno, _ABOUT_DYNAMIC) for node in nodes if isinstance(node, ast.Call) and _is_dynamic(node)]
    return Imports(tuple(modules), tuple(sorted(remarks)[:_MOST_MODULES]))


_ABOUT_DYNAMIC = "what is imported by a name made while it runs is not there: write `import NAME` at the top"


def _imported(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str, bool]]:
    """Yield line and name of each import, and whether it surely is a module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, True
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, f"{'.' * min(node.level, 3)}{node.module or ''}", True
                continue
            module = node.module or ""
            yield node.lineno, module, True
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}", False


def _remark(name: str, first: str, extra: Collection[str]) -> str:
    """Return why a module is not there for scripts; nothing where it is."""
    is_own = first == "vms_bridge" or first in extra or name in extra
    if not first:
        return f"a script is one file: {name[:60]} is not there"
    if first == "vms_bridge" and not f"{name}.".startswith("vms_bridge.script.") and name != first:
        return f"{name[:60]} is the bridge's own, and not for scripts: there is vms_bridge.script"
    if first in _NOT_FOR_SCRIPTS or "__main__" in name.split(".") or (first.startswith("_") and first != "__future__"):
        return f"{name[:60]} is not for scripts"
    if not is_own and first not in sys.stdlib_module_names:
        return f"{first[:60]} is not in the standard library: scripts have that, and what `scripts: modules` adds"
    return ""


def _is_dynamic(node: ast.Call) -> bool:
    called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return called in _DYNAMIC
