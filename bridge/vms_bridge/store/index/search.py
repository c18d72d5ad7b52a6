"""What is searched for, as a question to the index: where in time, and by which filters in turn."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.errors import SearchRefused
from vms_bridge.model import OWN
from vms_bridge.store.index.dictionary import TermReader
from vms_bridge.store.index.filters import AnyOf, Between, Chosen, Without
from vms_bridge.store.index.rows import DURATIONS, FIRST, LASTED, MONITORS, OPEN, SCORED, SCORES, Facet, place_of
from vms_bridge.store.index.slices import plan_of
from vms_bridge.store.index.text import words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from vms_bridge.index import Search
    from vms_bridge.store.index.filters import Filter
    from vms_bridge.store.index.slices import Slices
    from vms_bridge.store.index.values import Visible

_NEWEST = (1 << 63) - 1
_LONGEST_WORDS = 500
_MOST_WORDS = 16
_MOST_VALUES = 200
_MOST_BEGINNING = 200
"""How many words may begin so."""
_CURSOR = re.compile(r"1\.(0|[1-9][0-9]{0,18})")
_LONGEST = (1 << 52) / 1_000


@dataclass(slots=True, kw_only=True)
class Question:
    """What an event must be to be found: from the key `low` to before `high`, and by all filters; `is_empty`: none can be."""

    low: int = 0
    high: int = _NEWEST
    filters: list[Filter] = field(default_factory=list)
    is_empty: bool = False

    def need(self, tokens: Iterable[int]) -> None:
        """Have it need one of these tokens."""
        group = tuple(tokens)
        if group:
            self.filters.append(AnyOf(group))
        else:
            self.is_empty = True

    def between(self, has: int, slices: Slices, least: int, most: int) -> None:
        """Have it need a number between these; what no event can have is not found."""
        least, most = max(least, 0), min(most, slices.largest)
        if least <= most:
            self.filters.append(Between(has, slices, least, most))
        else:
            self.is_empty = True


def question_of(connection: sqlite3.Connection, query: Search, visible: Visible) -> Question:
    """Return what is asked for, of what may be seen. Raises SearchRefused for what makes no sense."""
    question = Question()
    _ask_for_time(question, query)
    if query.words is not None:
        _ask_for_words(question, connection, query.words)
    for facet, values in (
        (Facet.PLATE, query.plates),
        (Facet.FACE, query.faces),
        (Facet.LABEL, query.labels),
        (Facet.ZONE, query.zones),
        (Facet.KIND, query.kinds),
    ):
        if values is not None:
            if len(values) > _MOST_VALUES:
                raise SearchRefused(f"{len(values)} values are too many", hint=f"name {_MOST_VALUES} of a kind at most")
            question.need(_numbers(connection, facet, values))
    if query.is_open is not None:
        question.filters.append(AnyOf((OPEN,)) if query.is_open else Without(OPEN))
    _ask_for_monitors(question, query, visible)
    _ask_for_scores(question, query)
    _ask_for_durations(question, query)
    return question


def cursor_of(key: int) -> str:
    """Return the cursor behind the event with this key."""
    return f"1.{key}"


def key_of(after: str) -> int:
    """Return the key that the cursor names. Raises SearchRefused for what is none."""
    found = _CURSOR.fullmatch(after)
    if found is None or int(found[1]) > _NEWEST:
        raise SearchRefused(f"{after[:50]!r} is no cursor of a search", hint="begin with the first page")
    return int(found[1])


def _ask_for_time(question: Question, query: Search) -> None:
    if any(time is not None and time.tzinfo is None for time in (query.since, query.until)):
        raise SearchRefused("a time has no time zone", hint="write one, as in 2026-11-20T12:00:00Z")
    if query.since is not None:
        question.low = place_of(query.since)
    if query.until is not None:
        question.low, question.high = max(question.low, FIRST), place_of(query.until)


def _ask_for_monitors(question: Question, query: Search, visible: Visible) -> None:
    wanted = [
        number
        for number, monitor in visible.shown.items()
        if (query.systems is None or monitor.system in query.systems)
        and (query.monitors is None or (monitor.system, monitor.key) in query.monitors)
        and query.is_own in {None, monitor.generation == OWN}
    ]
    if not wanted:
        question.is_empty = True
    elif visible.all_of - set(wanted):
        question.filters.append(Chosen(MONITORS, plan_of(wanted, list(visible.all_of), MONITORS.width)))


def _ask_for_scores(question: Question, query: Search) -> None:
    if query.least_score is not None or query.most_score is not None:
        least = math.ceil(_parts(query.least_score, 10_000, 0.0))
        most = math.floor(_parts(query.most_score, 10_000, _LONGEST))
        question.between(SCORED, SCORES, least, most)


def _ask_for_durations(question: Question, query: Search) -> None:
    if query.least_duration_s is not None or query.most_duration_s is not None:
        least = math.ceil(_parts(query.least_duration_s, 1_000, 0.0))
        most = math.floor(_parts(query.most_duration_s, 1_000, _LONGEST))
        question.between(LASTED, DURATIONS, least, most)


def _parts(value: float | None, factor: int, otherwise: float) -> float:
    """Return a bound in parts, those that are so by rounding only taken for whole. Raises SearchRefused for no number."""
    if value is None:
        return otherwise * factor
    if math.isnan(value):
        raise SearchRefused("a bound is no number")
    return round(max(-1.0, min(value, _LONGEST)) * factor, 3)


def _ask_for_words(question: Question, connection: sqlite3.Connection, text: str) -> None:
    if len(text) > _LONGEST_WORDS:
        raise SearchRefused(f"words of {len(text)} characters are too many", hint=f"write {_LONGEST_WORDS} at most")
    wanted: dict[str, bool] = {}
    for part in _storable(text).split():
        found = words(part)
        wanted.update(dict.fromkeys(found, False))
        if found and part.endswith("*"):
            wanted[found[-1]] = True
    if not wanted:
        raise SearchRefused(f"there is no word in {text[:50]!r}", hint="write words of letters or digits, such as: front door")
    if len(wanted) > _MOST_WORDS:
        raise SearchRefused(f"{len(wanted)} words are too many", hint=f"write {_MOST_WORDS} at most")
    for word, is_beginning in wanted.items():
        question.need(_beginning_with(connection, word) if is_beginning else _numbers(connection, Facet.WORD, [word]))


def _beginning_with(connection: sqlite3.Connection, start: str) -> list[int]:
    end = start[:-1] + chr(ord(start[-1]) + 1)
    query = "SELECT number FROM terms WHERE facet = ? AND value >= ? AND value < ? LIMIT ?"
    found = [number for (number,) in connection.execute(query, (Facet.WORD, start, end, _MOST_BEGINNING + 1))]
    if len(found) > _MOST_BEGINNING:
        raise SearchRefused(f"more than {_MOST_BEGINNING} words begin with {start!r}", hint="write more of it")
    return found


def _numbers(connection: sqlite3.Connection, facet: Facet, values: Iterable[str]) -> list[int]:
    terms = TermReader(connection)
    return [number for value in sorted(values) if (number := terms.number(facet, _storable(value)))]


def _storable(text: str) -> str:
    """Return the text with each lone surrogate, which SQLite does not take, as a question mark."""
    return text.encode("utf-8", "replace").decode()
