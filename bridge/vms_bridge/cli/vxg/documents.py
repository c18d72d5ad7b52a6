"""Documents and conditions as people and programs write them: arguments, and lines of JSON."""

from __future__ import annotations

import math
import queue
import re
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from vms_bridge.errors import BridgeError
from vms_bridge.strict_json import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.vxg import Condition, Document

    Numbered = tuple[int, str]

_CONDITION = re.compile(r"(timestamp|(long|float|string)\.[^\s=<>~]{1,128})\s*(<=|>=|=|<|>|~)\s*(.*)", re.DOTALL)
_OPERATORS = {"=": "equals", ">": "above", ">=": "at_least", "<": "below", "<=": "at_most", "~": "has_words"}
_HOW = "write it as string.label=car, float.score>=0.5, long.count<3 or string.note~words"
_LONGEST_LINE = 1024 * 1024
_AT_ONCE = 100
_WAITING = 1000
_LARGEST = 2**63
_PARTS: dict[str, tuple[type, ...]] = {"numbers": (int,), "floats": (int, float), "texts": (str,)}


class NoDocument(BridgeError):
    """A line from which no document can be made."""


class Entry(click.ParamType[tuple[str, Any]]):
    """`NAME=VALUE`, of a type."""

    name = "entry"

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:  # noqa: ANN401 - click's
        """Return name and value."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        try:
            found = self._kind(text)
        except ValueError:
            self.fail(f"{text!r} is no number", param, ctx)
        if not name or not equals:
            self.fail(f"expected NAME=VALUE, not {value!r}", param, ctx)
        return name, found


class Where(click.ParamType[Any]):
    """A condition on one field of documents."""

    name = "condition"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's
        """Return the library's condition."""
        if not isinstance(value, str):
            return value
        from vms_bridge.vxg import WrongValue, field  # noqa: PLC0415  # --help has no use for the library

        found = _CONDITION.fullmatch(value)
        if found is None or (found[3] == "~" and found[2] != "string"):
            self.fail(f"{value!r} is no condition: {_HOW}", param, ctx)
        name, kind, operator, text = found.groups()
        try:
            said: Any = _READ[kind](text)
            return getattr(field(name), _OPERATORS[operator])(said)
        except (ValueError, WrongValue, NoDocument) as error:
            self.fail(f"{value!r} is no condition: {error}", param, ctx)


def joined(conditions: Sequence[Condition], *, is_any: bool) -> Condition | None:
    """Return the condition that all of these hold, or any; None where there are none."""
    if not conditions:
        return None
    from vms_bridge.vxg import all_of, any_of  # noqa: PLC0415  # as above

    return (any_of if is_any else all_of)(*conditions)


def within(where: Condition | None, since: datetime | None, until: datetime | None) -> Condition | None:
    """Return the condition that this holds, and the document is of that time."""
    from vms_bridge.vxg import all_of, field  # noqa: PLC0415  # as above

    parts = [] if where is None else [where]
    parts += [] if since is None else [field("timestamp").at_least(since)]
    parts += [] if until is None else [field("timestamp").below(until)]
    return all_of(*parts) if parts else None


def document_of(line: str) -> Document:
    """Return the document in a line of JSON, by the library's names. Raises NoDocument."""
    from vms_bridge.vxg import Document  # noqa: PLC0415  # as above
    from vms_bridge.vxg.metadata import MOST_RAW_CHARACTERS  # noqa: PLC0415

    if len(line) > _LONGEST_LINE:
        raise NoDocument("it is too long")
    try:
        said = decode(line)
    except (ValueError, RecursionError):
        raise NoDocument("it is no JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("timestamp"), str):
        raise NoDocument('it is no object with a "timestamp"')
    if unknown := said.keys() - {"timestamp", "raw", "id", "camera_id", *_PARTS}:
        raise NoDocument(f"there is no {min(unknown)[:40]!r} in a document: timestamp, texts, numbers, floats, raw")
    raw = said.get("raw")
    if not isinstance(raw, str | None) or len(raw or "") > MOST_RAW_CHARACTERS:
        raise NoDocument(f'"raw" is no text of up to {MOST_RAW_CHARACTERS} characters')
    return Document(
        timestamp=_moment(said["timestamp"]),
        texts=_values(said, "texts"),
        numbers=_values(said, "numbers"),
        floats={name: float(value) for name, value in _values(said, "floats").items()},
        raw=raw,
    )


def batches(lines: TextIO) -> Iterator[list[Numbered]]:
    """Yield lines with their numbers as they come, as many at once as have come; empty ones are none."""
    come: queue.Queue[Numbered | BaseException | None] = queue.Queue(_WAITING)
    # Whoever is interrupted does not wait for the rest of a pipe.
    threading.Thread(target=_read, args=(lines, come), name="lines", daemon=True).start()
    is_over = False
    while not is_over:
        batch: list[Numbered] = []
        found = come.get()
        while isinstance(found, tuple):
            batch.append(found)
            if len(batch) == _AT_ONCE or come.empty():
                break
            found = come.get()
        if batch:
            yield batch
        if isinstance(found, BaseException):
            raise click.ClickException(f"the lines can't be read: {found}")
        is_over = found is None


def _read(lines: TextIO, come: queue.Queue[Numbered | BaseException | None]) -> None:
    try:
        number = 0
        while line := lines.readline(_LONGEST_LINE + 1):
            number += 1
            while not line.endswith("\n") and len(line) > _LONGEST_LINE and (rest := lines.readline(_LONGEST_LINE)):
                if rest.endswith("\n"):
                    break
            if line.strip():
                come.put((number, line.rstrip("\n")))
    except (OSError, ValueError) as error:
        come.put(error)
    else:
        come.put(None)


def _values(said: dict[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name) or {}
    if not isinstance(found, dict) or not all(_is_one(each, _PARTS[name]) for each in found.values()):
        raise NoDocument(f'"{name}" is no object of {name}')
    return found


def _is_one(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    return not isinstance(value, int) or abs(value) < _LARGEST


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise NoDocument(f"{text[:40]!r} is no number")
    return found


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NoDocument(f"{text[:40]!r} is no time such as 2026-11-20T12:00:00Z") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


_READ: dict[str | None, Callable[[str], Any]] = {"long": int, "float": _finite, "string": str, None: _moment}
