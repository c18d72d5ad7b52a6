"""`vms-bridge check` of the event log: whether it can be written, and who else can get at it. Changes nothing."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from vms_bridge.event_log.lines import BEGINNING, is_ours
from vms_bridge.findings import Finding
from vms_bridge.private_files import IS_A_LINK, exposure

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.private_files import Exposure

_ELSEWHERE = "set file: to another place, or move it away"
_CHOWN = "give it to the user that runs the bridge (chown), or set file: to another place"


def findings(file: Path | None) -> list[Finding]:
    """Return what is found; None is standard output. Blocking."""
    if file is None:
        return [Finding(text="lines go to standard output")]
    return _of_file(file) or [_of_directory(file.parent), *exposures(file)]


def _of_file(file: Path) -> list[Finding]:
    """Return what is wrong with the file itself."""
    try:
        wrong = _wrong(file, file.lstat().st_mode)
    except FileNotFoundError:
        return []
    except OSError as error:
        wrong = f"can't be used: {error.strerror}", _ELSEWHERE
    return [] if wrong is None else [Finding(text=f"{file} {wrong[0]}", problem=True, hint=wrong[1])]


def _wrong(file: Path, mode: int) -> tuple[str, str] | None:
    """Return what is wrong with a file that is there, and what to do. Raises OSError."""
    if stat.S_ISLNK(mode):
        return IS_A_LINK, "set file: to where the link leads"
    if not stat.S_ISREG(mode):
        return "is no file", _ELSEWHERE
    if not os.access(file, os.R_OK | os.W_OK):
        return "can't be read and written", _CHOWN
    with file.open("rb") as log:
        head = log.read(len(BEGINNING))
    return ("is no event log", _ELSEWHERE) if head and not is_ours(head) else None


def _of_directory(directory: Path) -> Finding:
    nearest = directory
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return Finding(text=f"{nearest} is not a directory", problem=True, hint=_ELSEWHERE)
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Finding(text=f"{nearest} can't be written", problem=True, hint=_CHOWN)
    return Finding(text=f"{directory} {'can be written' if nearest == directory else 'will be created'}")


def exposures(file: Path) -> list[Finding]:
    """Return what others can do to the log. Blocking."""
    found = []
    if (directory := _exposure(file.parent)) is not None:
        text = f"{directory.text}, and so put other files in the place of the log"
        found.append(Finding(text=text, hint="set file: to a directory of the bridge's own"))
    if (itself := _exposure(file)) is not None:
        found.append(Finding(text=itself.text, hint=f"chmod 600 {file}, unless that is meant"))
    return found


def _exposure(path: Path) -> Exposure | None:
    try:
        return exposure(path, path.stat().st_mode)
    except OSError:
        return None
