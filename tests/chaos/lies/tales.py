"""What an answer of ZoneMinder can be turned into: each lie a pure function of question, true answer, and older answers."""

from __future__ import annotations

import gzip
import html
import json
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tell = Callable[["Question", "Answer", "Past"], "Answer | None"]

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
OVERSIZE_BYTES = 31 * 1024 * 1024
_BOMB_BYTES = 200 * 1024 * 1024
_MANY_ROWS = 100_000
_DEEP = 200_000
_OLD_S = 3.0
_PAST = 64
_LISTS = {
    "monitors": ("monitors", "Monitor"),
    "events": ("events", "Event"),
    "zones": ("zones", "Zone"),
    "states": ("states", "State"),
    "storage": ("storage", "Storage"),
    "servers": ("servers", "Server"),
}
"""By part: what its list is called, and each of its rows."""
_NOTICE = (
    b"<br />\n<b>Deprecated</b>:  Optional parameter $a declared before required parameter $b is implicitly treated as a required"
    b" parameter in <b>/usr/share/zoneminder/www/api/lib/Cake/Utility/Hash.php</b> on line <b>42</b><br />\n"
)
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>ZM - Login</title></head><body>{}[]</body></html>"


class Sort(Enum):
    """What a listener can make of a lie."""

    UNCLEAN = "unclean"
    """The truth in odd clothes: it has to be believed."""
    BROKEN = "broken"
    """Recognisably no answer: nothing may be believed of it, so it makes things unknown at most."""
    BRIEF = "brief"
    """Perfectly formed and false, but contradicted by every second look: an absence that is seen once is none."""
    HIDDEN = "hidden"
    """Perfectly formed and false, for as long as it lasts: it can't be told from the truth by anybody."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as a lie depends on it; `part` names what is asked for, `raw` is all of it with its secrets."""

    method: str
    path: str
    part: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; one that `breaks_off` announces all of its body and sends half of it."""

    status: int
    body: bytes
    content_type: str = JSON
    encoding: str | None = None
    location: str | None = None
    breaks_off: bool = False

    @property
    def json(self) -> Any:  # noqa: ANN401 - it may be anything
        """The body, parsed; None if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(slots=True)
class Past:
    """The true answers of before, by part and path."""

    answers: dict[tuple[str, str], deque[tuple[float, Answer]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_PAST))
    )
    now: float = 0.0

    def note(self, question: Question, answer: Answer, now: float) -> None:
        """Remember a good answer."""
        self.now = now
        if answer.status == 200 and answer.body:
            self.answers[question.part, _shape(question)].append((now, answer))

    def older(self, question: Question, answer: Answer) -> Answer | None:
        """Return an earlier answer to the like of this question that says something else now."""
        known = self.answers.get((question.part, _shape(question)), ())
        return next((old for at, old in known if self.now - at >= _OLD_S and old.body != answer.body), None)

    def of(self, part: str) -> Answer | None:
        """Return the newest answer of another part."""
        newest = [known[-1] for (each, _), known in self.answers.items() if each == part and known]
        return max(newest, key=lambda each: each[0])[1] if newest else None


@dataclass(frozen=True, slots=True)
class Tale:
    """One kind of lie about an HTTP answer.

    One that is told at a connection's beginning (`begins`) is preceded by a loss, so that there is a beginning. One that
    `replaces` is told instead of asking ZoneMinder at all.
    """

    tell: Tell
    parts: tuple[str, ...]
    sort: Sort
    begins: tuple[str, ...] = ()
    replaces: bool = False


def rows_of(answer: Answer, part: str) -> list[dict[str, Any]]:
    """Return the rows of a list; none where it is no list."""
    plural, single = _LISTS.get(part, ("", ""))
    listed = answer.json.get(plural) if isinstance(answer.json, dict) else None
    return [item[single] for item in listed or () if isinstance(item, dict) and single in item]


def poisoned(number: int, *, is_empty: bool) -> Tell:
    """Return the lie by which one event's row makes every page that holds it a 500, or an empty 200."""

    def tell(_question: Question, answer: Answer, _past: Past) -> Answer | None:
        if not any(int(row["Id"]) == number for row in rows_of(answer, "events")):
            return None
        return Answer(200, b"") if is_empty else _error(500, "PDOException", "Malformed UTF-8 characters")

    return tell


