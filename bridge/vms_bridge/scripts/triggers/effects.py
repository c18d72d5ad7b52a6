"""What scripts bring about, and how often that may call scripts again: two that trigger each other must not do so for ever."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from vms_bridge.buckets import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.values import Occurrence

ECHO_S = 10.0
"""For so long after what a script has done, what happens there may be of its doing."""
MOST_AT_ONCE, MOST_A_SECOND = 200.0, 2.0
"""How often a script may be called for that, by each thing that scripts act on."""
_MOST_KNOWN = 2_000
_REMIND_S = 600.0
_OF_MONITORS = frozenset({"alarm", "monitor_state", "event", "detection"})


class Effects:
    """Remembers what scripts have done; `tell` gets a script's name and a text for its author, once in ten minutes."""

    def __init__(self, clock: Clock, tell: Callable[[str, str], None]) -> None:
        self._clock, self._tell = clock, tell
        self._done: OrderedDict[str, tuple[float, str]] = OrderedDict()
        """When something was acted on last, and by which script."""
        self._calls = Buckets(clock, rate=MOST_A_SECOND, burst=MOST_AT_ONCE)
        self._told: OrderedDict[str, float] = OrderedDict()
        self.held_back = 0
        """How many calls there were not for it."""

    def did(self, script: str, what: str, words: Mapping[str, Any]) -> None:
        """Note that a script was answered what it asked for (`what` and `with` of its ask)."""
        place = _place(what, words)
        if place is not None:
            _put(self._done, place, (self._clock.monotonic(), script))

    def lets(self, script: str, occurrence: Occurrence) -> bool:
        """Say whether a script may be called for this: not where scripts have made it happen all too often."""
        if not self._done:
            return True
        now = self._clock.monotonic()
        for place in _places(occurrence):
            found = self._done.get(place)
            if found is None:
                continue
            if now - found[0] > ECHO_S:
                del self._done[place]
            elif self._calls.take(f"{script}\n{place}"):
                self._hold_back(script, place, found[1], now)
                return False
        return True

    def _hold_back(self, script: str, place: str, by: str, now: float) -> None:
        self.held_back += 1
        key = f"{script}\n{place}"
        if now - self._told.get(key, -_REMIND_S) < _REMIND_S:
            return
        _put(self._told, key, now)
        who = "its own doing" if by == script else f"the doing of the script {by}"
        text = f"it is called for {who} too often ({place}), and is not for a while: do two scripts, or a script and itself, "
        self._tell(script, f"{text}trigger each other? {MOST_A_SECOND:g} times a second is what is let through")


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


def _put(known: OrderedDict[str, Any], key: str, value: object) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > _MOST_KNOWN:
        known.popitem(last=False)
