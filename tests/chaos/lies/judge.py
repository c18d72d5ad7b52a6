"""Judges what is said while lies are told, and after them. Knows the contract (docs/mqtt.md), and nothing of the bridge.

What can be told from the truth must not be believed: meanwhile everything is true or unknown. What can't be told from
it by anybody is a `Doubt` about what it concerns, until it is over and for 10 s more, or until what is asked seldom was
asked again: once a minute at least.
"""

from __future__ import annotations

import html
import json
import math
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from tests.chaos.checker import NOTHING, RETAINED, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tests.e2e.broker import Message

TRUE_WITHIN_S = 10.0
TRUE_AFTER_LOSSES_S = 30.0
"""After messages were swallowed: 15 s of silence until that is noticed, 5 s until the next connection, and those 10."""
ASKED_AGAIN_S = 75.0
"""What is asked seldom is asked with the minute's look; a busy machine may be a little late."""
SELDOM = frozenset({"zone", "version", "states", "storage", "zones", "servers"})
_LATELY_S = 16.0
"""A state names a lag of 14.3 s itself where the events of eight monitors can't be read and each is asked for in its turn."""
_EVER_S = 600.0
_OVERTAKES_S = 5.0
_GONE_S = 15.0
_CONCERNS: dict[str, tuple[str, ...]] = {
    "monitors": ("",),
    "monitor": ("",),
    "status": ("alarm", "motion"),
    "events": ("event_id", "is_recording", "last_event id", "last_event start", "last_event end"),
    "zone": ("last_event start", "last_event end"),
    "version": ("alarm", "motion"),
    "states": ("run_state",),
}
"""By part, the ends of the fields that follow from it."""


@dataclass(slots=True)
class Doubt:
    """What a perfectly formed lie makes doubtful; `over` is when it was no longer told, `until` when it has to be forgotten."""

    system: str
    part: str
    since: float
    over: float | None = None
    until: float | None = None
    monitor: int | None = None

    def lasts(self, now: float) -> bool:
        """Say whether it is not to be forgotten yet."""
        return self.until is None or now <= self.until

    def covers(self, system: str, name: str, now: float) -> bool:
        """Say whether this field of this system may be wrong now."""
        if system != self.system or not self.lasts(now):
            return False
        if self.monitor is not None and not name.startswith(f"{system}/{self.monitor}/"):
            return False
        return name.endswith(_CONCERNS.get(self.part, ()))

    def settle(self, asked: float | None, now: float) -> str | None:
        """Find out until when this may last, by when that part was answered truly last; return what is wrong with that."""
        if self.over is None or self.until is not None:
            return None
        if self.part not in SELDOM:
            self.until = self.over + TRUE_WITHIN_S
        elif asked is not None and asked > self.over:
            self.until = asked + TRUE_WITHIN_S
        elif now > self.over + ASKED_AGAIN_S:
            self.until = now
            return f"{self.system}: {self.part} was not asked for again within {ASKED_AGAIN_S:g} s"
        return None


class Onlooker:
    """Looks at one system's retained states all the time, and finds what is untrue while lies are told."""

    def __init__(self, system: str, *, lag_s: float, fast_s: float) -> None:
        self.system = system
        self.doubts: list[Doubt] = []
        self._strict = Truth(lag_s=lag_s, fast_s=fast_s, topic_s=_LATELY_S)
        self._lenient = Truth(lag_s=_LATELY_S, fast_s=_LATELY_S, topic_s=_LATELY_S)
        self._ever = Truth(lag_s=_EVER_S, fast_s=_EVER_S)

    def note(self, so: Mapping[str, object], now: float) -> None:
        """Take in what is so as well as what is compared next: whoever says it later tells what was so a moment ago."""
        for truth in (self._strict, self._lenient, self._ever):
            truth.note(so, now)

    def strictly(self, compared: Mapping[str, tuple[object, object]], now: float) -> dict[str, str]:
        """Return what is not true: unknown is not."""
        return self._but_doubts(self._strict.untrue(compared, now), now)

    def leniently(self, compared: Mapping[str, tuple[object, object]], now: float) -> dict[str, str]:
        """Return what is neither true nor said to be unknown; the last event that is known of is one that there was."""
        live = {name: pair for name, pair in compared.items() if "/last_event " not in name}
        wrong = self._lenient.untrue(live, now)
        wrong |= self._ever.untrue({name: pair for name, pair in compared.items() if name not in live}, now)
        wrong = self._but_doubts(wrong, now)
        return {name: text for name, text in wrong.items() if not _is_unknown(name, compared[name][0])}

    def _but_doubts(self, wrong: Mapping[str, str], now: float) -> dict[str, str]:
        self.doubts = [doubt for doubt in self.doubts if doubt.lasts(now)]
        return {
            name: text for name, text in wrong.items() if not any(doubt.covers(self.system, name, now) for doubt in self.doubts)
        }


def _is_unknown(name: str, said: object) -> bool:
    """Say whether nothing is said, as by a topic that is not there yet, or still there; `Devices` finds what is taken away."""
    return said is None or said == NOTHING or name.endswith(RETAINED) or (name.endswith("available") and said is False)


