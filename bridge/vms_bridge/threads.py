"""Blocking work in a named thread of its own, which nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def _nothing() -> None:
    """Have nothing to tidy up."""


async def in_thread(name: str, work: Callable[[], _T], *, abandon: Callable[[], None] = _nothing) -> _T:
    """Return what `work` returns or raise what it raises; `abandon` tidies up when nobody waits for its end any more.

    A daemon thread: resolving a name can hang for a minute, and must not hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    came: list[_T] = []

    def settle(error: Exception | None) -> None:
        if done.done():
            abandon()
        elif error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def body() -> None:
        error: Exception | None = None
        try:
            came.append(work())
        except Exception as failure:  # noqa: BLE001  # carried over to the loop, which raises it
            error = failure
        try:
            loop.call_soon_threadsafe(settle, error)
        except RuntimeError:  # the loop is closed, the program ends
            abandon()

    threading.Thread(target=body, name=name, daemon=True).start()
    await done
    return came[0]
