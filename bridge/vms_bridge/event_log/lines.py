"""The lines of the event log: one JSON object each, which says how far the events above it go.

`cursor` in each line is that place in the history: behind the newest event message that is in the log so far. So a log can be
gone on with from its last line, whatever that is about.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from vms_bridge.history import Cursor

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.history import Gap

BEGINNING = b'{"what":"'
"""What every line begins with."""


def event_line(cursor: Cursor, payload: bytes) -> bytes:
    """Return the line of an event message, whose JSON is in it as it is."""
    return b'{"what":"event","cursor":"%s","message":%s}\n' % (str(cursor).encode(), payload)


def state_line(cursor: Cursor | None, time: datetime, system: str, monitor: str | None, state: bytes) -> bytes:
    """Return the line of a monitor's state, or (without a monitor) of a system's; `state` is its JSON, `null` if it is gone."""
    head = {"what": "state", "cursor": _text(cursor), "time": _utc(time), "system": system, "monitor": monitor}
    return _encoded(head)[:-1] + b',"state":%s}\n' % state


def gap_line(time: datetime, gap: Gap, after: Cursor | None) -> bytes:
    """Return the line that says that messages may be missing between `after` and its own cursor."""
    gap_ = {"what": "gap", "cursor": str(gap.goes_on), "time": _utc(time), "reason": gap.reason, "after": _text(after)}
    return _encoded(gap_) + b"\n"


def cursor_in(line: bytes) -> Cursor | None:
    """Return how far the events go up to this line; None where it does not say, or is none of ours."""
    if not line.startswith(BEGINNING):
        return None
    try:
        said = json.loads(line)
        return Cursor.parse(said["cursor"])
    except (ValueError, KeyError, TypeError, RecursionError):  # cut, overwritten, or of somebody else
        return None


def is_ours(line: bytes) -> bool:
    """Say whether this, which has no end, may be the beginning of one of our lines."""
    return line.startswith(BEGINNING) or BEGINNING.startswith(line)


def _encoded(said: dict[str, str | None]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()


def _text(cursor: Cursor | None) -> str | None:
    return None if cursor is None else str(cursor)


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
