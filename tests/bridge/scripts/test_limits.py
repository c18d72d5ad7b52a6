"""What is more than the bridge takes fails in the author's own line, and all that it takes can be asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.scripts.test_api_fits import MODELS
from tests.fakes.script_link import joined

from vms_bridge import script as api
from vms_bridge.commands import Request
from vms_bridge.script.declared import DECLARED
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripts.header import read_header
from vms_bridge.scripts.services.commands import _DETAILS
from vms_bridge.scripts.services.entities import read_entities
from vms_bridge.scripts.services.table import MOST_DEPTH, _is_deeper_than
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.triggers.spec import read_triggers
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = {"id": "zm-1", "system": "zm", "monitor": "1"}
ALL = Permissions(listen=("a/#",), webhooks=("gate",), entities=True)


def x(number: int) -> str:
    return "x" * number


def many(number: int) -> list[str]:
    return [f"x{each}" for each in range(number)]


def front() -> api.Monitor:
    return api.monitors["zm/1"]


def event() -> api.Event:
    return api.Event(EVENT)


def picture() -> api.Media:
    return api.Media({"id": "m1"})


LIMITS: dict[str, tuple[float, Callable[[Any], object]]] = {
    "sleep": (366 * 86_400, api.sleep),
    "after": (366 * 86_400, lambda n: api.after(n, print)),
    "wait_for": (366 * 86_400, lambda n: api.wait_for(api.on.alarm(), timeout=n)),
    "lock's time": (600, lambda n: api.lock("a", timeout=n).__enter__()),
    "lock's name": (64, lambda n: api.lock(x(n)).__enter__()),
    "monitor": (200, lambda n: api.monitors[x(n)].state()),
    "cause": (64, lambda n: front().trigger(x(n))),
    "seconds": (86_400, lambda n: front().trigger(seconds=n)),
    "seconds of a move": (86_400, lambda n: front().move("left", seconds=n)),
    "score": (255, lambda n: front().trigger(score=n)),
    "command": (64, lambda n: front().command(x(n))),
    "value of a command": (1_000, lambda n: front().command("note", x(n))),
    "rate": (30, lambda n: front().frames(n).next()),
    "clip": (3_600, lambda n: front().clip(before=n - 1, after=1)),
    "time to come": (600, lambda n: front().clip(after=n)),
    "export": (200, lambda n: picture().export(x(n))),
    "model": (64, lambda n: api.detect(b"x", model=x(n))),
    "labels found": (100, lambda n: api.archive.find(labels=many(n))),
    "events": (500, lambda n: api.archive.find(limit=n)),
    "words": (256, lambda n: api.archive.find(words=x(n))),
    "id": (200, lambda n: api.archive.event(x(n))),
    "lines": (1_000, lambda n: api.bridge.logs(limit=n)),
    "text": (2_000, lambda n: event().annotate(text=x(n))),
    "labels": (32, lambda n: event().annotate(labels=many(n))),
    "label": (64, lambda n: event().annotate(labels=x(n))),
    "faces": (32, lambda n: event().annotate(faces=many(n))),
    "url": (2_048, lambda n: api.http.get("https://a.example/" + x(n - 18))),
    "timeout of a request": (60, lambda n: api.http.get("https://a.example/", timeout=n)),
    "headers": (64, lambda n: api.http.get("https://a.example/", headers=dict.fromkeys(many(n), "x"))),
    "secret": (64, lambda n: api.http.get("https://a.example/", headers={"A": api.secret(x(n))})),
    "prefix": (256, lambda n: api.http.get("https://a.example/", headers={"A": api.secret("a", prefix=x(n))})),
    "user": (256, lambda n: api.http.get("https://a.example/", headers={"A": api.secret("a", user=x(n))})),
    "topic": (512, lambda n: api.mqtt.publish(x(n), "")),
    "message": (4_000, lambda n: api.notify(x(n))),
    "title": (250, lambda n: api.notify("x", title=x(n))),
    "targets": (20, lambda n: api.notify("x", targets=many(n))),
    "target": (128, lambda n: api.notify("x", targets=x(n))),
    "key": (200, lambda n: api.state.set(x(n), 1)),
    "key of an entity": (40, lambda n: api.entity.sensor(x(n))),
    "name of an entity": (255, lambda n: api.entity.sensor("a", name=x(n))),
    "unit": (20, lambda n: api.entity.sensor("a", unit=x(n))),
    "device class": (40, lambda n: api.entity.sensor("a", device_class=x(n))),
    "options": (64, lambda n: api.entity.select("a", many(n))),
    "option": (255, lambda n: api.entity.select("a", [x(n)])),
    "type": (255, lambda n: api.Entity("event", "a").fire(x(n))),
    "entities": (50, lambda n: [api.entity.sensor(each) for each in many(n)]),
    "depth": (30, lambda n: api.notify("x", data={"a": deep(n)})),
    "handlers": (200, lambda n: [api.on.alarm()(print) for _ in range(n)]),
    "patterns": (50, lambda n: api.on.alarm(monitor=many(n))(print)),
    "pattern": (200, lambda n: api.on.alarm(monitor=x(n))(print)),
    "states": (50, lambda n: api.on.alarm(to=many(n))(print)),
    "for_": (7 * 86_400, lambda n: api.on.alarm(for_=n)(print)),
    "debounce": (7 * 86_400, lambda n: api.on.alarm(debounce=n)(print)),
    "once_per": (7 * 86_400, lambda n: api.on.alarm(once_per=n)(print)),
    "timeout": (86_400, lambda n: api.on.alarm(timeout=n)(print)),
    "every": (7 * 86_400, lambda n: api.every(n)(print)),
    "values": (50, lambda n: api.on.monitor_state(field="a", to=many(n))(print)),
    "settings heard of": (50, lambda n: api.on.setting(*many(n))(print)),
}


def deep(levels: int) -> Any:  # noqa: ANN401 - JSON
    return [deep(levels - 1)] if levels else 0


def asked(do: Callable[[Any], object], number: float) -> None:
    """Ask for it, and have the bridge's models look at it."""
    with joined(__file__) as link:
        link.answers |= {"lock.acquire": {"lock": 1}, "frames.open": {"stream": "s1"}, "monitor.clip": {"media": {"id": "m"}}}
        link.answers |= {"media.export": {"path": "a"}, "event.get": {"event": EVENT}, "http.request": {"status": 200}}
        do(int(number) if number == int(number) else number)
        said = json.loads(json.dumps(DECLARED.said()))
        for what, words in link.asked:
            assert not _is_deeper_than(MOST_DEPTH, words)
            read = MODELS[what].model_validate(json.loads(json.dumps(words)))
            if what == "monitor.command":
                details = {name: found for name in _DETAILS if (found := getattr(read, name)) is not None}
                Request.model_validate({"value": "x", **details})
    read_entities(said["entities"], ALL)
    read_triggers(said["triggers"], ALL, Site(time_zone="UTC"))


