"""How what is awaited is had without an event loop: each method once more, with the same arguments and the result itself."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_O = TypeVar("_O", bound="AbstractAsyncContextManager[object]")


class Runner:
    """A thread with an event loop, which does what other threads wait for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        # Not to be waited for where a program ends without an end of `with`.
        self._thread = threading.Thread(target=self._serve, args=(self._loop,), name=self._name, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it can be asked for something."""
        return self._loop is not None

    def run(self, work: Coroutine[object, object, _T]) -> _T:
        """Return what it returns, or raise what it raises; whoever is interrupted while waiting has it cancelled."""
        if self._loop is None or threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("use it by `with`, which opens it" if self._loop is None else "it would wait for itself")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End it, and what it still does."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
            thread.join()

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            loop.run_until_complete(_end_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


class Face(Generic[_R]):
    """One part of the library without an event loop: `of` does the work, on the loop of `runner`."""

    def __init__(self, of: _R, runner: Runner) -> None:
        self._of, self._runner = of, runner


class Opened(Face[_O]):
    """The whole of a library without an event loop: opened by `with`, and closed at its end."""

    def __enter__(self) -> Self:
        """Open the way to the server. Raises VmsError."""
        self._runner.start()
        try:
            self._runner.run(_opened(self._of))
        except BaseException:
            self._runner.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._runner.run(_closed(self._of))
        finally:
            self._runner.stop()

    def __repr__(self) -> str:
        return repr(self._of)


async def _opened(whole: AbstractAsyncContextManager[object]) -> None:
    await whole.__aenter__()


async def _closed(whole: AbstractAsyncContextManager[object]) -> None:
    await whole.__aexit__(None, None, None)


def synced(
    method: Callable[Concatenate[_R, _P], Coroutine[object, object, _T]],
) -> Callable[Concatenate[Face[_R], _P], _T]:
    """Return an `async def` method as one that returns its result."""

    @wraps(method)
    def call(face: Face[_R], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return face._runner.run(method(face._of, *args, **kwargs))  # noqa: SLF001 (these two are one)

    return call


def iterated(
    method: Callable[Concatenate[_R, _P], AsyncIterator[_T]],
) -> Callable[Concatenate[Face[_R], _P], Iterator[_T]]:
    """Return a method that returns an asynchronous iterator as one that returns an iterator."""

    @wraps(method)
    def call(face: Face[_R], /, *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_T]:
        return each(face._runner, method(face._of, *args, **kwargs))  # noqa: SLF001 (these two are one)

    return call


def plain(method: Callable[Concatenate[_R, _P], _T]) -> Callable[Concatenate[Face[_R], _P], _T]:
    """Return a method that waits for nothing as it is."""

    @wraps(method)
    def call(face: Face[_R], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return method(face._of, *args, **kwargs)  # noqa: SLF001 (these two are one)

    return call


def each(runner: Runner, values: AsyncIterator[_T]) -> Iterator[_T]:
    """Yield what an asynchronous iterator yields, and end it when nobody wants more."""
    try:
        while (found := runner.run(_next(values))) is not None:
            yield found[0]
    finally:
        close = getattr(values, "aclose", None)
        if close is not None and runner.is_running:  # else the end of its loop has ended it
            runner.run(close())


async def _next(values: AsyncIterator[_T]) -> tuple[_T] | None:
    try:
        return (await anext(values),)
    except StopAsyncIteration:
        return None


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