def _shape(question: Question) -> str:
    """Return the path without the numbers in its filters: one answer of these may be taken for another by a careless cache."""
    if question.part != "events":
        return question.path
    return "/".join(sorted({segment.partition(":")[0] for segment in question.path.split("/")}))


def _error(status: int, kind: str, message: str) -> Answer:
    exception = {"class": kind, "code": status, "message": message}
    body = {"success": False, "data": {"name": message, "message": message, "url": "/zm/api/", "exception": exception}}
    return Answer(status, json.dumps(body).encode())


def _as_json(answer: Answer, value: object) -> Answer:
    return replace(answer, body=json.dumps(value).encode())


def _with_rows(
    question: Question, answer: Answer, change: Callable[[list[Any]], list[Any] | None], *, at_least: int = 1
) -> Answer | None:
    """Return the list with other rows, where it has that many."""
    plural, _ = _LISTS[question.part]
    body = answer.json
    if not isinstance(body, dict) or not isinstance(body.get(plural), list) or len(body[plural]) < at_least:
        return None
    return _as_json(answer, body | {plural: change(body[plural])})


def _on_truth(change: Callable[[Answer], Answer]) -> Tell:
    """Make a lie of what is done to any good answer."""
    return lambda _question, answer, _past: change(answer) if answer.status == 200 and answer.body else None


def _instead(lie: Answer) -> Tell:
    return lambda _question, _answer, _past: lie


def _null(question: Question, answer: Answer, _past: Past) -> Answer | None:
    body = answer.json
    if question.part not in _LISTS or not isinstance(body, dict):
        return replace(answer, body=b"null")
    return _as_json(answer, body | {_LISTS[question.part][0]: None})


def _latin(question: Question, answer: Answer, _past: Past) -> Answer | None:
    """Write one text in bytes that are no UTF-8, as an old database does."""
    body, (plural, single) = answer.json, _LISTS[question.part]
    if not rows_of(answer, question.part):
        return None
    body[plural][0][single]["Name" if question.part == "monitors" else "Notes"] += " Süd"
    return replace(answer, body=json.dumps(body, ensure_ascii=False).encode("latin-1", "replace"))


def _retyped(_question: Question, answer: Answer, _past: Past) -> Answer | None:
    def text(value: object) -> object:
        if isinstance(value, dict):
            return {key: text(item) for key, item in value.items()}
        if isinstance(value, list):
            return [text(item) for item in value]
        if isinstance(value, bool):
            return str(int(value))
        return str(value) if isinstance(value, int | float) else value

    return _as_json(answer, text(answer.json)) if isinstance(answer.json, dict) else None