@pytest.mark.parametrize("name", LIMITS)
def test_as_much_as_the_api_takes_the_bridge_takes_too_and_no_more(name: str) -> None:
    most, do = LIMITS[name]
    asked(do, most)
    with joined(__file__), pytest.raises((ValueError, TypeError)) as raised:
        do(most + 1)
    assert "pydantic" not in type(raised.value).__module__


WORDS = st.one_of(
    st.sampled_from(["30s", "1h30m", "2w", "5 m", "1.5h", "500ms", "53w", "", "soon", "-5s", "10"]),
    st.text(alphabet="0123456789.smhdw ", max_size=8),
)
LENGTHS = st.one_of(WORDS, st.integers(-5, 10**9), st.floats(allow_nan=False, allow_infinity=False, width=32))
NUMBERS = st.one_of(st.none(), st.integers(-9, 9))
TEXTS = st.lists(st.text(alphabet="ab", max_size=2), max_size=3)
SETTINGS = st.one_of(
    st.tuples(st.just("Duration"), st.fixed_dictionaries({"default": LENGTHS}, optional={"min": LENGTHS, "max": LENGTHS})),
    st.tuples(
        st.just("Number"),
        st.fixed_dictionaries(
            {"default": st.integers(-9, 9)}, optional={"min": NUMBERS, "max": NUMBERS, "step": st.integers(-1, 3)}
        ),
    ),
    st.tuples(st.just("Choice"), st.fixed_dictionaries({"default": st.text(alphabet="ab", max_size=2), "options": TEXTS})),
    st.tuples(
        st.just("Text"),
        st.fixed_dictionaries(
            {"default": st.text(alphabet="ab\x00é", max_size=4)},
            optional={"max_length": st.sampled_from([0, 1, 3, 4_000, 4_001])},
        ),
    ),
    st.tuples(st.just("Switch"), st.fixed_dictionaries({"default": st.one_of(st.booleans(), st.none())})),
)


@given(SETTINGS)
def test_a_setting_that_the_header_takes_the_api_takes_too_and_the_other_way_round(declared: tuple[str, dict[str, Any]]) -> None:
    kind, words = declared
    said = ", ".join(f"{name}={value!r}" for name, value in words.items())
    text = f"from vms_bridge.script import *\nsettings(a={kind}({said}))\n"
    try:
        [setting] = read_header(text).settings
    except ScriptRefused:
        header = None
    else:
        header = (setting.checked(setting.default), setting.min, setting.max)
    try:
        made = getattr(api, kind)(**words)
    except (TypeError, ValueError):
        ours = None
    else:
        ours = (made.default, made.schema.get("min"), made.schema.get("max"))
    assert header == ours, text
