"""How large a part may be, and that no two need each other: held by reading the source.

- A file of the product has 450 lines at most: one subject, read in one go.
- A function has 60 lines at most. One that is a table, a single statement below its docstring, may be as long as what it lists.
- A constructor takes 7 arguments at most, `self` not counted; what belongs together is a value of its own. Frozen dataclasses
  and pydantic's models are such values: a row has as many named fields as there is to say. Of another dataclass the fields
  count that have no default, for those are what one has to give it.
- No circle of imports. Those below `TYPE_CHECKING` count: two modules that need each other's types can only be understood
  together. What breaks such a circle is a protocol or a value of the lower module, or a third module.

What breaks a limit is on a list with the size that it may have, and comes off the list as soon as it keeps the limit.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vms_bridge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRODUCT = Path(vms_bridge.__file__).parent
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FILE_LINES = 450
FUNCTION_LINES = 60
ARGUMENTS = 7

LARGE_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}
MANY_ARGUMENTS: dict[str, int] = {}
CIRCLES: frozenset[frozenset[str]] = frozenset()

Function = ast.FunctionDef | ast.AsyncFunctionDef

pytestmark = pytest.mark.timeout(60)  # the first test reads all files, on a machine that has other work


def _files() -> dict[str, Path]:
    """Return every file of the product by its name from the package's folder."""
    places = [(path, path.relative_to(PRODUCT.parent)) for path in PRODUCT.rglob("*.py")]
    places += [(path, path.relative_to(EXAMPLES.parent)) for path in EXAMPLES.rglob("*.py")]
    return {name.as_posix(): path for path, name in sorted(places)}


FILES = _files()


@dataclass(frozen=True, slots=True)
class Source:
    """What these tests want to know of a file. The whole of its tree is not kept: those of all take hundreds of megabytes."""

    functions: dict[str, int]
    """How many lines each has."""
    constructors: dict[str, int]
    """How many arguments each takes."""
    imported: list[tuple[str | None, set[str]]]
    """Names, and what they are imported from; None for whole modules."""


@cache
def sources() -> dict[str, Source]:
    """Read all files, once for all tests."""
    return {name: source(ast.parse(path.read_text(encoding="utf-8"))) for name, path in FILES.items()}


def source(tree: ast.Module) -> Source:
    """Return what there is to know of a file."""
    every = list(named(tree))
    return Source(
        functions={name: lines(node) for name, node in every if isinstance(node, Function)},
        constructors={name: arguments(node) for name, node in every if isinstance(node, ast.ClassDef)},
        imported=[
            (node.module if isinstance(node, ast.ImportFrom) else None, {alias.name for alias in node.names})
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ],
    )


