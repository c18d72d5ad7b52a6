from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.triggers.made import alarm, event, seen
from tests.fakes.clock import FakeClock

from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.effects import ECHO_S, MOST_AT_ONCE, Effects

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Occurrence

MESSAGE = occurrences.message("home/a", b"1")
STATE = occurrences.of("system_state", {"system": "zm", "field": "run_state", "now": "x"})


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told: list[tuple[str, str]] = []
        self.effects = Effects(self.clock, lambda script, text: self.told.append((script, text)))

    def play(self, times: int, what: str, words: dict[str, Any], occurrence: Occurrence, *, seconds: float = 0.01) -> int:
        """Have one script do something, and another one answer whatever it is called for by a message that calls the first.

        Return how often the other one was called.
        """
        called = 0
        for _ in range(times):
            self.effects.did("a", what, words)
            self.clock.freeze(seconds)
            if self.effects.lets("b", occurrence):
                called += 1
                self.effects.did("b", "mqtt.publish", {"topic": "home/back"})
                self.effects.lets("a", occurrences.message("home/back", b"1"))
        return called


@pytest.mark.parametrize(
    ("what", "words", "occurrence"),
    [
        ("monitor.command", {"monitor": "zm/1"}, alarm("alarm")),
        ("monitor.command", {"monitor": "FRONT door"}, alarm("alarm")),
        ("monitor.command", {"monitor": "1"}, event()),
        ("event.annotate", {"event": "zm-1"}, event("update")),
        ("system.command", {"system": "zm"}, STATE),
        ("mqtt.publish", {"topic": "home/a"}, MESSAGE),
    ],
)
def test_two_scripts_that_call_each_other_are_slowed_down_and_told_once(
    what: str, words: dict[str, Any], occurrence: Occurrence
) -> None:
    world = World()
    called = world.play(2_000, what, words, occurrence)  # within twenty seconds
    assert MOST_AT_ONCE <= called <= MOST_AT_ONCE + 45
    assert [script for script, _ in world.told].count("b") == 1
    assert "the scripts b -> a -> b call each other without end" in dict(world.told)["b"]


def test_a_loop_by_way_of_a_third_script_is_one_too() -> None:
    world = World()
    ring, called = {"a": "b", "b": "c", "c": "a"}, dict.fromkeys("abc", 0)
    for turn in range(3_000):
        one = "abc"[turn % 3]
        world.effects.did(one, "mqtt.publish", {"topic": f"home/{one}"})
        world.clock.freeze(0.01)
        called[ring[one]] += world.effects.lets(ring[one], occurrences.message(f"home/{one}", b"1"))
    assert all(count <= MOST_AT_ONCE + 65 for count in called.values())
    assert "c -> a -> b -> c" in dict(world.told)["c"]


def test_a_script_that_calls_itself_is_told_so() -> None:
    world = World()
    called = 0
    for _ in range(300):
        world.effects.did("a", "mqtt.publish", {"topic": "home/a"})
        called += world.effects.lets("a", MESSAGE)
    assert called == MOST_AT_ONCE
    assert [script for script, _ in world.told] == ["a"]
    assert "it calls itself without end (mqtt of topic home/a)" in world.told[0][1]


@pytest.mark.parametrize(
    ("what", "words", "occurrence"),
    [
        ("monitor.command", {"monitor": "zm/1"}, alarm("alarm")),
        ("mqtt.publish", {"topic": "home/a"}, MESSAGE),
        ("monitor.command", {"monitor": "zm/1"}, event()),
    ],
)
def test_what_another_script_does_never_keeps_anything_from_who_is_in_no_loop(
    what: str, words: dict[str, Any], occurrence: Occurrence
) -> None:
    world = World()
    for _ in range(1_000):
        world.effects.did("a", what, words)
        assert world.effects.lets("b", occurrence)
    assert world.told == []


def test_detections_use_up_nothing_of_what_alarms_need() -> None:
    """A camera that follows what it sees acts on its own monitor at every detection, and the alarms there are the world's."""
    world = World()
    for _ in range(1_000):
        world.effects.did("a", "monitor.command", {"monitor": "zm/1", "name": "ptz"})
        world.effects.lets("a", seen("person"))
    assert not world.effects.lets("a", seen("person"))
    for now in ("prealarm", "alarm", "alert", "idle"):
        assert world.effects.lets("a", alarm(now))


def test_one_act_counts_once_however_often_it_alarms_then() -> None:
    world = World()
    for number in range(5_000):
        if number % 80 == 0:
            world.effects.did("a", "monitor.command", {"monitor": "zm/1"})
        assert world.effects.lets("a", alarm("alarm" if number % 2 else "idle"))
        world.clock.freeze(0.1)


@pytest.mark.parametrize(
    ("what", "words", "occurrence"),
    [
        ("monitor.command", {"monitor": "zm/2"}, alarm("alarm")),
        ("mqtt.publish", {"topic": "home/b"}, MESSAGE),
        ("http.request", {"url": "https://example.test"}, alarm("alarm")),
        ("system.command", {"system": "zm"}, alarm("alarm")),
    ],
)
def test_what_happens_elsewhere_is_never_held_back(what: str, words: dict[str, Any], occurrence: Occurrence) -> None:
    world = World()
    for _ in range(1_000):
        world.effects.did("a", what, words)
        assert world.effects.lets("a", occurrence)
    assert world.told == []


def test_what_happens_long_after_is_nobodys_doing() -> None:
    world = World()
    assert world.play(600, "mqtt.publish", {"topic": "home/a"}, MESSAGE, seconds=ECHO_S + 1) == 600
    assert world.play(600, "mqtt.publish", {"topic": "home/a"}, MESSAGE, seconds=1) == 600


def test_memory_is_bounded() -> None:
    world = World()
    for number in range(5_000):
        world.effects.did(f"script_{number}", "mqtt.publish", {"topic": f"home/{number}"})
        world.effects.did(f"script_{number}", "mqtt.publish", {"topic": "home/a"})
        world.effects.lets(f"script_{number}", occurrences.message(f"home/{number}", b""))
    assert len(world.effects._acts) == len(world.effects._called) == len(world.effects._judged) == 2_000
    assert len(world.effects._acts["topic home/a"]) == 16
