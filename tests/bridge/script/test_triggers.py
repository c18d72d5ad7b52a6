"""What the decorators say to the bridge, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge import script
from vms_bridge.script import When, at, cron, every, on
from vms_bridge.script.declared import DECLARED, MOST_TRIGGERS

if TYPE_CHECKING:
    from collections.abc import Callable

api: Any = script
"""As an author has it whose editor does not look at types."""


@pytest.mark.parametrize(
    ("when", "kind", "filters"),
    [
        (on.event(), "event", {"late": False}),
        (
            on.event(
                monitor=["front*", "zm/2"], system="zm", kind="alarm", label=("person", "dog"), zone="Drive", min_score=0.6,
                step=["new", "end"], late=True,
            ),
            "event",
            {
                "monitor": ["front*", "zm/2"], "system": "zm", "kind": "alarm", "label": ["person", "dog"], "zone": "Drive",
                "min_score": 0.6, "step": ["new", "end"], "late": True,
            },
        ),
        (on.alarm(monitor="front", to=["alarm", "alert"], from_="idle"), "alarm",
         {"monitor": "front", "to": ["alarm", "alert"], "from_": "idle"}),
        (on.detection(label="person", zone="Gate", min_score=1, source="detector"), "detection",
         {"label": "person", "zone": "Gate", "min_score": 1, "source": "detector"}),
        (on.monitor_state(field="connected", to=False), "monitor_state", {"field": "connected", "to": False}),
        (on.system_state(system="zm", field="run_state", to=["night", "away"]), "system_state",
         {"system": "zm", "field": "run_state", "to": ["night", "away"]}),
        (on.notice(), "notice", {"active": True}),
        (on.notice(kind="signal_lost", active=None), "notice", {"kind": "signal_lost", "active": [True, False]}),
        (on.mqtt("home/door/+"), "mqtt", {"topic": "home/door/+"}),
        (on.webhook("gate"), "webhook", {"name": "gate"}),
        (on.startup(), "startup", {}),
        (on.shutdown(), "shutdown", {}),
        (on.setting(), "setting", {}),
        (on.setting("mode", "limit"), "setting", {"names": ["mode", "limit"]}),
        (on.entity("siren"), "entity", {"key": "siren"}),
        (every("1m"), "every", {"seconds": 60}),
        (cron(" 0 7 * * mon-fri ", tz="Europe/Berlin", missed="once"), "cron",
         {"expression": "0 7 * * mon-fri", "tz": "Europe/Berlin", "missed": "once"}),
        (cron("@daily"), "cron", {"expression": "0 0 * * *", "missed": "skip"}),
        (at("7:05"), "cron", {"expression": "5 7 * * *", "missed": "skip"}),
        (at("sunset-15m"), "sun", {"event": "sunset", "offset_s": -900, "missed": "skip"}),
        (at("Dawn + 1h30m", missed="once"), "sun", {"event": "dawn", "offset_s": 5400, "missed": "once"}),
        (at("sunrise"), "sun", {"event": "sunrise", "offset_s": 0, "missed": "skip"}),
    ],
)  # fmt: skip
def test_each_says_what_it_waits_for(when: When, kind: str, filters: dict[str, object]) -> None:
    assert when.words.kind == kind
    assert when.words.filters == filters
    assert kind in repr(when)


def test_options_are_seconds() -> None:
    words = on.alarm(for_="2s", once_per="1m", timeout="5m", concurrent=True).words
    assert (words.for_s, words.debounce_s, words.once_per_s, words.timeout_s, words.concurrent) == (2, 0, 60, 300, True)
    assert on.mqtt("a", debounce="500ms").words.debounce_s == 0.5


@pytest.mark.usefixtures("link")
def test_a_decorated_function_stays_what_it_is_and_is_declared() -> None:
    @on.alarm()
    @every("5s")
    async def both(what: object) -> None:
        pass

    @on.startup
    def began() -> None:
        pass

    @on.shutdown
    def ending(*_args: object) -> None:
        pass

    assert callable(both)
    said = DECLARED.said()
    assert [(each["id"], each["kind"]) for each in said["triggers"]] == [
        (0, "every"),
        (1, "alarm"),
        (2, "startup"),
        (3, "shutdown"),
    ]
    assert said["triggers"][0]["handler"].endswith("both")
    assert said["triggers"][0]["line"] > 0
    assert [handler.takes for handler in DECLARED.handlers] == [True, True, False, True]
    assert [handler.is_async for handler in DECLARED.handlers] == [True, True, False, False]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: api.on.event(monitor=5), TypeError, "monitor is a text or a list of texts"),
        (lambda: api.on.event(monitor=""), ValueError, "monitor is empty"),
        (lambda: api.on.event(monitor=[]), ValueError, "monitor has 1 to 50 texts"),
        (lambda: api.on.event(monitor=["a", 5]), TypeError, "monitor is a text, and not 5"),
        (lambda: api.on.event(label="x" * 300), ValueError, "label has at most 200 characters"),
        (lambda: api.on.event(min_score=60), ValueError, "min_score is between 0 and 1"),
        (lambda: api.on.event(min_score="0.5"), TypeError, "min_score is a number"),
        (lambda: api.on.event(min_score=float("nan")), ValueError, "min_score"),
        (lambda: api.on.event(step="ned"), ValueError, "did you mean 'new'"),
        (lambda: api.on.event(late=1), TypeError, "late is True or False"),
        (lambda: api.on.event(debounce="1s", for_="1s"), ValueError, "for_ and debounce"),
        (lambda: api.on.alarm(timeout=0), ValueError, "timeout is more than nothing"),
        (lambda: api.on.alarm(timeout="2d"), ValueError, "at most a day"),
        (lambda: api.on.alarm(concurrent="yes"), TypeError, "concurrent is True or False"),
        (lambda: api.on.monitor_state(to={}), TypeError, "`to` is a text"),
        (lambda: api.on.mqtt(""), ValueError, "topic is empty"),
        (lambda: api.on.mqtt(on.mqtt), TypeError, "topic is a text"),
        (lambda: api.on.setting(5), TypeError, "the name of a setting"),
        (lambda: api.every(0.5), ValueError, "at least a second"),
        (lambda: api.every(print), TypeError, "interval is a number of seconds"),
        (lambda: api.cron("0 7 * *"), ValueError, "five fields"),
        (lambda: api.cron("0 7 * * *", missed="twice"), ValueError, 'missed is "skip" or "once"'),
        (lambda: api.at("25:00"), ValueError, "a time of day is"),
        (lambda: api.at("noon"), ValueError, "a time of day is"),
        (lambda: api.at("sunset-13h"), ValueError, "at most 12 hours"),
        (lambda: api.at("sunset-15x"), ValueError, "what is added to the sun's time"),
    ],
)
def test_what_is_wrong_is_told_at_once(wrong: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said.replace("(", r"\(")):
        wrong()


def yields() -> object:
    yield 1


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (5, "a handler is a function"),
        (lambda a, b: (a, b), "takes a, b"),
        (lambda *, b: b, "takes b"),
        (yields, "a `yield` in it"),
        (dict, "is a class"),
    ],
)
def test_what_can_not_be_a_handler_is_told_at_once(handler: Callable[..., object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        on.startup()(handler)


@pytest.mark.usefixtures("link")
def test_built_in_functions_and_objects_that_can_be_called_may_be_handlers() -> None:
    class Counter:
        async def __call__(self, what: object) -> None:
            pass

    on.startup(print)
    on.startup(Counter())
    assert [(handler.takes, handler.is_async) for handler in DECLARED.handlers] == [(True, False), (True, True)]


@pytest.mark.usefixtures("link")
def test_there_are_not_any_number_of_triggers_and_none_later() -> None:
    for _ in range(MOST_TRIGGERS):
        on.startup(lambda: None)
    with pytest.raises(ValueError, match="at most 200"):
        on.startup(lambda: None)
    DECLARED.is_closed = True
    with pytest.raises(RuntimeError, match="top level"):
        on.startup(lambda: None)


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    for make in (at, cron):
        try:
            when = make(text)
        except ValueError:
            continue
        assert when.words.kind in {"cron", "sun"}