def _without(key: str, *, everywhere: bool) -> Tell:
    """Take a key from all rows, or from the one in the middle."""

    def tell(question: Question, answer: Answer, _past: Past) -> Answer | None:
        def change(items: list[Any]) -> list[Any]:
            chosen = range(len(items)) if everywhere else [len(items) // 2]
            single = _LISTS[question.part][1]
            for index in chosen:
                items[index][single].pop(key, None)
                if key == "StartDateTime":
                    items[index][single].pop("StartTime", None)
                    items[index][single].pop("StartTimeSecs", None)
            return items

        return _with_rows(question, answer, change)

    return tell


def _swapped(question: Question, _answer: Answer, past: Past) -> Answer | None:
    return past.of(_SWAPS[question.part])


def _stale(question: Question, answer: Answer, past: Past) -> Answer | None:
    return past.older(question, answer)


def _echo(question: Question, _answer: Answer, _past: Past) -> Answer | None:
    """Fail as a framework in debug mode does: with everything that was sent, as it was sent and as a page quotes it."""
    page = f"<html><body><h1>Internal Server Error</h1><pre>{question.raw}\n{html.escape(question.raw)}</pre></body></html>"
    return Answer(500, page.encode(), HTML)


def _echo_json(question: Question, _answer: Answer, _past: Past) -> Answer | None:
    return _error(500, "PDOException", f"SQLSTATE[42000] near '{question.raw}'")


def _huge(_question: Question, answer: Answer, _past: Past) -> Answer | None:
    if answer.status != 200 or not answer.body.startswith(b"{"):
        return None
    padding = OVERSIZE_BYTES - len(answer.body)
    return replace(answer, body=b'{"padding": "' + b"x" * padding + b'", ' + answer.body[1:])


def _many(question: Question, answer: Answer, _past: Past) -> Answer | None:
    if not rows_of(answer, question.part):
        return None
    return replace(answer, body=_a_hundred_thousand(question.part))


@cache
def _a_hundred_thousand(part: str) -> bytes:
    plural, single = _LISTS[part]
    rest = {"Name": "x", "MonitorId": 1, "StartDateTime": "2020-01-01 00:00:00", "Function": "Modect"}
    return json.dumps({plural: [{single: {"Id": 1_000_000 + each, **rest}} for each in range(_MANY_ROWS)]}).encode()


@cache
def _bomb() -> bytes:
    return gzip.compress(b'{"padding": "' + b"0" * _BOMB_BYTES)


def _another(part: str, *values: str) -> Tell:
    """Tell another zone or version than the true one."""
    key = {"zone": "tz", "version": "version"}[part]

    def tell(_question: Question, answer: Answer, _past: Past) -> Answer | None:
        body = answer.json
        if not isinstance(body, dict) or key not in body:
            return None
        return _as_json(answer, body | {key: next(value for value in values if value != body[key])})

    return tell


def _not_done(question: Question, _answer: Answer, _past: Past) -> Answer | None:
    done = {"message": "Saved"} if question.part == "edit" else {"status": "Alarmed event id: 1", "output": ""}
    return Answer(200, json.dumps(done).encode())


def _keep(change: Callable[[list[Any]], list[Any]], *, at_least: int = 1) -> Tell:
    """Make a lie of what is done to a list's rows."""
    return lambda question, answer, _past: _with_rows(question, answer, change, at_least=at_least)


def _body(change: Callable[[bytes], bytes], content_type: str | None = None) -> Tell:
    """Make a lie of what is done to any good answer's bytes."""
    return _on_truth(lambda answer: replace(answer, body=change(answer.body), content_type=content_type or answer.content_type))


_SWAPS = {
    "monitors": "events", "events": "monitors", "status": "monitor", "monitor": "monitors", "states": "storage",
    "zone": "version", "version": "zone", "login": "version", "zones": "states", "storage": "zones",
}  # fmt: skip
_LISTED = ("monitors", "events")
_STEADY = (*_LISTED, "status")
"""What is asked for all the time."""
_AT_FIRST = ("version", "zone", "states", "storage", "zones", "login")
"""What is asked for at a connection's beginning, and seldom later."""
_CHANGING = ("edit", "alarm")
"""What changes something."""
_NOT_AUTHENTICATED = _error(401, "UnauthorizedException", "Not Authenticated")
_DATABASE_GONE = _error(500, "PDOException", "SQLSTATE[HY000] [2002] Connection refused")
_GATEWAY = Answer(502, b"<html>Bad Gateway</html>", HTML)
_UNCLEAN, _BROKEN, _BRIEF, _HIDDEN = Sort

TALES: dict[str, Tale] = {
    "notice-before": Tale(
        _body(lambda body: _NOTICE + body, HTML), (*_STEADY, "monitor", *_CHANGING), _UNCLEAN, begins=_AT_FIRST
    ),
    "notice-behind": Tale(
        _body(lambda body: body + _NOTICE, HTML), (*_STEADY, "monitor", *_CHANGING), _UNCLEAN, begins=_AT_FIRST
    ),
    "mark": Tale(_body(lambda body: b"\xef\xbb\xbf" + body), _STEADY, _UNCLEAN, begins=_AT_FIRST),
    "type": Tale(_body(bytes, "text/html; charset=ISO-8859-1"), _STEADY, _UNCLEAN, begins=_AT_FIRST),
    "latin": Tale(_latin, _LISTED, _UNCLEAN),
    "double": Tale(_keep(lambda rows: [row for row in rows for _ in range(2)]), _LISTED, _UNCLEAN),
    "backwards": Tale(_keep(lambda rows: rows[::-1], at_least=2), _LISTED, _UNCLEAN),
    "text": Tale(_retyped, _STEADY, _UNCLEAN),
    "packed": Tale(
        _on_truth(lambda answer: replace(answer, body=gzip.compress(answer.body), encoding="gzip")), _STEADY, _UNCLEAN
    ),
    "empty": Tale(_instead(Answer(200, b"")), (*_STEADY, "monitor", "all", *_CHANGING), _BROKEN, begins=_AT_FIRST),
    "null": Tale(_null, _STEADY, _BROKEN, begins=_AT_FIRST),
    "bare": Tale(_instead(Answer(200, b"[]")), _STEADY, _BROKEN, begins=_AT_FIRST),
    "keyless": Tale(_instead(Answer(200, b'{"output": "", "success": true}')), (*_STEADY, *_CHANGING), _BROKEN, begins=_AT_FIRST),
    "ids-missing": Tale(_without("Id", everywhere=True), _LISTED, _BROKEN),
    "id-missing": Tale(_without("Id", everywhere=False), _LISTED, _BROKEN),
    "starts-missing": Tale(_without("StartDateTime", everywhere=True), ("events",), _BROKEN),
    "start-missing": Tale(_without("StartDateTime", everywhere=False), ("events",), _BROKEN),
    "cut": Tale(_body(lambda body: body[: len(body) // 2]), _STEADY, _BROKEN, begins=_AT_FIRST),
    "cut-off": Tale(
        _on_truth(lambda answer: replace(answer, breaks_off=True)), (*_STEADY, *_CHANGING), _BROKEN, begins=_AT_FIRST
    ),
    "swapped": Tale(_swapped, (*_STEADY, "monitor"), _BROKEN, begins=_AT_FIRST),
    "error-200": Tale(_instead(replace(_DATABASE_GONE, status=200)), (*_STEADY, *_CHANGING), _BROKEN, begins=_AT_FIRST),
    "page": Tale(_instead(Answer(200, _LOGIN_PAGE, HTML)), (*_STEADY, "picture"), _BROKEN, begins=_AT_FIRST),
    "500": Tale(_instead(_DATABASE_GONE), _STEADY, _BROKEN, begins=_AT_FIRST),
    "502": Tale(_instead(_GATEWAY), (*_STEADY, "all", *_CHANGING), _BROKEN, begins=_AT_FIRST),
    "401": Tale(_instead(_NOT_AUTHENTICATED), _STEADY, _BROKEN, begins=("states", "zone")),
    "echo": Tale(_echo, _STEADY, _BROKEN, begins=("login",)),
    "echo-json": Tale(_echo_json, _STEADY, _BROKEN, begins=("login",)),
    "huge": Tale(_huge, (*_LISTED, "picture"), _BROKEN, begins=("states", "zones", "version")),
    "many": Tale(_many, _LISTED, _BROKEN),
    "bomb": Tale(lambda _question, _answer, _past: Answer(200, _bomb(), encoding="gzip"), _LISTED, _BROKEN),
    "deep": Tale(_instead(Answer(200, b"[" * _DEEP)), _STEADY, _BROKEN),
    "none": Tale(_keep(lambda _rows: []), _LISTED, _BRIEF, begins=("zones", "states", "storage")),
    "most": Tale(_keep(lambda rows: rows[: len(rows) // 4], at_least=4), ("monitors",), _BRIEF),
    "half": Tale(_keep(lambda rows: rows[: len(rows) // 2]), ("events",), _BRIEF),
    "other-half": Tale(_keep(lambda rows: rows[(len(rows) + 1) // 2 :]), ("events",), _BRIEF),
    "stale-page": Tale(_stale, ("events",), _BRIEF),
    "stale": Tale(_stale, ("monitors", "status", "monitor"), _HIDDEN),
    "another-zone": Tale(_another("zone", "Asia/Kathmandu", "America/New_York"), (), _HIDDEN, begins=("zone",)),
    "another-version": Tale(_another("version", "1.34.26", "1.36.33"), (), _HIDDEN, begins=("version",)),
    "not-done": Tale(_not_done, _CHANGING, _HIDDEN, replaces=True),
}


def kinds() -> Iterator[tuple[str, str, Tale]]:
    """Return every lie with each part that it can be told of, in a fixed order."""
    for name, tale in TALES.items():
        for part in (*tale.parts, *tale.begins):
            yield name, part, tale
