"""When a handler is called after what it waits for has happened: later (`debounce`), if it stays so (`for_`), or not again."""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.scripts.triggers.match import Verdict
from vms_bridge.scripts.triggers.occurrences import GONE, system_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.triggers.match import Match
    from vms_bridge.scripts.values import Occurrence, Trigger

_Value = TypeVar("_Value")
MOST_SUBJECTS, MOST_TOGETHER, LEAST_SUBJECTS = 2_000, 10_000, 100
"""Of how many subjects a trigger keeps something in mind, and all triggers of a script together, but at least so many of each.

What was heard of longest ago is forgotten first.
"""
MOST_DATA_BYTES = 4 * 1024 * 1024
"""How much there may be behind all that is pending of a script; where it is more, the trigger that has most makes room."""


@dataclass(slots=True)
class _Pending:
    """What has happened, and when its handler is due (monotonic)."""

    occurrence: Occurrence
    due_s: float


class _Timed:
    """One trigger: what is pending of each subject, when each was called last, and which events it has been told of."""

    def __init__(self, match: Match, most: int) -> None:
        self.match, self.trigger, self._most = match, match.trigger, most
        self.pending: OrderedDict[str, _Pending] = OrderedDict()
        self.data_bytes = 0
        self.called: OrderedDict[str, float] = OrderedDict()
        self.told: OrderedDict[str, None] = OrderedDict()

    def take(self, subject: str) -> _Pending | None:
        """Return what is pending of a subject, and let go of it."""
        pending = self.pending.pop(subject, None)
        self.data_bytes -= 0 if pending is None else len(pending.occurrence.data)
        return pending

    def put(self, subject: str, pending: _Pending) -> bool:
        """Have this pend; say whether the oldest had to make room."""
        self.pending[subject] = pending
        self.data_bytes += len(pending.occurrence.data)
        is_full = len(self.pending) > self._most
        if is_full:
            self.drop()
        return is_full

    def drop(self) -> None:
        """Let go of the oldest that is pending."""
        self.take(next(iter(self.pending)))

    def note_call(self, group: str, now: float) -> None:
        """Note when this was called last."""
        _note(self.called, group, now, self._most)

    def note_told(self, subject: str) -> None:
        """Note that it was called for this."""
        _note(self.told, subject, None, self._most)