def named(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Yield each function and class with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = f"{within}.{node.name}" if within else node.name
            yield name, node
            yield from named(node, name)
        else:
            yield from named(node, within)


def lines(function: Function) -> int:
    """Return how many lines a function has, its decorators too; none of one that is a table."""
    body = [statement for statement in function.body if not (isinstance(statement, ast.Expr) and _is_text(statement.value))]
    if len(body) <= 1 and not isinstance(body[0] if body else None, ast.With | ast.AsyncWith | ast.For | ast.While | ast.Try):
        return 0
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return (function.end_lineno or first) - first + 1


def arguments(made: ast.ClassDef) -> int:
    """Return how many arguments a class takes to be made; none of what is a plain value."""
    for node in made.body:
        if isinstance(node, Function) and node.name == "__init__":
            given = node.args
            plain = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            return len(plain) - 1 + sum(more is not None for more in (given.vararg, given.kwarg))
    for decorator in made.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        if ast.unparse(call.func if call else decorator) in {"dataclass", "dataclasses.dataclass"}:
            words = {word.arg: ast.unparse(word.value) for word in call.keywords} if call else {}
            is_value = words.get("frozen") == "True"
            return 0 if is_value else sum(isinstance(node, ast.AnnAssign) and _is_required(node) for node in made.body)
    return 0


def circles(imports: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Yield circles of imports, as each is found, until none is left."""
    left = {module: set(imported) for module, imported in imports.items()}
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as found:
            circle: list[str] = found.args[1]
            yield circle
            for imported, module in pairwise(circle):
                left[module].discard(imported)
        else:
            return


def modules() -> dict[str, set[str]]:
    """Return what each module of the product imports of it, wherever that stands.

    A package is run before what is in it, but what it passes on from there makes no circle: only what a module names counts.
    """
    read = {_module(name): each for name, each in sources().items() if name.startswith(f"{PRODUCT.name}/")}
    found: dict[str, set[str]] = {module: set() for module in read}
    for module, each in read.items():
        for origin, names in each.imported:
            if origin is None:
                found[module] |= names & read.keys()
            elif origin in read:
                inner = {f"{origin}.{name}" for name in names}
                found[module] |= inner & read.keys() or {origin}
        found[module].discard(module)
    return found


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_required(field: ast.AnnAssign) -> bool:
    """Say whether a dataclass's field has to be given."""
    if field.value is None:
        return not ast.unparse(field.annotation).startswith(("ClassVar", "KW_ONLY"))
    if isinstance(field.value, ast.Call) and ast.unparse(field.value.func) == "field":
        return not {"default", "default_factory", "init"} & {word.arg for word in field.value.keywords}
    return False


def too_large(sizes: Mapping[str, int], limit: int, allowed: Mapping[str, int]) -> list[str]:
    """Say what breaks the limit and is not on the list, has grown beyond what it may have, or need not be on the list."""
    said = [
        f"{name}: {size}, of at most {allowed.get(name, limit)}"
        for name, size in sizes.items()
        if size > allowed.get(name, limit)
    ]
    return said + [
        f"{name}: keeps the limit now, or is gone: take it off the list" for name in allowed if sizes.get(name, 0) <= limit
    ]


def test_files_are_read_in_one_go() -> None:
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert not too_large(sizes, FILE_LINES, LARGE_FILES)


def test_functions_fit_a_page() -> None:
    sizes = {f"{name} {function}": size for name, each in sources().items() for function, size in each.functions.items()}
    assert not too_large(sizes, FUNCTION_LINES, LONG_FUNCTIONS)


def test_constructors_take_few_arguments() -> None:
    sizes = {f"{name} {made}": count for name, each in sources().items() for made, count in each.constructors.items()}
    assert not too_large(sizes, ARGUMENTS, MANY_ARGUMENTS)


def test_no_circle_of_imports() -> None:
    found = {frozenset(circle): " imports ".join(reversed(circle)) for circle in circles(modules())}
    assert not [said for circle, said in found.items() if circle not in CIRCLES]
    assert not CIRCLES - found.keys(), "these circles are broken: take them off the list"


def test_the_page_about_the_architecture_names_what_is_there() -> None:
    named_files = set(re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")))
    assert named_files
    there = [f"/{name}" for name in FILES]
    assert not [
        name for name in named_files if not (ROOT / name).exists() and not any(file.endswith(f"/{name}") for file in there)
    ]


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("def f():\n    '''Short.'''\n    return [\n        1,\n    ]", 0),
        ("def f():\n    x = 1\n    return x", 3),
        ("@cache\ndef f():\n    x = 1\n\n    return x", 5),
        ("def f():\n    with a:\n        b()\n        c()", 4),
        ("async def f():\n    while True:\n        b()", 3),
        ("def f():\n    '''A protocol's member.'''", 0),
    ],
)
def test_how_lines_are_counted(source: str, counted: int) -> None:
    function = ast.parse(source).body[0]
    assert isinstance(function, Function)
    assert lines(function) == counted


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("class A:\n    def __init__(self, a, *, b=1, **c): ...", 3),
        ("class A:\n    def run(self, a): ...", 0),
        ("@dataclass(frozen=True)\nclass A:\n    a: int\n    b: int", 0),
        (
            "@dataclass\nclass A:\n    a: int\n    b: int = 1\n    c: L = field(default_factory=L)\n    d: T = field(repr=False)",
            2,
        ),
        ("@dataclass(slots=True)\nclass A:\n    a: ClassVar[int]\n    b: int = field(init=False)", 0),
        ("@final\nclass A(Model):\n    a: int", 0),
    ],
)
def test_how_arguments_are_counted(source: str, counted: int) -> None:
    made = ast.parse(source).body[0]
    assert isinstance(made, ast.ClassDef)
    assert arguments(made) == counted


def test_a_circle_is_seen() -> None:
    apart = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert list(circles(apart)) == []
    (circle,) = circles({**apart, "c": {"a"}} | {"b": set()})
    assert set(circle) == {"a", "c"}
    assert len(list(circles({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}}))) == 2


def test_what_is_on_a_list_may_only_shrink() -> None:
    assert too_large({"a": 9, "b": 12}, 10, {"b": 12}) == []
    assert too_large({"a": 11}, 10, {}) == ["a: 11, of at most 10"]
    assert too_large({"b": 13}, 10, {"b": 12}) == ["b: 13, of at most 12"]
    assert too_large({"b": 10}, 10, {"b": 12}) == ["b: keeps the limit now, or is gone: take it off the list"]
