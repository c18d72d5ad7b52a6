"""What of all that happens a trigger is about: its filters, compiled once, so that what nobody wants costs next to nothing."""

from __future__ import annotations

import re
from enum import Enum
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vms_bridge.messaging import matches
from vms_bridge.scripts.triggers.kinds import WILDCARDS, plain
from vms_bridge.scripts.triggers.occurrences import MEASURED, OVER, UNKNOWN, system_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.scripts.values import Occurrence, Trigger
    from vms_bridge.views import MonitorKey


_ACTIVE = frozenset({True})
_NEW = frozenset({"new"})
_WITHIN = frozenset({"label", "zone", "min_score"})
"""Filters for what is often known only after an event has begun."""
_MOST_COMPILED = 1_000


class Verdict(Enum):
    """What an occurrence is to a trigger: what it waits for, what undoes that, or nothing to it."""

    YES = "yes"
    UNDONE = "undone"
    NOTHING = "nothing"


class Match:
    """The filters of one trigger. `is_about` is for what can be remembered of a monitor, `judge` for what it says."""

    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger
        filters = trigger.filters
        self._monitor, self._system = _globs(filters.get("monitor")), _globs(filters.get("system"))
        self.judge: Callable[[Mapping[str, Any]], Verdict] = (
            _lasting_event(filters) if trigger.kind == "event" and trigger.for_s else _JUDGES[trigger.kind](filters)
        )
        """Say what the words of an occurrence are to it."""
        self.is_kept = "to" in filters or trigger.kind in {"event", "detection", "notice"}
        """Whether what it waits for goes on when it happens again, so that its time is not counted anew."""
        self.is_first_only = trigger.kind == "event" and "step" not in filters and not _WITHIN.isdisjoint(filters)
        """Whether it waits for the first step of an event that fits, and for no more of that event."""

    def is_about_monitor(self, monitor: MonitorKey, name: str) -> bool:
        """Say whether what happens at this monitor, which people call so, is what the trigger names."""
        system, key = monitor
        if self._monitor is not None and not any(self._monitor(one.casefold()) for one in (key, name, f"{system}/{key}")):
            return False
        return self._system is None or self._system(system.casefold())

    def is_about(self, occurrence: Occurrence) -> bool:
        """Say the same of what happens somewhere else: of a system, or of none at all."""
        if occurrence.monitor is not None:
            return self.is_about_monitor(occurrence.monitor, occurrence.name)
        if self._monitor is not None:
            return False
        system = system_of(occurrence)
        if self._system is None or system is None:
            return self._system is None
        names = (system, occurrence.name) if occurrence.kind == "system_state" else (system,)
        return any(self._system(one.casefold()) for one in names)


def _globs(patterns: Sequence[str] | None) -> Callable[[str], bool] | None:
    """Return what says whether a text, without capital letters, fits one of these; None: every one does."""
    if patterns is None:
        return None
    folded = [one.casefold() for one in patterns]
    plain = frozenset(one for one in folded if WILDCARDS.isdisjoint(one))
    wild = [_compiled(one).match for one in folded if one not in plain]
    return lambda text: text in plain or any(match(text) for match in wild)


@lru_cache(maxsize=_MOST_COMPILED)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _event(filters: Mapping[str, Any], *, is_lasting: bool = False) -> Callable[[Mapping[str, Any]], Verdict]:
    """Judge steps: without `step`, that it is new, or any that first says what is in it where that is asked for."""
    is_any = is_lasting or not _WITHIN.isdisjoint(filters)
    steps = filters.get("step", None if is_any else _NEW)
    kinds, is_late = filters.get("kind"), filters.get("late", False)
    labels, zones, least = filters.get("label"), filters.get("zone"), filters.get("min_score")

    def says(what: Mapping[str, Any]) -> bool:
        if (kinds is not None and _folded(what.get("kind")) not in kinds) or (what.get("late") and not is_late):
            return False
        if labels is not None and labels.isdisjoint(map(_folded, what.get("labels") or ())):
            return False
        if zones is not None and zones.isdisjoint(map(_folded, what.get("zones") or ())):
            return False
        return least is None or _is_at_least(what.get("score"), least)

    def judge(what: Mapping[str, Any]) -> Verdict:
        step = what.get("step")
        is_step = step != "deleted" if steps is None else step in steps
        if is_step and says(what):
            return Verdict.YES
        return Verdict.UNDONE if step in OVER else Verdict.NOTHING

    return judge


