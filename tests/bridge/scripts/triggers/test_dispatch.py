from __future__ import annotations

import pytest
from tests.bridge.scripts.triggers.made import Script, alarm, event, trigger
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.messaging import Heard, MessageRefused
from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.told: list[str] = []
        self.dispatcher = Dispatcher(self.hub, self.clock, Effects(self.clock, lambda script, _: self.told.append(script)))


def test_each_hears_what_it_wants_and_nothing_when_it_has_left() -> None:
    world = World()
    one, other = Script(trigger("alarm", monitor="front*")), Script(trigger("alarm", monitor="zm/2"), trigger("event"))
    joined = world.dispatcher.join("a", one.triggers)
    world.dispatcher.join("b", other.triggers)
    for occurrence in (alarm("alarm"), alarm("alarm", monitor="2"), event(), event(number=2, late=True)):
        world.dispatcher.take(occurrence)
    assert (len(one.heard), len(other.heard)) == (2, 2)
    joined.close()
    joined.close()
    world.dispatcher.take(alarm("idle"))
    assert len(one.heard) == 2


def test_it_is_known_what_anybody_wants() -> None:
    world = World()
    changed: list[bool] = []
    world.dispatcher.on_change = lambda: changed.append(world.dispatcher.wants("event"))
    assert not world.dispatcher.wants("alarm")
    one = world.dispatcher.join("a", Script(trigger("event", monitor="zm/2")).triggers)
    two = world.dispatcher.join("b", Script(trigger("monitor_state", field=["Capture_FPS"])).triggers)
    assert world.dispatcher.wants_of("event", ("zm", "2"), "x")
    assert not world.dispatcher.wants_of("event", ("zm", "1"), "x")
    assert world.dispatcher.fields == {"capture_fps"}
    one.close()
    two.close()
    assert changed == [True, True, False, False]
    assert not world.dispatcher.wants_of("event", ("zm", "2"), "x")


def test_messages_are_heard_once_by_who_asked_for_them() -> None:
    world = World()
    one = Script(trigger("mqtt", 1, topic=["home/+", "home/door"]), trigger("mqtt", 2, topic="home/door"))
    other = Script(trigger("mqtt", topic="home/lamp"))
    joined = world.dispatcher.join("a", one.triggers)
    world.dispatcher.join("b", other.triggers)
    for topic, payload in (("home/door", b'{"open": true}'), ("home/lamp", b"\xff"), ("home/x/y", b""), ("home/a", b"1e999")):
        world.hub.messaging.heard(Heard(topic=topic, payload=payload))
    assert [(number, what.what["topic"], what.data) for number, what in one.heard] == [
        (1, "home/door", b'{"open": true}'),
        (2, "home/door", b'{"open": true}'),
        (1, "home/lamp", b"\xff"),
        (1, "home/a", b"1e999"),
    ]
    assert [(dict(what.what), what.data) for _, what in other.heard] == [({"topic": "home/lamp", "retain": False}, b"\xff")]
    joined.close()
    world.hub.messaging.heard(Heard(topic="home/door", payload=b""))
    assert len(one.heard) == 4


def test_what_is_the_bridges_own_is_refused_and_leaves_nothing_behind() -> None:
    world = World()
    script = Script(trigger("mqtt", 1, topic="home/door"), trigger("webhook", 2, name="gate"), trigger("alarm", 3))
    script.triggers.topics = ("home/door", "homeassistant/#")
    with pytest.raises(MessageRefused):
        world.dispatcher.join("a", script.triggers)
    assert not world.dispatcher.wants("alarm")
    assert world.hub.messaging._listening == {}


def test_two_scripts_that_trigger_each_other_come_to_rest() -> None:
    world = World()
    ping, pong = Script(trigger("mqtt", topic="home/ping")), Script(trigger("mqtt", topic="home/pong"))
    world.dispatcher.join("ping", ping.triggers)
    world.dispatcher.join("pong", pong.triggers)
    answered = 0
    world.hub.messaging.heard(Heard(topic="home/ping", payload=b""))
    while answered < len(ping.heard) + len(pong.heard):
        is_ping = len(ping.heard) > len(pong.heard)
        answered = len(ping.heard) + len(pong.heard)
        topic = "home/pong" if is_ping else "home/ping"
        world.dispatcher.effects.did("ping" if is_ping else "pong", "mqtt.publish", {"topic": topic})
        world.hub.messaging.heard(Heard(topic=topic, payload=b""))
    assert 390 <= answered <= 410
    assert len(world.told) == 1


def test_a_monitor_that_is_gone_is_told_to_all() -> None:
    world = World()
    script = Script(trigger("alarm", to="alarm", for_s=5))
    world.dispatcher.join("a", script.triggers)
    world.dispatcher.take(alarm("alarm"))
    assert len(script.triggers._timing) == 1
    world.dispatcher.take(occurrences.gone("zm", "1"))
    assert len(script.triggers._timing) == 0
