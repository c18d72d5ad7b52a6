"""Asks: they are under way at once, can be awaited or not, and what nobody waits for is told of when it fails."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.script import Monitor, TimedOut, Unavailable, monitors, sleep, wait_for
from vms_bridge.script import settings as declared
from vms_bridge.script.happenings import happening
from vms_bridge.script.plain import plain_words
from vms_bridge.script.triggers import on

if TYPE_CHECKING:
    from tests.fakes.script_link import FakeLink

ERROR = ("unavailable", "no picture", "try later")


async def test_an_ask_is_sent_when_it_is_called_and_awaited_or_not(link: FakeLink) -> None:
    link.answers["monitor.state"] = {"state": {"alarm": "idle"}}
    asked = monitors["front"].state()
    assert link.asked == [("monitor.state", {"monitor": "front"})]
    assert asked.done
    assert (await asked).alarm == "idle"
    assert (await asked)["alarm"] == "idle"
    assert monitors["front"].state().result().alarm == "idle"
    assert repr(asked).startswith("<monitor.state of line ")


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda asked: asked.alarm, AttributeError),
        (lambda asked: asked["alarm"], TypeError),
        (list, TypeError),
        (dict, TypeError),
    ],
)
def test_a_forgotten_await_is_told_as_such(link: FakeLink, mistake: Any, error: type[Exception]) -> None:  # noqa: ANN401
    for is_on_loop, way in ((True, "write `await` before it"), (False, r"write `\.result\(\)` behind it")):
        link.is_on_loop = is_on_loop
        asked = monitors["front"].state()
        with pytest.raises(error, match=rf"monitor\.state of line \d+ is not answered yet: {way}"):
            mistake(asked)
        assert not hasattr(asked, "_alarm")
    assert "not awaited" in repr(asked)


def test_what_is_had_by_a_key_is_told_so() -> None:
    with pytest.raises(AttributeError, match=r"settings\['limit'\], and not settings.limit"):
        declared.limit  # type: ignore[attr-defined] # noqa: B018 # that is what is tested
    with pytest.raises(AttributeError, match=r"monitors\['front'\], and not monitors.front"):
        monitors.front  # type: ignore[attr-defined] # noqa: B018 # the same


async def test_an_error_is_raised_where_it_is_awaited(link: FakeLink) -> None:
    link.errors["monitor.snapshot"] = ERROR
    with pytest.raises(Unavailable, match="no picture") as raised:
        await monitors["front"].snapshot()
    assert (raised.value.message, raised.value.hint, raised.value.code) == ("no picture", "try later", "unavailable")
    with pytest.raises(Unavailable):
        monitors["front"].snapshot().result(1)
    gc.collect()
    assert not link.logged


def test_an_error_that_nobody_waits_for_is_logged_even_if_it_comes_later(link: FakeLink) -> None:
    link.errors["monitor.snapshot"] = ERROR
    link.held["monitor.clip"] = []
    monitors["front"].snapshot()
    monitors["front"].clip(before=1)
    gc.collect()
    ((level, text, line),) = link.logged
    assert (level, text) == ("error", "monitor.snapshot: no picture (try later)")
    assert line > 0
    link.held["monitor.clip"][0].set_exception(TimedOut("too long"))
    assert link.logged[1][:2] == ("error", "monitor.clip: too long")
    assert link.logged[1][2] == line + 1


def test_what_makes_no_difference_unless_it_is_awaited_is_told_of(link: FakeLink) -> None:
    sleep("5s")
    wait_for(on.alarm())
    gc.collect()
    assert [text for _, text, _ in link.logged] == [
        "timer.open does nothing by itself: write `await` before it",
        "wait.open does nothing by itself: write `await` before it",
    ]


def test_a_plain_handler_can_wait_for_a_bounded_time(link: FakeLink) -> None:
    link.held["monitor.state"] = []
    with pytest.raises(TimedOut, match=r"monitor.state took longer than 0.01 s"):
        monitors["a"].state().result("10ms")
    assert link.held["monitor.state"][0].cancelled()
    link.is_on_loop = True
    asked = monitors["a"].state()
    with pytest.raises(RuntimeError, match="write `await` before it"):
        asked.result()


async def test_who_is_cancelled_takes_back_what_was_asked(link: FakeLink) -> None:
    link.held["monitor.state"] = []
    task = asyncio.ensure_future(asyncio.wait({asyncio.ensure_future(_awaiting(monitors["a"]))}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    asked = monitors["a"].state()
    asked.cancel()
    assert link.held["monitor.state"][1].cancelled()
    assert asked.done


async def _awaiting(monitor: Monitor) -> None:
    await monitor.state()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ([date(2026, 1, 2), time(7, 5)], ["2026-01-02", "07:05:00"]),
        (Monitor("zm/1", "Front"), "zm/1"),
        ({"e": happening("alarm", {"now": "idle"})}, {"e": {"now": "idle"}}),
        ({1}, [1]),
    ],
)
def test_what_authors_have_becomes_json(value: object, expected: object) -> None:
    assert plain_words(value, "x") == expected


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (float("inf"), ValueError, "x can't be inf"),
        ({1: 2}, TypeError, "x: the keys of a dict are texts, and not 1"),
        ({"a": {"b": object()}}, TypeError, r"x\['a'\]\['b'\]: object has no form in JSON"),
        (b"x", TypeError, "x: bytes has no form in JSON"),
        (Monitor, TypeError, "x: type has no form in JSON"),
        (10**30, ValueError, "x is too large a number"),
    ],
)
def test_what_has_no_form_in_json_is_told_by_its_place(value: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        plain_words(value, "x")


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="contains itself"):
        plain_words(endless, "x")


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=30, deadline=None)
@given(JSON)
def test_json_stays_what_it_is(value: object) -> None:
    assert plain_words(value, "x") == value
