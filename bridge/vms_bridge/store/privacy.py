"""Who else can get at the state: directory and files are made for their owner only, whatever the umask, and follow no link.

What others can write to is mended, for that is never meant. That others may read is a choice that is reported, but respected.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import StoreError
from vms_bridge.private_files import IS_A_LINK, exposure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE_NAME = "vms-bridge.sqlite"
INDEX_NAME = "index.sqlite"
LINKS_NAME = "links.json"
LOCK_NAME = "lock"
_DIRECTORY, _FILE = 0o700, 0o600
_BESIDE = ("-wal", "-shm", "-journal")
_NO_LINK = "put the file itself there, or set data_dir: to the directory that the link leads to"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that others can do to the state, and what to do about it; `is_mended`: nothing more."""

    text: str
    hint: str
    is_grave: bool = True
    is_mended: bool = False

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text


def root_flaw() -> Flaw | None:
    """Return what is to be said where the bridge runs as root."""
    if os.geteuid() != 0:
        return None
    hint = "run it as a user of its own, as examples/systemd/vms-bridge.service does, for shared memory in ZoneMinder's group"
    return Flaw("it runs as root, which it needs for nothing", hint)


def open_lock(directory: Path, flags: int) -> int:
    """Open the lock file, made for its owner only. Raises OSError, and StoreError for a link."""
    path = directory / LOCK_NAME
    _refuse_what_is_no_file(path)
    created = flags & os.O_CREAT and not path.exists()
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE)
    if created:
        os.fchmod(descriptor, _FILE)
    return descriptor


def claim_store(path: Path) -> None:
    """See that SQLite follows no link, and finds a file for its owner only. Raises StoreError for a link."""
    for each in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        _refuse_what_is_no_file(each)
    with suppress(OSError):  # it is there already, or the disk does not take it: then SQLite will say so
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE)
        os.fchmod(descriptor, _FILE)
        os.close(descriptor)


def flaws(directory: Path) -> list[Flaw]:
    """Return what others can do to the state in this directory now; nothing for one that is not there."""
    found = (_flaw(path, is_directory_itself=path is directory) for path in _ours(directory))
    return [flaw for flaw in found if flaw is not None]


def mend(directory: Path) -> list[Flaw]:
    """Take away what others can write, and return what there was and what there still is."""
    found = []
    for path in _ours(directory):
        flaw = _flaw(path, is_directory_itself=path is directory)
        if flaw is not None:
            found.append(_mended(path, flaw) if flaw.hint.startswith("chmod") and flaw.is_grave else flaw)
    return found


def _mended(path: Path, flaw: Flaw) -> Flaw:
    wanted = _DIRECTORY if path.is_dir() else _FILE
    try:
        path.chmod(wanted)
    except OSError as error:
        return Flaw(f"{flaw.text}, which can't be mended: {error.strerror}", flaw.hint)
    return Flaw(f"{flaw.text}: that is mended (mode {wanted:04o})", "", is_mended=True)


def _flaw(path: Path, *, is_directory_itself: bool) -> Flaw | None:
    try:
        info = path.stat() if is_directory_itself else path.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(info.st_mode):
        return Flaw(f"{path} {IS_A_LINK}", _NO_LINK)
    flaw = _flaw_of_mode(path, info.st_mode)
    if info.st_uid not in {0, os.geteuid()} and (flaw is None or not flaw.is_grave):
        return Flaw(f"{path} belongs to another user, number {info.st_uid}", f"chown it to the one that runs the bridge: {path}")
    return flaw


def _flaw_of_mode(path: Path, mode: int) -> Flaw | None:
    found = exposure(path, mode)
    if found is None:
        return None
    if found.is_shared:
        return Flaw(found.text, "set data_dir: to a directory of its own")
    return Flaw(found.text, f"chmod {700 if stat.S_ISDIR(mode) else 600} {path}", is_grave=found.can_write)


def _ours(directory: Path) -> Iterator[Path]:
    """Yield the directory and all in it that is the bridge's."""
    yield directory
    with suppress(OSError):
        for path in sorted(directory.iterdir()):
            if path.name == LOCK_NAME or path.name.startswith((STORE_NAME, LINKS_NAME)):
                yield path


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if stat.S_ISLNK(mode):
        raise StoreError(f"{path} {IS_A_LINK}", hint=_NO_LINK)
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # what a directory does there SQLite says
        raise StoreError(f"{path} is no file", hint="move it away")