@dataclass(slots=True)
class Devices:
    """Hears what is retained of each monitor's devices, and finds what was taken away for no reason.

    `absent` are the stretches (monotonic) in which a monitor was not there; None: it is not there now.
    """

    root: str
    discovery: str
    event_of: Callable[[bytes], str | None]
    """Tells of which event a picture is; None: it is no picture."""
    absent: dict[tuple[str, int], list[tuple[float, float | None]]] = field(default_factory=dict)
    losing: Collection[int] = ()
    """Monitors of which events are deleted now and then."""
    unsure_until: float = -math.inf
    """Until when the bridge can't be sure of what the broker keeps, as after a loss of what it sent: a picture that can't be
    had then is taken away, since it may be one of an event before."""
    _found: list[str] = field(default_factory=list)
    _cleared: list[tuple[float, tuple[str, int], str]] = field(default_factory=list)
    """Pictures that were taken away: when, whose, and on which topic."""
    _known: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    _heard: int = 0
    _newest: dict[tuple[str, int], str] = field(default_factory=dict)
    _shown: dict[tuple[str, int], str] = field(default_factory=dict)
    """By monitor: of which event the picture is."""

    @property
    def faults(self) -> list[str]:
        """All that is wrong, in sentences."""
        return self._found + [
            f"{topic} was cleared (by {at:.1f}), it showed {self._shown.get(owner)}, and no event of the monitor was deleted"
            for at, owner, topic in self._cleared
        ]

    def hear(
        self, messages: Sequence[Message], excused: Collection[tuple[str, int]] = (), doubtful: Collection[str] = ()
    ) -> None:
        """Take in what came since the last time.

        `excused` monitors were told to be away by a lie that nobody sees through, `doubtful` systems to be of a version that
        offers other things.
        """
        new, self._heard = messages[self._heard :], len(messages)
        for message in new:
            self._hear(message, excused, doubtful)

    def _hear(self, message: Message, excused: Collection[tuple[str, int]], doubtful: Collection[str]) -> None:
        owner = self._owner(message.topic)
        if owner is None:
            return
        if message.topic.endswith("/last_event") and message.payload:
            self._note_newest(owner, re.split("[-.]", json.loads(message.payload)["id"])[-1], message.at)
        if message.topic.endswith("/snapshot"):
            self._see(message, owner, excused)
        elif not message.payload:
            self._known.pop(message.topic, None)
            if owner not in excused and not self._was_away(owner, message.at):
                self._found.append(f"{message.topic} was cleared, and the monitor is there")
        elif message.topic.endswith("/config") and owner[0] not in doubtful and not self._was_away(owner, message.at):
            self._compare(message)

    def _owner(self, topic: str) -> tuple[str, int] | None:
        """Return system and monitor of a topic that is retained of a monitor."""
        if topic.startswith(f"{self.discovery}/") and topic.endswith("/config"):
            system, _, monitor = topic[len(self.discovery) + 1 : -len("/config")].partition("-")
        elif topic.startswith(f"{self.root}/") and topic.endswith(("/state", "/last_event", "/snapshot")):
            system, _, monitor = topic[len(self.root) + 1 :].rpartition("/")[0].partition("/")
        else:
            return None
        return (system, int(monitor)) if monitor.isdecimal() else None

    def _was_away(self, owner: tuple[str, int], at: float) -> bool:
        return any(start <= at and (end is None or at <= end + _GONE_S) for start, end in self.absent.get(owner, ()))

    def _note_newest(self, owner: tuple[str, int], event: str, at: float) -> None:
        """Note a monitor's newest event; pictures come over another connection, so one may have gone before this came."""
        if self._newest.get(owner) not in {None, event}:
            self._cleared = [each for each in self._cleared if each[1] != owner or each[0] < at - _OVERTAKES_S]
        self._newest[owner] = event

    def _see(self, message: Message, owner: tuple[str, int], excused: Collection[tuple[str, int]]) -> None:
        if message.payload:
            event = self.event_of(message.payload)
            if event is None:
                self._found.append(f"{message.topic} shows what is no picture: {message.payload[:40]!r}")
            self._shown[owner] = event or ""
        elif self._shown.get(owner) != self._newest.get(owner):
            return  # no picture of an event before stays beside one of which none can be had
        elif message.at < self.unsure_until or owner in excused or owner[1] in self.losing:
            return
        elif not self._was_away(owner, message.at):
            self._cleared.append((message.at, owner, message.topic))

    def _compare(self, message: Message) -> None:
        """Hold what a device offers against what it has offered: a lie takes nothing away."""
        try:
            offered = _offered(json.loads(message.payload))
        except ValueError:
            self._found.append(f"{message.topic} is no JSON")
            return
        for component, options in self._known.setdefault(message.topic, offered).items():
            if component not in offered:
                self._found.append(f"{message.topic} has lost {component}")
            elif options - offered[component]:
                self._found.append(f"{message.topic}: {component} has lost {sorted(options - offered[component])}")


def _offered(payload: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return what a device offers: its components, each with what can be chosen."""
    components: Mapping[str, Any] = payload.get("cmps") or payload.get("components") or {}
    return {
        key: set(each.get("ops") or each.get("options") or ())
        for key, each in components.items()
        if set(each) - {"p", "platform"}
    }


def secrets_in(text: str, secrets: Collection[str]) -> list[str]:
    """Return which of these stand in the text, as they are or encoded in one of the usual ways."""
    found = []
    for secret in secrets:
        spellings = {
            secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret), repr(secret)[1:-1],
            json.dumps(secret)[1:-1], b64encode(secret.encode()).decode(), secret.encode().hex(),
        }  # fmt: skip
        found += [f"{secret!r} as {each!r}" for each in sorted(spellings) if each in text]
    return found
