"""What an author expects of a script, held against what it did: each line a part of what the transcript has to say there.

Compared is, in its order, what the script did to others and where it failed. Anything else (logs, what it kept, what it only
asked) is compared where the file has at least one line of that kind, so that nobody has to write down what he does not care for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.trying.files import FileUnusable, read_json_lines
from vms_bridge.scripts.trying.transcript import Entry, EntryKind, in_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ACTING = frozenset(
    {
        *("monitor.command", "system.command", "event.command", "event.annotate", "media.export"),
        *("http.request", "mqtt.publish", "notify.send", "entity.declare", "entity.state", "entity.withdraw"),
    }
)
"""What a script asks for that others notice."""
_UNSAID = frozenset({"headers", "timeout_s", "qos", "retain"})
"""What an expectation that is written of what happened leaves out."""
_SAME_TIME_S = 0.01
_MOST_CELLS = 4_000_000
"""Of the table by which two long lists are laid side by side."""


def read_expected(file: Path) -> list[dict[str, Any]]:
    """Return what is expected. Raises FileUnusable."""
    found = []
    for number, said in read_json_lines(file):
        if sum(kind.value in said for kind in EntryKind) != 1:
            kinds = ", ".join(f'"{kind.value}"' for kind in EntryKind)
            raise FileUnusable(
                f"{file}:{number}: it does not say what is expected",
                hint=f'it has one of {kinds}, as {{"did": "mqtt.publish", "with": {{"topic": "home/siren"}}}}',
            )
        found.append(said)
    return found


def differences(expected: Sequence[Mapping[str, Any]], entries: Sequence[Entry]) -> list[str]:
    """Return the lines that say how the two differ, with what is alike around them; none where they do not."""
    wanted = {_kind(said) for said in expected}
    happened = [entry.said() for entry in entries if _counts(entry, wanted)]
    pairs = _aligned(expected, happened)
    if all(left is not None and right is not None for left, right in pairs):
        return []
    return [_line(left, right) for left, right in pairs]


def as_expectation(entries: Sequence[Entry]) -> list[str]:
    """Return the lines that would expect just what happened."""
    lines = []
    for entry in entries:
        if _counts(entry, set()):
            said = {"at_s": entry.at_s, entry.kind.value: entry.what}
            asked = {
                name: value
                for name, value in (entry.words.get("with") or {}).items()
                if name not in _UNSAID and value is not None
            }
            said |= {"with": asked} if asked else {}
            said |= {"text": entry.words["text"]} if "text" in entry.words else {}
            lines.append(in_json(said))
    return lines


def _kind(said: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a line is of: `did` counts by what was done, else its kind does."""
    kind = next(kind for kind in EntryKind if kind.value in said)
    return kind, str(said[kind.value]) if kind == EntryKind.DID else ""


def _counts(entry: Entry, wanted: set[tuple[str, str]]) -> bool:
    if entry.kind == EntryKind.FAILED or (entry.kind == EntryKind.DID and entry.what in ACTING):
        return True
    return (entry.kind, entry.what if entry.kind == EntryKind.DID else "") in wanted


def fits(expected: object, actual: object) -> bool:
    """Say whether the one is a part of the other: of objects the named fields, all else as it is."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(name in actual and fits(value, actual[name]) for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(fits, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, abs_tol=_SAME_TIME_S, rel_tol=1e-9)
    return expected == actual


def _aligned(
    expected: Sequence[Mapping[str, Any]], happened: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """Return both side by side, with as many that fit as can be; None where one has nothing."""
    pairs: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = []
    first = 0
    while first < min(len(expected), len(happened)) and fits(expected[first], happened[first]):
        pairs.append((expected[first], happened[first]))
        first += 1
    left, right = expected[first:], happened[first:]
    if len(left) * len(right) > _MOST_CELLS:
        return [*pairs, *((one, None) for one in left), *((None, one) for one in right)]
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for row in range(len(left) - 1, -1, -1):
        for column in range(len(right) - 1, -1, -1):
            both = 1 + best[row + 1][column + 1] if fits(left[row], right[column]) else 0
            best[row][column] = max(both, best[row + 1][column], best[row][column + 1])
    row = column = 0
    while row < len(left) or column < len(right):
        is_pair = row < len(left) and column < len(right) and fits(left[row], right[column])
        if is_pair and best[row][column] == 1 + best[row + 1][column + 1]:
            pairs.append((left[row], right[column]))
            row, column = row + 1, column + 1
        elif row < len(left) and (column == len(right) or best[row + 1][column] >= best[row][column + 1]):
            pairs.append((left[row], None))
            row += 1
        else:
            pairs.append((None, right[column]))
            column += 1
    return pairs


def _line(expected: Mapping[str, Any] | None, actual: Mapping[str, Any] | None) -> str:
    if expected is None:
        return f"+ {in_json(_short(actual or {}))}"
    return f"{'-' if actual is None else ' '} {in_json(expected)}"


def _short(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what happened without what nobody expects."""
    return {name: value for name, value in said.items() if name not in {"time", "answer", "line", "traceback"}}
