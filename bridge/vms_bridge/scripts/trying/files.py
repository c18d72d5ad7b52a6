"""Files that an author names: scripts, replays, answers, expectations. They are read whole, and no more than that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from pathlib import Path

MOST_FILE_BYTES = 64 * 1024 * 1024


class FileUnusable(BridgeError):
    """A file of the author's can't be read, or is none of its kind; the text begins with its name and line."""

    code = "file"


def read_text(file: Path, most_bytes: int = MOST_FILE_BYTES) -> str:
    """Return what is in the file. Raises FileUnusable."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(most_bytes + 1)
    except OSError as error:
        raise FileUnusable(f"{file} can't be read: {error.strerror}", hint="check its path and its owner") from None
    if len(raw) > most_bytes:
        raise FileUnusable(f"{file} is larger than {most_bytes:,} bytes", hint="is it the file that is meant?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileUnusable(f"{file}:{line}: this is not UTF-8", hint="save the file as UTF-8") from None


def read_json_lines(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects of a file that has one a line, each with its line's number. Raises FileUnusable.

    A line that is empty, or begins with #, is passed over.
    """
    found = []
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
            raise FileUnusable(f"{file}:{number}: this is no JSON: {reason}", hint="each line is one object") from None
        if not isinstance(said, dict):
            raise FileUnusable(f"{file}:{number}: this is no JSON object", hint="each line is one object, as {...}")
        found.append((number, said))
    return found
