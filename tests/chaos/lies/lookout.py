"""Looks at all that is retained while lies are told, and knows which of it may be unknown, doubtful or old just now."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.chaos.checker import compared_states, compared_topics, is_told_deleted
from tests.chaos.lies.judge import TRUE_WITHIN_S, Devices, Doubt, Onlooker
from tests.chaos.lies.schedule import SYSTEMS
from tests.chaos.lies.tales import Sort
from tests.chaos.lies.world import PAPER, PASSING, event_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tests.chaos.checker import MonitorFacts
    from tests.chaos.commands import History
    from tests.chaos.lies.web import WebLiar
    from tests.chaos.lies.world import Scene
    from tests.chaos.recorder import Recorder

_LOOK_S = 0.1
_COMPARE_S = 0.3
_STRICT_S, _LENIENT_S = 2.5, 1.0
"""For how long a field has to be wrong in the middle of things before it counts: whoever looks on may be late too."""
_LAGS = {"old": (5.0, 8.0), "new": (5.0, 2.0)}
"""How late a source may be, and how late what comes by the quickest one may be: no shared memory is read of the old one."""


_UNSURE_S = 60.0
"""So long it may take to notice a loss, and to give up a picture: three attempts, each of which may be hung."""


class Lookout:
    """Watches both systems; `faults` is what was untrue, `unknown` and the like are told by whoever lies."""

    def __init__(
        self,
        root: str,
        discovery: str,
        *,
        scenes: Mapping[str, Scene],
        liars: Mapping[str, WebLiar],
        recorder: Recorder,
        history: History,
    ) -> None:
        self._root, self._discovery = root, discovery
        self._scenes, self._liars, self._recorder, self._history = scenes, liars, recorder, history
        self._lookers = {system: Onlooker(system, lag_s=_LAGS[system][0], fast_s=_LAGS[system][1]) for system in SYSTEMS}
        self.devices = Devices(root, discovery, event_of, losing=PAPER)
        self.doubts: list[Doubt] = []
        self.faults: list[str] = []
        self.where = "before the first round"
        self._excused: dict[tuple[str, int], float] = {}
        self._liars_at_work = dict.fromkeys(SYSTEMS, 0)
        self._known_from = dict.fromkeys(SYSTEMS, 0.0)
        """From when on nothing may be unknown."""
        self._current_from = 0.0
        """From when on what is retained may not be old."""
        self._wrong_since: dict[str, float] = {}
        self._told: set[str] = set()
        self._newest_seconds: dict[tuple[str, int], dict[datetime, float]] = {}
        """By monitor: the seconds in which its newest events began, each with when it was that of the newest last."""
        for system, scene in scenes.items():
            self.devices.absent[system, PASSING] = scene.away

    @contextlib.contextmanager
    def unknown(self, system: str, sort: Sort) -> Iterator[None]:
        """Let things be unknown meanwhile, and for 10 s more; not because of the truth in odd clothes."""
        if sort is Sort.UNCLEAN:
            yield
            return
        self._liars_at_work[system] += 1
        self._known_from[system] = math.inf
        try:
            yield
        finally:
            self._liars_at_work[system] -= 1
            if not self._liars_at_work[system]:
                self._known_from[system] = time.monotonic() + TRUE_WITHIN_S

    @contextlib.contextmanager
    def old(self, within_s: float) -> Iterator[None]:
        """Let all that is retained be old meanwhile, and for so long after it."""
        self._current_from = self.devices.unsure_until = math.inf
        try:
            yield
        finally:
            self._current_from = time.monotonic() + within_s
            self.devices.unsure_until = time.monotonic() + _UNSURE_S

    @contextlib.contextmanager
    def doubt(self, system: str, part: str, *, monitor: int | None = None) -> Iterator[Doubt]:
        """Let what follows from this part be wrong meanwhile, and until it is to be forgotten."""
        doubt = Doubt(system, part, time.monotonic(), monitor=monitor)
        self.doubts.append(doubt)
        self._lookers[system].doubts.append(doubt)
        try:
            yield doubt
        finally:
            doubt.over = time.monotonic()

    def excuse(self, system: str, monitor: int) -> None:
        """Let this monitor be taken away until 10 s from now: it was told to be gone by a lie that nobody sees through."""
        self._excused[system, monitor] = time.monotonic() + TRUE_WITHIN_S

    def misdated(self, system: str) -> list[tuple[float, float]]:
        """Return the stretches in which times could be told in another zone."""
        return self._stretches(system, "zone")

    def miscounted(self, system: str) -> list[tuple[float, float]]:
        """Return the stretches in which alarm states could be read as those of another version, which counts them otherwise."""
        return self._stretches(system, "version")

    def _stretches(self, system: str, part: str) -> list[tuple[float, float]]:
        found = [doubt for doubt in self.doubts if doubt.system == system and doubt.part == part]
        return [(doubt.since, math.inf if doubt.until is None else doubt.until) for doubt in found]

    def next_round(self, where: str) -> None:
        """Begin another round: what is wrong in it is told anew."""
        self.where = where
        self._told.clear()

    async def watch(self) -> None:
        """Look on until cancelled."""
        compared_at = time.monotonic()
        while True:
            now = time.monotonic()
            for scene in self._scenes.values():
                scene.note(self._history)
            self._excused = {owner: until for owner, until in self._excused.items() if until > now}
            doubtful = {doubt.system for doubt in self.doubts if doubt.part == "version" and doubt.lasts(now)}
            self.devices.hear(self._recorder.messages, self._excused, doubtful)
            for doubt in self.doubts:
                if fault := doubt.settle(self._answered_last(doubt), now):
                    self.faults.append(fault)
            if now - compared_at >= _COMPARE_S:
                self._look(now, held_up_s=max(0.0, now - compared_at - 2 * _COMPARE_S))
                compared_at = now
            await asyncio.sleep(_LOOK_S)

    def _answered_last(self, doubt: Doubt) -> float | None:
        """Return when what is doubtful was asked for last. The version alone is asked for as a sign of life, too."""
        asked = self._liars[doubt.system].asked
        if doubt.part == "version":
            return min(asked.get("version", -math.inf), asked.get("zone", -math.inf))
        return asked.get(doubt.part)

    def untrue(self) -> dict[str, str]:
        """Return what is not true now, of what has to be."""
        now = time.monotonic()
        wrong: dict[str, str] = {}
        for system, looker in self._lookers.items():
            wrong |= looker.strictly(self._compared(system), now)
        return wrong

    def untrue_at_rest(self) -> dict[str, str]:
        """Return what is not true now, where nothing moves any more, so that nothing may be late."""
        now = time.monotonic()
        wrong: dict[str, str] = {}
        for system, looker in self._lookers.items():
            fresh = Onlooker(system, lag_s=0, fast_s=0)
            fresh.doubts = looker.doubts
            wrong |= fresh.strictly(self._compared(system), now)
        return wrong

    def _look(self, now: float, *, held_up_s: float) -> None:
        """Judge what is retained; a time in which whoever looks on was held up, as by an answer of 200 MB, counts for nobody."""
        for name in self._wrong_since:
            self._wrong_since[name] += held_up_s
        for system, looker in self._lookers.items():
            compared = self._compared(system)
            strictly, leniently = looker.strictly(compared, now), looker.leniently(compared, now)
            if now < self._current_from:
                strictly = leniently = {}
            elif now < self._known_from[system]:
                strictly = {}
            for name in compared:
                self._judge(f"{name} (strictly)", strictly.get(name), now, _STRICT_S)
                self._judge(f"{name}", leniently.get(name), now, _LENIENT_S)

    def _judge(self, name: str, wrong: str | None, now: float, lasts_s: float) -> None:
        if wrong is None:
            self._wrong_since.pop(name, None)
        elif now - self._wrong_since.setdefault(name, now) >= lasts_s and name not in self._told:
            self._told.add(name)
            self.faults.append(f"in {self.where}: {name} {wrong}")

    def _as_told(self, system: str, number: int, facts: MonitorFacts) -> MonitorFacts:
        """Take what is told as the last event for it where it may be.

        Of those that began in the same second it may be any, be it one of the second of which the newest was a moment ago,
        and one that is told to be deleted and was newer than all there are stays the last.
        """
        newest, scene = facts.newest, self._scenes[system]
        told = self._recorder.retained.get(f"{self._root}/{system}/{number}/last_event")
        if newest is None or told is None or is_told_deleted(told, newest, scene.gone, system=system):
            return facts if told is None else replace(facts, newest=None)
        now, seconds = time.monotonic(), self._newest_seconds.setdefault((system, number), {})
        seconds[newest.start] = now
        lately = {start for start, at in seconds.items() if at >= now - _LAGS[system][0]}
        same = {f'"id":"{system}-{row.id}"': row for row in scene.rows() if row.monitor == number and row.start in lately}
        return replace(facts, newest=next((row for text, row in same.items() if text.encode() in told), newest))

    def _note_newest(self, system: str, facts: Mapping[int, MonitorFacts]) -> None:
        """Note the events that are the last, where another one is told for it: they may be told a moment after their deletion."""
        compared = compared_states(facts, {}, root=self._root, system=system)
        so = {name: value for name, (_, value) in compared.items() if "/last_event " in name}
        self._lookers[system].note(so, time.monotonic())

    def _compared(self, system: str) -> dict[str, tuple[object, object]]:
        others = [other for other in SYSTEMS if other != system]
        foreign = tuple(f"{start}/{other}" for other in others for start in (self._root, self._discovery))
        retained = {topic: payload for topic, payload in self._recorder.retained.items() if not topic.startswith(foreign)}
        truly = self._scenes[system].facts()
        facts = {number: self._as_told(system, number, each) for number, each in truly.items()}
        self._note_newest(system, {number: each for number, each in truly.items() if each.newest != facts[number].newest})
        compared = compared_states(facts, retained, root=self._root, system=system)
        compared |= compared_topics(facts, retained, root=self._root, system=system, discovery=self._discovery)
        return {name: pair for name, pair in compared.items() if not _is_excused(name, system, self._excused)}


def _is_excused(name: str, system: str, excused: Mapping[tuple[str, int], float]) -> bool:
    return any(
        owner == system and f"{system}/{monitor}/" in name.replace(f"{system}-", f"{system}/") for owner, monitor in excused
    )
