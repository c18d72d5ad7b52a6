"""Home Assistant's component as files: what is read of it without Home Assistant."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
COMPONENT = ROOT / "custom_components" / "vms_bridge"
_PACKAGE = "component_without_home_assistant"
_GIT = ("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT))


def content(name: str) -> Any:  # noqa: ANN401  # JSON
    """Return what a JSON file of the component says. A key that is there twice is an error: the first would be lost."""
    return json.loads((COMPONENT / name).read_text(encoding="utf-8"), object_pairs_hook=_once)


def texts(value: object, *, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in nested objects with its dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, below=f"{below}.{key}" if below else key)
    else:
        assert isinstance(value, str), f"{below} is no text"
        yield below, value


@cache
def sources() -> dict[str, ast.Module]:
    """Return the component's modules by their files' names. Older Pythons can't read them."""
    return {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(COMPONENT.glob("*.py"))}


@cache
def words() -> frozenset[str]:
    """Return every string constant in the component's code, the generated catalogue's too."""
    return frozenset(
        node.value
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def loaded(name: str) -> ModuleType:
    """Return a module of the component that needs no Home Assistant, with what it imports of its own folder."""
    package = sys.modules.setdefault(_PACKAGE, ModuleType(_PACKAGE))
    package.__path__ = [str(COMPONENT)]
    return importlib.import_module(f"{_PACKAGE}.{name}")


@cache
def rows() -> tuple[Any, ...]:
    """Return the rows of the component's catalogue that it makes entities of: not those whose command only MQTT has."""
    module = loaded("catalogue")
    return tuple(row for of_scope in module.ROWS.values() for row in of_scope if row.command is None or row.level is not None)


@cache
def _shapes() -> tuple[re.Pattern[str], ...]:
    """Return how the texts look that the code puts together with a beginning of its own."""
    return tuple(
        re.compile("".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values))
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant) and len(str(node.values[0].value)) > 3
    )


def is_said(word: str) -> bool:
    """Say whether the code has this word, or puts it together."""
    return word in words() or any(shape.fullmatch(word) for shape in _shapes())


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function in a module, methods too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call in the component's code with the last part of the name that is called."""
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func).rpartition(".")[2], node


def keyword(call: ast.Call, name: str) -> str | None:
    """Return the text that a call is given by this keyword, None where that is none or no constant."""
    for each in call.keywords:
        if each.arg == name and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str):
            return each.value.value
    return None


@cache
def tracked() -> tuple[str, ...]:
    """Return the names of all files of the repository, as git knows them; without git, of those that are there."""
    try:
        said = subprocess.run(  # noqa: S603  # git, with arguments of our own
            [*_GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            capture_output=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        hidden = {".venv", ".venv-newest", ".git", ".cache", "node_modules"}
        return tuple(
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*")
            if path.is_file() and not hidden & set(path.relative_to(ROOT).parts)
        )
    return tuple(name for name in said.decode().split("\0") if name and (ROOT / name).is_file())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    assert len(said) == len(pairs), f"a key is there twice: {[key for key, _ in pairs]}"
    return said
