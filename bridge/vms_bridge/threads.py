"""Blocking work in a named thread of its own, which nobody has to wait for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def _nothing() -> None:
    """Have nothing to tidy up."""


def _forget(_: object) -> None:
    """Have nothing to close."""


def _close(close: Callable[[_T], None], outcome: concurrent.futures.Future[_T]) -> None:
    if outcome.exception() is None:
        close(outcome.result())


async def in_thread(
    name: str, work: Callable[[], _T], *, abandon: Callable[[], None] = _nothing, close: Callable[[_T], None] = _forget
) -> _T:
    """Return what `work` returns or raise what it raises.

    When nobody waits for its end any more, `abandon` tidies up, on the loop, and what `work` returns all the same is given to
    `close`, which may block, and is called in a thread too.

    A daemon thread: resolving a name can hang for a minute, and must not hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    outcome: concurrent.futures.Future[_T] = concurrent.futures.Future()

    def let_go() -> None:
        abandon()
        threading.Thread(target=_close, args=(close, outcome), name=name, daemon=True).start()

    def settle() -> None:
        if ended.done():
            let_go()
        else:
            ended.set_result(None)

    def body() -> None:
        try:
            outcome.set_result(work())
        except Exception as failure:  # noqa: BLE001  # carried over to the loop, which raises it
            outcome.set_exception(failure)
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop is closed, the program ends
            abandon()
            _close(close, outcome)

    threading.Thread(target=body, name=name, daemon=True).start()
    try:
        await ended
    except asyncio.CancelledError:
        if not ended.cancelled():  # the work has ended in the same moment
            let_go()
        raise
    return outcome.result()
