"""Files and directories that are for their owner only: how they are made, and who else can get at those that are there."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE, _PARENT = 0o700, 0o755
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_READABLE = stat.S_IRGRP | stat.S_IROTH
IS_A_LINK = "is a link, and the bridge follows none there"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What others can do to a file or directory; `is_shared`: it is a directory for everybody, such as `/tmp`."""

    text: str
    can_write: bool
    is_shared: bool = False


def exposure(path: Path, mode: int) -> Exposure | None:
    """Return what others can do by the mode that `stat` gives; who may list a directory is no matter, its files have modes."""
    permissions = stat.S_IMODE(mode)
    if permissions & stat.S_ISVTX and permissions & _WRITABLE:
        return Exposure(f"everybody can write to {path} (mode {permissions:04o})", can_write=True, is_shared=True)
    if permissions & _WRITABLE:
        who = "everybody" if permissions & stat.S_IWOTH else "its group"
        return Exposure(f"{who} can write to {path} (mode {permissions:04o})", can_write=True)
    if permissions & _READABLE and not stat.S_ISDIR(mode):
        who = "everybody" if permissions & stat.S_IROTH else "its group"
        return Exposure(f"{who} can read {path} (mode {permissions:04o})", can_write=False)
    return None


def make_directory(directory: Path) -> None:
    """Make it for its owner only, if it is not there; directories above it are made as usual. Raises OSError."""
    if directory.is_dir():
        return
    if not directory.parent.is_dir():
        _make_parents(directory.parent)
    directory.mkdir(_PRIVATE, exist_ok=True)
    directory.chmod(_PRIVATE)  # the umask may have taken something of it


def write_file(path: Path, content: bytes) -> None:
    """Put this in the place of what was there, for its owner only: who reads finds the one or the other. Raises OSError.

    It is written beside it first, as `*.new`, whole or not at all.
    """
    make_directory(path.parent)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(draft, path)  # noqa: PTH105 - a text, as `mkstemp` gives it
    except OSError:
        os.unlink(draft)  # noqa: PTH108 - the same
        raise


def _make_parents(directory: Path) -> None:
    if not directory.parent.is_dir():
        _make_parents(directory.parent)
    directory.mkdir(_PARENT, exist_ok=True)
    directory.chmod(_PARENT)
