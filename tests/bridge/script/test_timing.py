"""Waiting, timers, locks and throttling, all by the bridge's clock; and what handlers get."""

from __future__ import annotations

import asyncio
import copy
import inspect
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge.script import Monitor, TimedOut, after, lock, log, now, on, sleep, throttle, wait_for
from vms_bridge.script.happenings import Message, happening

if TYPE_CHECKING:
    from tests.fakes.script_link import FakeLink


async def test_sleeping_is_a_timer_of_the_bridges(link: FakeLink) -> None:
    await sleep("1h30m")
    assert link.last == ("timer.open", {"seconds": 5400})
    assert now() == link.time


def test_after_calls_when_its_time_has_come(link: FakeLink, capsys: pytest.CaptureFixture[str]) -> None:
    link.held["timer.open"] = []
    later, never = after("5m", print, 1, 2), after(1, print)
    never.cancel()
    assert (later.done, never.done) == (False, True)
    for timer in link.held["timer.open"]:
        if not timer.cancelled():
            timer.set_result(None)
    ((called, args),) = link.ran
    assert args == (1, 2)
    called(*args)
    assert capsys.readouterr().out == "1 2\n"
    assert later.done
    with pytest.raises(TypeError, match="a function, without calling it"):
        after(1, None)  # type: ignore[arg-type] # that is what is tested


async def test_a_timer_whose_call_has_not_begun_can_be_cancelled(link: FakeLink) -> None:
    """Its time has come, and the call waits for its turn: in the thread of plain functions that may be for long."""
    called: list[str] = []

    async def silence() -> None:
        called.append("silence")

    timers = [after("1m", called.append, "plain"), after("1m", silence)]
    assert len(link.ran) == len(timers)
    for timer in timers:
        timer.cancel()
    for call, args in link.ran:
        outcome = call(*args)
        if inspect.isawaitable(outcome):
            await outcome
    assert [inspect.iscoroutinefunction(call) for call, _ in link.ran] == [False, True]
    assert called == []


def test_a_timer_that_is_refused_is_in_the_log_with_its_line(link: FakeLink) -> None:
    link.errors["timer.open"] = ("too_many", "at most 512 of timer.open may be under way", "")
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr] # there is one
    after("5m", print)
    assert link.ran == []
    assert [(level, text, at) for level, text, at in link.logged] == [
        ("error", "after(): at most 512 of timer.open may be under way", line)
    ]


async def test_waiting_gives_what_a_handler_gets_or_times_out(link: FakeLink) -> None:
    link.answers["wait.open"] = {"what": {"system": "zm", "monitor": "1", "name": "Front", "now": "idle"}}
    alarm = await wait_for(on.alarm(monitor="front", to="idle", for_="2s"), timeout="30s")
    assert (alarm.now, alarm.monitor) == ("idle", Monitor("zm/1"))
    what, words = link.last
    assert (what, words["timeout_s"], words["trigger"]["kind"], words["trigger"]["for_s"]) == ("wait.open", 30, "alarm", 2)
    link.answers["wait.open"] = {"timed_out": True}
    with pytest.raises(TimedOut, match="alarm has not happened within 30 s"):
        await wait_for(on.alarm(), timeout=30)
    with pytest.raises(TypeError, match="what is to happen"):
        wait_for("alarm")  # type: ignore[arg-type] # that is what is tested


async def test_a_lock_is_held_for_as_long_as_the_block(link: FakeLink) -> None:
    link.answers["lock.acquire"] = {"lock": 7}
    async with lock("gate", timeout="5s"):
        ((what, words),) = link.asked
        assert (what, words | {"line": 0}) == ("lock.acquire", {"name": "gate", "line": 0, "timeout_s": 5})
        assert words["line"]
    assert link.last == ("lock.release", {"lock": 7})
    with lock("gate"):
        pass
    assert [what for what, _ in link.asked[2:]] == ["lock.acquire", "lock.release"]
    assert set(link.asked[2][1]) == {"name", "line"}
    link.errors["lock.acquire"] = ("timeout", "others hold it", "")
    with pytest.raises(TimedOut):
        async with lock("gate"):
            raise AssertionError
    assert len(link.asked) == 5


async def test_a_lock_that_comes_too_late_is_let_go_of(link: FakeLink) -> None:
    """A handler whose time is over while the lock is on its way to it: nobody else would get that lock for an hour."""
    link.held["lock.acquire"] = []

    async def handler() -> None:
        async with lock("gate"):
            raise AssertionError

    waiting = asyncio.create_task(handler())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (granted,) = link.held["lock.acquire"]
    assert granted.set_running_or_notify_cancel()
    granted.set_result(7)
    assert link.last == ("lock.release", {"lock": 7})


async def test_throttled_calls_are_left_out_by_the_bridges_clock(link: FakeLink) -> None:
    called: list[int] = []

    @throttle("10s")
    def plain(number: int) -> int:
        called.append(number)
        return number

    @throttle(10)
    async def waits(number: int) -> None:
        called.append(number)

    assert [plain(1), plain(2)] == [1, None]
    await waits(3)
    await waits(4)
    link.passes(10)
    assert plain(5) == 5
    link.passes(-3600)
    assert plain(6) == 6
    assert called == [1, 3, 5, 6]
    assert plain.__name__ == "plain"


def test_lines_of_the_log_have_their_line(link: FakeLink) -> None:
    log.debug("a", 1)
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [(level, text) for level, text, _ in link.logged] == [
        ("debug", "a 1"),
        ("info", "b"),
        ("warning", "c"),
        ("error", "d"),
    ]
    assert link.logged[1][2] == link.logged[0][2] + 1


def test_what_a_handler_gets_has_its_words_as_attributes() -> None:
    words: dict[str, Any] = {
        "system": "zm",
        "monitor": "1",
        "name": "Front",
        "time": "2026-11-20T11:00:00Z",
        "objects": [{"label": "cat"}],
    }
    seen = happening("detection", words)
    assert (seen.monitor.path, seen.monitor.name, seen.time) == ("zm/1", "Front", datetime(2026, 11, 20, 11, tzinfo=UTC))
    assert seen.objects[0]["label"] == "cat"
    assert sorted(seen) == sorted(words)
    assert "objects" in dir(seen)
    seen.as_dict()["objects"].clear()
    assert seen.objects
    assert copy.copy(seen).system == "zm"
    assert "Detection" in repr(seen)
    with pytest.raises(AttributeError, match="Detection has no 'object'; it has monitor, name, objects, system, time"):
        seen.object  # noqa: B018 - that is what is tested
    assert happening("alarm", {"time": "soon", "monitor": None}).time == "soon"
    assert happening("event", {"id": "zm-1", "monitor": "zm/2", "monitor_name": "Back"}).monitor.name == "Back"
    message = happening("mqtt", {"topic": "a", "payload": None}, b"\xff")
    assert isinstance(message, Message)
    assert (message.topic, message.payload, message.data) == ("a", None, b"\xff")
