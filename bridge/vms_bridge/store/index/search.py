"""What is searched for, as one question to SQLite: which tokens an event needs, where in time, and what its row must say.

Tokens are looked up where FTS5 keeps them, newest first: a page costs what it shows, however much else there is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.errors import SearchRefused
from vms_bridge.store.index.rows import (
    DURATIONS,
    FIRST,
    OPEN,
    SCORES,
    Facet,
    duration_bucket,
    monitor_token,
    place_of,
    score_bucket,
    term_token,
)
from vms_bridge.store.index.text import words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from vms_bridge.index import Search
    from vms_bridge.store.index.values import Visible

_NEWEST = (1 << 63) - 1
_LONGEST_WORDS = 500
_MOST_WORDS = 16
_MOST_VALUES = 200
_NARROW = 5_000
_MOST_BEGINNING = 200
"""How many words may begin so."""
_CURSOR = re.compile(r"1\.(0|[1-9][0-9]{0,18})")
_LONGEST = (1 << 52) / 1_000


@dataclass(slots=True, kw_only=True)
class Question:
    """What an event must be to be found; `is_empty`: none can be.

    `tokens` are groups, of each of which it has one at least; `conditions` are of its row `e`, with their values.
    """

    monitors: tuple[int, ...] | None = None
    """Of which monitors alone; None: of any."""
    low: int = 0
    high: int = _NEWEST
    tokens: list[tuple[str, ...]] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """Which columns of its row are to be between two numbers."""
    is_empty: bool = False

    def need(self, tokens: Iterable[str]) -> None:
        """Have it need one of these tokens."""
        group = tuple(tokens)
        if group:
            self.tokens.append(group)
        else:
            self.is_empty = True

    def between(self, column: str, least: int | None, most: int | None) -> None:
        """Have a column of its row be a number between these."""
        self.columns.append(column)
        for bound, sign in ((least, ">="), (most, "<=")):
            if bound is not None:
                self.conditions.append(f"e.{column} {sign} ?")
                self.values.append(bound)

    @property
    def is_of_monitors(self) -> bool:
        """Whether monitors and time are all that is asked for."""
        return not self.conditions and len(self.tokens) == (self.monitors is not None)

    @property
    def match(self) -> str | None:
        """What FTS5 is asked for; None: nothing."""
        if not self.tokens:
            return None
        groups = " AND ".join(f"({' OR '.join(map(_quoted, group))})" for group in self.tokens)
        return f"({groups}) NOT ({' OR '.join(map(_quoted, self.without))})" if self.without else groups

    def narrow(self, connection: sqlite3.Connection) -> str | None:
        """Return a column of which so few rows are between the numbers that these are looked through; None: there is none.

        In the buckets of scores and durations there may be many that only the row tells from what is wanted.
        """
        if len(self.tokens) > len(self.columns) + (self.monitors is not None) or self.without:
            return None
        for column in self.columns:
            own = [place for place, condition in enumerate(self.conditions) if condition.startswith(f"e.{column} ")]
            where = " AND ".join(self.conditions[place] for place in own)
            query = f"SELECT count(*) FROM (SELECT 1 FROM events e WHERE {where} LIMIT ?)"  # noqa: S608 - our own names
            [count] = connection.execute(query, (*(self.values[place] for place in own), _NARROW + 1)).fetchone()
            if count <= _NARROW:
                return column
        return None

    def select_narrow(self, columns: str, column: str) -> tuple[str, list[object]]:
        """Return the same query, by the rows of a column that is narrow."""
        monitors = self.monitors or ()
        which = f" AND e.monitor IN ({', '.join('?' * len(monitors))})" if monitors else ""
        where = " AND ".join(self.conditions)
        return (
            f"SELECT {columns} FROM events e INDEXED BY events_by_{column}"  # noqa: S608 - our own names
            f" WHERE {where} AND e.key >= ? AND e.key < ?{which}",
            [*self.values, self.low, self.high, *monitors],
        )

    def select(self, columns: str) -> tuple[str, list[object]]:
        """Return the query for these columns of rows `e`, up to its order, and its values."""
        where = "".join(f" AND {condition}" for condition in self.conditions)
        if self.match is None:
            select = f"SELECT {columns} FROM events e WHERE e.key >= ? AND e.key < ?{where}"  # noqa: S608 - our own names
            return select, [self.low, self.high, *self.values]
        return (
            f"SELECT {columns} FROM postings p CROSS JOIN events e ON e.key = p.rowid"  # noqa: S608 - our own names
            f" WHERE p.postings MATCH ? AND p.rowid >= ? AND p.rowid < ?{where}",
            [self.match, self.low, self.high, *self.values],
        )


def question_of(connection: sqlite3.Connection, query: Search, visible: Visible) -> Question:
    """Return what is asked for, of what may be seen. Raises SearchRefused for what makes no sense."""
    question = Question()
    _ask_for_time(question, query)
    _ask_for_monitors(question, query, visible)
    for facet, values in (
        (Facet.KIND, query.kinds),
        (Facet.LABEL, query.labels),
        (Facet.ZONE, query.zones),
        (Facet.PLATE, query.plates),
        (Facet.FACE, query.faces),
    ):
        if values is not None:
            if len(values) > _MOST_VALUES:
                raise SearchRefused(f"{len(values)} values are too many", hint=f"name {_MOST_VALUES} of a kind at most")
            question.need(term_token(number) for number in _numbers(connection, facet, values))
    _ask_for_scores(question, query)
    _ask_for_durations(question, query)
    if query.words is not None:
        _ask_for_words(question, connection, query.words)
    if query.is_open:
        question.need([OPEN])
    elif query.is_open is False:
        if question.tokens:
            question.without.append(OPEN)
        question.conditions.append("NOT e.flags & 1")
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
    ]
    if visible.all_of - set(wanted) or not wanted:
        question.monitors = tuple(wanted)
        question.need(map(monitor_token, wanted))


def _ask_for_scores(question: Question, query: Search) -> None:
    if query.least_score is None and query.most_score is None:
        return
    least = math.ceil(_parts(query.least_score, 10_000, 0.0))
    most = math.floor(_parts(query.most_score, 10_000, 1.0))
    question.need(SCORES.between(score_bucket(least), score_bucket(most)) if least <= most else ())
    question.between("score", None if query.least_score is None else least, None if query.most_score is None else most)


def _ask_for_durations(question: Question, query: Search) -> None:
    if query.least_duration_s is None and query.most_duration_s is None:
        return
    least = math.ceil(_parts(query.least_duration_s, 1_000, 0.0))
    most = math.floor(_parts(query.most_duration_s, 1_000, _LONGEST))
    question.need(DURATIONS.between(duration_bucket(least), duration_bucket(most)) if least <= most else ())
    question.between(
        "duration", None if query.least_duration_s is None else least, None if query.most_duration_s is None else most
    )


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
        question.need(_beginning_with(connection, word) if is_beginning else [word])


def _beginning_with(connection: sqlite3.Connection, start: str) -> list[str]:
    end = start[:-1] + chr(ord(start[-1]) + 1)
    rows = connection.execute("SELECT word FROM words WHERE word >= ? AND word < ? LIMIT ?", (start, end, _MOST_BEGINNING + 1))
    found = [word for (word,) in rows]
    if len(found) > _MOST_BEGINNING:
        raise SearchRefused(f"more than {_MOST_BEGINNING} words begin with {start!r}", hint="write more of it")
    return found


def _numbers(connection: sqlite3.Connection, facet: Facet, values: Iterable[str]) -> list[int]:
    query = "SELECT number FROM terms WHERE facet = ? AND value = ?"
    rows = (connection.execute(query, (facet, _storable(value))).fetchone() for value in sorted(values))
    return [row[0] for row in rows if row is not None]


def _storable(text: str) -> str:
    """Return the text with each lone surrogate, which SQLite does not take, as a question mark."""
    return text.encode("utf-8", "replace").decode()


def _quoted(token: str) -> str:
    return f'"{token}"'
