"""What a script declares at its top level: its triggers, settings and entities, which the worker then tells the bridge."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vms_bridge.script.link import author_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_TRIGGERS = 200
MOST_ENTITIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is to be waited for, in the bridge's words."""

    kind: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    debounce_s: float = 0.0
    for_s: float = 0.0
    once_per_s: float = 0.0
    timeout_s: float = 10.0
    concurrent: bool = False

    def said(self, *, id: int = 0, handler: str = "", line: int = 0) -> dict[str, Any]:  # noqa: A002 - the wire's word
        """Return it as the bridge is told."""
        return {
            "id": id,
            "kind": self.kind,
            "handler": handler,
            "line": line,
            "filters": dict(self.filters),
            "debounce_s": self.debounce_s,
            "for_s": self.for_s,
            "once_per_s": self.once_per_s,
            "timeout_s": self.timeout_s,
            "concurrent": self.concurrent,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A function of the script's, and what calls it."""

    call: Callable[..., object]
    name: str
    line: int
    takes: bool
    """Whether it wants to know what has happened."""
    is_async: bool
    words: Words


class Declarations:
    """Everything declared so far. The worker closes it when the top level has run."""

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.settings: dict[str, dict[str, Any]] = {}
        self.entities: dict[str, dict[str, Any]] = {}
        self.is_closed = False
        self._lock = threading.Lock()

    def handle(self, words: Words, call: Callable[..., object]) -> None:
        """Have it called by that. Raises what an author can read."""
        if self.is_closed:
            raise RuntimeError("handlers are declared at the top level of the script, and not while it runs")
        if len(self.handlers) >= MOST_TRIGGERS:
            raise ValueError(f"a script has at most {MOST_TRIGGERS} triggers")
        takes, needs_await = handler_shape(call)
        name = str(getattr(call, "__qualname__", "handler"))[:100]
        line = _line_of(call)
        made = Handler(call=call, name=name, line=line, takes=takes, is_async=needs_await, words=words)
        with self._lock:
            self.handlers.append(made)

    def declare_entity(self, said: Mapping[str, Any]) -> bool:
        """Note an entity, and say whether the bridge is told of it with everything else, and not by itself."""
        if said["key"] in self.entities:
            raise ValueError(f"there is an entity {said['key']!r} already")
        if len(self.entities) >= MOST_ENTITIES:
            raise ValueError(f"a script has at most {MOST_ENTITIES} entities")
        self.entities[said["key"]] = dict(said)
        return not self.is_closed

    def said(self) -> dict[str, Any]:
        """Return it as the bridge is told."""
        return {
            "triggers": [
                handler.words.said(id=number, handler=handler.name, line=handler.line)
                for number, handler in enumerate(self.handlers)
            ],
            "entities": list(self.entities.values()),
        }


DECLARED = Declarations()


def is_async(call: Callable[..., object]) -> bool:
    """Say whether it is `async def`."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


def handler_shape(call: Callable[..., object]) -> tuple[bool, bool]:
    """Return whether a handler takes what has happened, and whether it is `async def`. Raises TypeError."""
    if not callable(call):
        raise TypeError(f"a handler is a function, and not {call!r}")
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        raise TypeError(f"{_name(call)} has a `yield` in it: a handler is a plain function")
    if inspect.isclass(call):
        raise TypeError(f"{_name(call)} is a class: a handler is a function")
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return True, is_async(call)
    by_place = [each for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if len(needed) > 1 or (needed and not by_place):
        raise TypeError(f"{_name(call)} takes {', '.join(needed)}: a handler takes what has happened, or nothing")
    takes = bool(by_place) or any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return takes, is_async(call)


def _name(call: object) -> str:
    return f"{getattr(call, '__name__', call)}()"


def _line_of(call: Callable[..., object]) -> int:
    code = getattr(inspect.unwrap(call), "__code__", None)
    return int(code.co_firstlineno) if code is not None else author_line()
