"""Whoever joins the authors' API with a bridge: notes what is asked for, and answers as it is told."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script import declared, kept, set_by_people
from vms_bridge.script.errors import error_of
from vms_bridge.script.link import SEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")


class FakeLink:
    """Answers at once, in whatever thread asks: with `answers[what]`, else with nothing; what is in `held` is left open."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.is_on_loop = False
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.data: list[bytes] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.errors: dict[str, tuple[str, str, str]] = {}
        self.on_ask: dict[str, Callable[[], object]] = {}
        self.held: dict[str, list[Future[Any]]] = {}
        self.logged: list[tuple[str, str, int]] = []
        self.ran: list[tuple[Callable[..., object], tuple[object, ...]]] = []
        self.time = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def ask(self, what: str, words: Mapping[str, Any], make: Callable[[Mapping[str, Any], bytes], T], data: bytes) -> Future[T]:
        self.asked.append((what, dict(words)))
        self.on_ask.get(what, lambda: None)()
        self.data.append(data)
        future: Future[T] = Future()
        if what in self.held:
            self.held[what].append(future)
        elif what in self.errors:
            future.set_exception(error_of(*self.errors[what]))
        else:
            try:
                future.set_result(make(self.answers.get(what, {}), self.blobs.get(what, b"")))
            except Exception as error:  # noqa: BLE001 - as the worker does
                future.set_exception(error)
        return future

    def log(self, level: str, text: str, line: int) -> None:
        self.logged.append((level, text, line))

    def run(self, handler: Callable[..., object], args: tuple[object, ...]) -> None:
        self.ran.append((handler, args))

    def later(self, call: Callable[[], object]) -> None:
        call()

    def now(self) -> datetime:
        return self.time

    def passes(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    @property
    def last(self) -> tuple[str, dict[str, Any]]:
        return self.asked[-1]


@contextlib.contextmanager
def joined(file: str) -> Iterator[FakeLink]:
    """Sit where the worker sits, with nothing declared and nothing remembered."""
    fresh()
    SEAT.link = link = FakeLink(file)
    try:
        yield link
    finally:
        SEAT.link = None
        fresh()


def fresh() -> None:
    """Forget what was declared, as a process that has just begun."""
    declared.DECLARED.__init__()  # type: ignore[misc] # it is one for the process
    set_by_people.settings.__init__()  # type: ignore[misc]
    kept.state.__init__()  # type: ignore[misc]
