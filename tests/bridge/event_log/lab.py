"""What tests of the event log share: lines to write, and a look at what is in the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vms_bridge.event_log.lines import event_line
from vms_bridge.history import Cursor

if TYPE_CHECKING:
    from pathlib import Path


def line(number: int, epoch: str = "e") -> bytes:
    return event_line(Cursor(epoch, number), b'{"id":%d,"text":"%s"}' % (number, b"x" * (number % 7)))


def content(path: Path) -> bytes:
    """Return what is in all files, the oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    return b"".join(each.read_bytes() for each in [*older, path] if each.exists())


def parsed(path: Path) -> list[dict[str, Any]]:
    """Return all lines; each is an object of JSON, and has its end."""
    written = content(path)
    assert not written or written.endswith(b"\n")
    return [json.loads(each) for each in written.splitlines()]


def events(path: Path) -> list[tuple[int, bytes]]:
    """Return position and message of each event line, byte for byte."""
    found = []
    for each in content(path).splitlines():
        said = json.loads(each)
        if said["what"] == "event":
            found.append((Cursor.parse(said["cursor"]).position, each.partition(b'"message":')[2][:-1]))
    return found