class Timing:
    """The time of a script's triggers, of which there are so `many`; `deliver` is called for each that is due.

    Nothing in it waits. `tell` is told, once, that more is pending than is kept.
    """

    def __init__(
        self, clock: Clock, deliver: Callable[[Trigger, Occurrence], None], tell: Callable[[str], None], *, many: int = 1
    ) -> None:
        self._clock, self._deliver, self._tell = clock, deliver, tell
        self._most = min(MOST_SUBJECTS, max(LEAST_SUBJECTS, MOST_TOGETHER // max(1, many)))
        self._is_told = False
        self._timed: dict[int, _Timed] = {}
        self._queue: list[tuple[float, int, int, str]] = []
        """When something may be due first, by trigger and subject; what was put off meanwhile is found out then."""
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return sum(len(timed.pending) for timed in self._timed.values())

    @property
    def due_s(self) -> float | None:
        """When `fire` is to be called next, by the monotonic clock; None: not before something happens."""
        return self._queue[0][0] if self._queue else None

    def hear(self, match: Match, occurrence: Occurrence) -> None:
        """Take what has happened of what this trigger is about."""
        trigger = match.trigger
        verdict = match.judge(occurrence.what)
        if verdict is Verdict.NOTHING:
            return
        timed = self._timed.get(trigger.id)
        if timed is None:
            timed = self._timed[trigger.id] = _Timed(match, self._most)
        if verdict is Verdict.UNDONE:
            self._undo(timed, occurrence.subject)
        elif trigger.for_s:
            self._wait(timed, occurrence)
        elif self._is_new(timed, occurrence):
            self._happen(timed, occurrence)

    def forget(self, gone: Occurrence) -> None:
        """Let go of what waits for something about a monitor or system that is no more: it is not so any longer."""
        for timed in self._timed.values():
            if timed.trigger.for_s:
                for subject in [key for key, one in timed.pending.items() if _is_of(one.occurrence, gone)]:
                    timed.take(subject)
                for subject in [key for key in timed.told if key.startswith(gone.subject)]:
                    del timed.told[subject]

    def fire(self) -> None:
        """Call what is due."""
        now = self._clock.monotonic()
        while self._queue and self._queue[0][0] <= now:
            _, _, trigger_id, subject = heapq.heappop(self._queue)
            timed = self._timed[trigger_id]
            pending = timed.pending.get(subject)
            if pending is None:
                continue
            if pending.due_s > now:  # it was put off
                self._push(timed, subject, pending.due_s)
                continue
            timed.take(subject)
            if not timed.trigger.for_s or self._is_new(timed, pending.occurrence):
                self._call(timed, pending.occurrence)

    def _undo(self, timed: _Timed, subject: str) -> None:
        if timed.trigger.for_s:
            timed.take(subject)
            if timed.trigger.kind != "event":
                timed.told.pop(subject, None)

    def _wait(self, timed: _Timed, occurrence: Occurrence) -> None:
        """Have it called once it has been so for long enough."""
        pending = timed.pending.get(occurrence.subject)
        if pending is not None and timed.match.is_kept:
            pending.occurrence = occurrence
            return
        if timed.match.is_kept and occurrence.subject in timed.told:
            return  # it is still so, and was called for it
        self._put(timed, occurrence.subject, occurrence, timed.trigger.for_s)

    def _happen(self, timed: _Timed, occurrence: Occurrence) -> None:
        if timed.trigger.debounce_s:
            self._put(timed, _group(occurrence), occurrence, timed.trigger.debounce_s)
        else:
            self._call(timed, occurrence)

    def _put(self, timed: _Timed, subject: str, occurrence: Occurrence, wait_s: float) -> None:
        due_s = self._clock.monotonic() + wait_s
        before = timed.take(subject)
        is_full = timed.put(subject, _Pending(occurrence, due_s))
        while sum(one.data_bytes for one in self._timed.values()) > MOST_DATA_BYTES:
            max(self._timed.values(), key=lambda one: one.data_bytes).drop()
            is_full = True
        if is_full and not self._is_told:
            self._is_told = True
            self._tell(f"line {timed.trigger.line}: too much waits for its time at once, and the oldest of it is not told")
        if before is None:
            self._push(timed, subject, due_s)

    def _push(self, timed: _Timed, subject: str, due_s: float) -> None:
        heapq.heappush(self._queue, (due_s, next(self._numbers), timed.trigger.id, subject))
        if len(self._queue) > 2 * MOST_SUBJECTS * max(1, len(self._timed)):
            self._queue = list(self._live())
            heapq.heapify(self._queue)

    def _live(self) -> Iterator[tuple[float, int, int, str]]:
        for timed in self._timed.values():
            for subject, pending in timed.pending.items():
                yield pending.due_s, next(self._numbers), timed.trigger.id, subject

    def _is_new(self, timed: _Timed, occurrence: Occurrence) -> bool:
        """Say whether its handler was not called for this already; it counts as told from now on."""
        if timed.match.is_first_only or (timed.trigger.for_s and timed.match.is_kept):
            if occurrence.subject in timed.told:
                return False
            timed.note_told(occurrence.subject)
        return True

    def _call(self, timed: _Timed, occurrence: Occurrence) -> None:
        if timed.trigger.once_per_s:
            now, group = self._clock.monotonic(), _group(occurrence)
            last = timed.called.get(group)
            if last is not None and now - last < timed.trigger.once_per_s:
                return
            timed.note_call(group, now)
        self._deliver(timed.trigger, occurrence)


def _group(occurrence: Occurrence) -> str:
    """Return by what `debounce` and `once_per` count: the monitor, or what it is about where there is none."""
    return occurrence.subject if occurrence.monitor is None else "/".join(occurrence.monitor)


def _is_of(occurrence: Occurrence, gone: Occurrence) -> bool:
    if gone.kind != GONE:
        return False
    return occurrence.monitor == gone.monitor if gone.monitor is not None else system_of(occurrence) == system_of(gone)


def _note(known: OrderedDict[str, _Value], key: str, value: _Value, most: int) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > most:
        known.popitem(last=False)
