from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.triggers.made import alarm, event
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
        """Have one script do something, and it happen, so often; return how often another one was called for it."""
        called = 0
        for _ in range(times):
            self.effects.did("a", what, words)
            self.clock.freeze(seconds)
            called += self.effects.lets("b", occurrence)
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
def test_a_loop_is_slowed_down_and_told_once(what: str, words: dict[str, Any], occurrence: Occurrence) -> None:
    world = World()
    called = world.play(2_000, what, words, occurrence)  # within twenty seconds
    assert MOST_AT_ONCE <= called <= MOST_AT_ONCE + 45
    assert len(world.told) == 1
    script, text = world.told[0]
    assert script == "b"
    assert "the doing of the script a" in text
    assert world.effects.held_back == 2_000 - called


def test_a_script_that_calls_itself_is_told_so() -> None:
    world = World()
    for _ in range(300):
        world.effects.did("a", "mqtt.publish", {"topic": "home/a"})
        world.effects.lets("a", MESSAGE)
    assert "its own doing" in world.told[0][1]


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
    assert world.play(1_000, what, words, occurrence) == 1_000
    assert world.told == []


def test_what_happens_long_after_is_nobodys_doing() -> None:
    world = World()
    assert world.play(600, "mqtt.publish", {"topic": "home/a"}, MESSAGE, seconds=ECHO_S + 1) == 600
    assert world.play(600, "mqtt.publish", {"topic": "home/a"}, MESSAGE, seconds=1) == 600


def test_memory_is_bounded() -> None:
    world = World()
    for number in range(5_000):
        world.effects.did("a", "mqtt.publish", {"topic": f"home/{number}"})
    assert len(world.effects._done) == 2_000
