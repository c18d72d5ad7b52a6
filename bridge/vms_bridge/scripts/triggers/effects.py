"""What scripts bring about, so that a loop is broken: a script, or several, that call themselves by what they do."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.values import Occurrence

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
ECHO_S = 10.0
"""For so long after what a script has done, what happens there may be of its doing."""
MOST_AT_ONCE, MOST_A_SECOND = 200.0, 2.0
"""How often a loop may call a script, for each kind of what happens and each thing that is acted on."""
_MOST_KNOWN = 2_000
_MOST_ACTORS = 16
"""How many scripts are remembered that act on the same thing."""
REMIND_S = 600.0
"""How often a loop is told of."""
_OF_MONITORS = frozenset({"alarm", "monitor_state", "event", "detection"})


@dataclass(frozen=True, slots=True)
class _Act:
    """A script has acted on something: `number` counts all acts."""

    script: str
    number: int
    at_s: float


class Effects:
    """Remembers what scripts have done, and whom that has called; `tell` gets a script's name and a text about its loop.

    A script that is called for what another one does is none: only where its own doing has called that one, whether at
    once or by way of others, its calls are counted. Each act counts once, however much happens after it.
    """

    def __init__(self, clock: Clock, tell: Callable[[str, str], None]) -> None:
        self._clock, self._tell = clock, tell
        self._acts: OrderedDict[str, OrderedDict[str, _Act]] = OrderedDict()
        """Who has acted on something last, by what was acted on."""
        self._called: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()
        """Whom a script has called by what it does, and when last."""
        self._numbers = itertools.count(1)
        self._loops = Buckets(clock, rate=MOST_A_SECOND, burst=MOST_AT_ONCE)
        self._judged: OrderedDict[str, tuple[int, bool]] = OrderedDict()
        """The last act for which a script was called in a loop, and whether that was too often."""
        self._told: OrderedDict[str, float] = OrderedDict()

    def did(self, script: str, what: str, words: Mapping[str, Any]) -> None:
        """Note that a script was answered what it asked for (`what` and `with` of its ask)."""
        place = _place(what, words)
        if place is not None:
            acts = self._acts.get(place, OrderedDict())
            _put(acts, script, _Act(script, next(self._numbers), self._clock.monotonic()), _MOST_ACTORS)
            _put(self._acts, place, acts)

    def lets(self, script: str, occurrence: Occurrence) -> bool:
        """Say whether a script may be called for this: not where a loop that it is part of calls it all too often."""
        if not self._acts:
            return True
        now = self._clock.monotonic()
        return all(self._lets(script, occurrence.kind, place, now) for place in _places(occurrence))

    def _lets(self, script: str, kind: str, place: str, now: float) -> bool:
        acts = [act for act in self._acts.get(place, {}).values() if now - act.at_s <= ECHO_S]
        for act in acts:
            called = self._called.get(act.script, OrderedDict())
            _put(called, script, now)
            _put(self._called, act.script, called)
        ways = [(act, way) for act in acts if (way := self._way(script, act.script, now))]
        if not ways:
            return True
        act, way = max(ways, key=lambda each: each[0].number)
        key = f"{script}\n{kind}\n{place}"
        number, is_too_often = self._judged.get(key, (0, False))
        if number != act.number:
            is_too_often = self._loops.take(key) > 0
            _put(self._judged, key, (act.number, is_too_often))
        if is_too_often:
            self._complain(script, f"{kind} of {place}", key, way, now)
        return not is_too_often

    def _way(self, first: str, last: str, now: float) -> list[str]:
        """Return by way of whom the first script's doing calls the last one; nothing where it does not."""
        ways, seen = [[first]], {first}
        for way in ways:
            if way[-1] == last:
                return way
            for one, at_s in self._called.get(way[-1], {}).items():
                if one not in seen and now - at_s <= ECHO_S:
                    seen.add(one)
                    ways.append([*way, one])
        return []

    def _complain(self, script: str, what: str, key: str, way: list[str], now: float) -> None:
        if now - self._told.get(key, -REMIND_S) < REMIND_S:
            return
        _put(self._told, key, now)
        who = "it calls itself" if len(way) == 1 else f"the scripts {' -> '.join([*way, script])} call each other"
        self._tell(script, f"{who} without end ({what}): {MOST_A_SECOND:g} times a second are let through, the rest is not told")


def _place(what: str, words: Mapping[str, Any]) -> str | None:
    """Return on what somebody acts who asks for this; None: on nothing that calls scripts."""
    match what:
        case "monitor.command":
            return f"monitor {words.get('monitor')}".casefold()
        case "system.command":
            return f"system {words.get('system')}".casefold()
        case "event.command" | "event.annotate":
            return f"event {words.get('event')}".casefold()
        case "mqtt.publish":
            return f"topic {words.get('topic')}"
    return None


def _places(occurrence: Occurrence) -> Iterator[str]:
    """Yield what somebody may have acted on, where this has happened."""
    if occurrence.kind in _OF_MONITORS and occurrence.monitor is not None:
        system, key = occurrence.monitor
        for name in (f"{system}/{key}", key, occurrence.name):
            yield f"monitor {name}".casefold()
        if occurrence.kind == "event":
            yield f"event {occurrence.subject}".casefold()
    elif occurrence.kind == "system_state":
        yield f"system {occurrence.what.get('system')}".casefold()
    elif occurrence.kind == "mqtt":
        yield f"topic {occurrence.subject}"


def _put(known: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int = _MOST_KNOWN) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > most:
        known.popitem(last=False)