def _lasting_event(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    """Judge for `for_`: what is over goes on no more, unless it was the end that was waited for."""
    judge_step, is_for_end = _event(filters, is_lasting=True), not OVER.isdisjoint(filters.get("step", ()))

    def judge(what: Mapping[str, Any]) -> Verdict:
        is_over = what.get("step") in OVER or what.get("end") is not None or what.get("end_reason") is not None
        if is_over and not is_for_end:
            return Verdict.UNDONE
        return judge_step(what)

    return judge


def _alarm(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    to, before = filters.get("to"), filters.get("from_")

    def judge(what: Mapping[str, Any]) -> Verdict:
        is_to = to is None or _folded(what.get("now") or UNKNOWN) in to
        if is_to and (before is None or _folded(what.get("before") or UNKNOWN) in before):
            return Verdict.YES
        return Verdict.NOTHING if is_to and to is not None else Verdict.UNDONE

    return judge


def _detection(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    labels, zones, least = filters.get("label"), filters.get("zone"), filters.get("min_score")
    sources = filters.get("source")

    def fits(one: Mapping[str, Any]) -> bool:
        if labels is not None and _folded(one.get("label")) not in labels:
            return False
        if zones is not None and zones.isdisjoint(map(_folded, one.get("zones") or ())):
            return False
        return least is None or _is_at_least(one.get("score"), least)

    def judge(what: Mapping[str, Any]) -> Verdict:
        if sources is not None and _folded(what.get("source")) not in sources:
            return Verdict.NOTHING
        return Verdict.YES if any(map(fits, what.get("objects") or ())) else Verdict.UNDONE

    return judge


def _state(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    fields, to = filters.get("field"), filters.get("to")

    def judge(what: Mapping[str, Any]) -> Verdict:
        field = _folded(what.get("field"))
        if field not in fields if fields is not None else field in MEASURED or what.get("follows"):
            return Verdict.NOTHING
        return Verdict.YES if to is None or _is_one_of(what.get("now"), to) else Verdict.UNDONE

    return judge


def _notice(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    kinds, is_active = filters.get("kind"), filters.get("active", _ACTIVE)

    def judge(what: Mapping[str, Any]) -> Verdict:
        if kinds is not None and _folded(what.get("kind")) not in kinds:
            return Verdict.NOTHING
        return Verdict.YES if bool(what.get("active")) in is_active else Verdict.UNDONE

    return judge


def _mqtt(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    topics = filters["topic"]

    def judge(what: Mapping[str, Any]) -> Verdict:
        return _yes(any(matches(one, str(what.get("topic"))) for one in topics))

    return judge


def _webhook(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    name = filters["name"]
    return lambda what: _yes(what.get("name") == name)


def _setting(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    names = filters.get("names")
    return lambda what: _yes(names is None or not set(names).isdisjoint(map(str, what.get("changed") or ())))


def _entity(filters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    keys = filters.get("key")
    return lambda what: _yes(keys is None or what.get("key") in keys)


def _any(_: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Verdict]:
    return lambda _: Verdict.YES


def _yes(fits: object) -> Verdict:
    return Verdict.YES if fits else Verdict.NOTHING


def _folded(value: object) -> str:
    return str(value).casefold()


def _is_at_least(score: object, least: float) -> bool:
    return isinstance(score, int | float) and not isinstance(score, bool) and score >= least


def _is_one_of(value: object, wanted: Sequence[object]) -> bool:
    """Say whether a value is one of these: True is not 1, as in JSON."""
    found = plain(value)
    return any(isinstance(found, bool) is isinstance(one, bool) and found == one for one in wanted)


_JUDGES: Mapping[str, Callable[[Mapping[str, Any]], Callable[[Mapping[str, Any]], Verdict]]] = {
    "event": _event,
    "alarm": _alarm,
    "detection": _detection,
    "monitor_state": _state,
    "system_state": _state,
    "notice": _notice,
    "mqtt": _mqtt,
    "webhook": _webhook,
    "cron": _any,
    "every": _any,
    "sun": _any,
    "startup": _any,
    "shutdown": _any,
    "setting": _setting,
    "entity": _entity,
}
