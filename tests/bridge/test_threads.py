"""Work in a thread: what becomes of what it returns when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import queue
import threading

import pytest

from vms_bridge.threads import in_thread


async def test_what_the_work_returns_or_raises_reaches_who_waits() -> None:
    assert await in_thread("work", threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await in_thread("work", lambda: 1 // 0)


async def test_what_comes_when_nobody_waits_any_more_is_closed() -> None:
    gate, closed, tidied = threading.Event(), queue.SimpleQueue[tuple[bool, str]](), threading.Event()

    def close(what: bool) -> None:  # noqa: FBT001 - what the work returns
        closed.put((what, threading.current_thread().name))

    waiting = asyncio.create_task(in_thread("slow", lambda: gate.wait(15), abandon=tidied.set, close=close))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not tidied.is_set()
    gate.set()
    assert await asyncio.to_thread(tidied.wait, 15)
    assert await asyncio.to_thread(closed.get, timeout=15) == (True, "slow")


async def test_what_comes_in_the_moment_of_giving_up_is_closed() -> None:
    closed = queue.SimpleQueue[tuple[str, str]]()

    def close(what: str) -> None:
        closed.put((what, threading.current_thread().name))

    waiting = asyncio.create_task(in_thread("quick", lambda: "a socket", close=close))
    await asyncio.sleep(0)
    for thread in threading.enumerate():
        if thread.name == "quick":
            thread.join(15)
    asyncio.get_running_loop().call_soon(waiting.cancel)  # runs when the work's end is known, and before the task goes on
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(closed.get, timeout=15) == ("a socket", "quick")


def test_what_comes_after_the_end_of_the_program_is_closed() -> None:
    gate, tidied, closed = threading.Event(), threading.Event(), threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                in_thread("slow", lambda: gate.wait(15), abandon=tidied.set, close=lambda _: closed.set()), 0.01
            )

    asyncio.run(give_up())
    assert not tidied.is_set()
    gate.set()
    assert closed.wait(15)
    assert tidied.is_set()
