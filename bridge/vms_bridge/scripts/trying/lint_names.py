"""By which names a script's source knows modules, and the authors' API."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "vms_bridge.script"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TRIGGERS = frozenset({"on", "every", "cron", "at"})


class Names:
    """Of one source. What is bound anew within a function is not followed: authors seldom do so."""

    def __init__(self, tree: ast.Module) -> None:
        self._known: dict[str, str] = {}
        self.own: set[str] = set()
        """What the script itself defines or sets, wherever it does."""
        self.imported: dict[str, int] = {}
        """The names of the API that are imported, and in which line."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._take(node)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                self._take_from(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.own.add(node.id)
            elif isinstance(node, ast.arg):
                self.own.add(node.arg)

    def dotted(self, node: ast.expr) -> str:
        """Return what an expression names, as in `vms_bridge.script.on.alarm`; nothing for one that names nothing."""
        if isinstance(node, ast.Name):
            return self._known.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            of = self.dotted(node.value)
            return f"{of}.{node.attr}" if of else ""
        return ""

    def of_api(self, node: ast.expr) -> str:
        """Return what of the API it names, as in `on.alarm`; nothing where it names nothing of it."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        if not isinstance(first, ast.Name) or first.id not in self._known or first.id in self.own:
            return ""
        name = self.dotted(node)
        return name.removeprefix(f"{API}.") if name.startswith(f"{API}.") else ""

    def is_trigger(self, decorator: ast.expr) -> bool:
        """Say whether it is one of the decorators by which handlers are declared."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        return self.of_api(called).partition(".")[0] in _TRIGGERS

    def calls(self, tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
        """Yield each call of something of the API, and what that is."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (name := self.of_api(node.func)):
                yield node, name

    def _take(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.asname:
                self._known[alias.asname] = alias.name
            else:
                first = alias.name.partition(".")[0]
                self._known[first] = first

    def _take_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            self._known[alias.asname or alias.name] = f"{module}.{alias.name}"
            if module == API and alias.name != "*":
                self.imported[alias.name] = node.lineno


def body_of(function: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, and not in functions within it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            yield node
            yield from body_of(node)
