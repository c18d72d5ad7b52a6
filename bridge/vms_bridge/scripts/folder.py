"""The folder with the scripts: what is in it that may be run, read once and whole, and why the rest may not.

Nobody but the bridge's user and root may be able to write there: who can change a script's file is who gives it its orders.
Everything is opened by way of the folder itself and checked when it is open, so that nothing changes between look and use.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.private_files import make_directory
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripts.header import MOST_BYTES
from vms_bridge.scripts.values import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_SCRIPTS = 128
MOST_SHOWN = 2 * MOST_SCRIPTS
"""Of how many files it is known what they are, those that are no scripts among them."""
_MOST_ENTRIES = 10_000
NAME = re.compile(r"(?!set\Z)[a-z][a-z0-9_]{0,47}")
"""Topics with a level `set` are those of commands."""
_END = ".py"
_NAMES = "a name has small letters, digits and _, 48 at most, begins with a letter, and is not `set`"
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file is no script that may be run, and what to do."""

    text: str
    hint: str = ""
    line: int | None = None
    """Where in it."""
    is_quoting: bool = False
    """Whether the words may have something of the source in them: those are for administrators."""


_TOO_MANY = Refused(f"is one too many: there may be {MOST_SCRIPTS} scripts", "delete those that nobody needs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A script's source, and when its file was written."""

    source: Source
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What is in the folder: by name what was found; `problem` is why nothing of it may be used.

    A file that is being written, or can't be read now, is what it was before; `unread` is why something could not be read.
    `names` are all that are there, those too that are yet to be read; None where the look has failed.
    """

    files: Mapping[str, Found | Refused] = field(default_factory=dict)
    names: frozenset[str] | None = None
    problem: Refused | None = None
    unread: Refused | None = None


@dataclass(frozen=True, slots=True)
class _Stamp:
    """By what a change of a file shows."""

    inode: int
    size: int
    modified: int
    changed: int
    mode: int
    owner: int


class Folder:
    """One folder. Everything here blocks, and is called by one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours = frozenset({0, os.geteuid()})
        self._seen: dict[str, _Stamp] = {}
        self._known: dict[str, tuple[_Stamp, Found | Refused]] = {}
        """What was read, of those files that are shown."""
        self._files: dict[str, Found | Refused] = {}
        self._unread: Refused | None = None

    def scan(self) -> Scan:
        """Look at the folder; a file that has changed is read when it has been the same at two looks.

        A look that fails changes nothing: what can't be read now may be as it was.
        """
        self._unread = None
        try:
            with self._opened() as folder:
                stamps = self._stamps(folder)
                self._files = self._look_at(folder, stamps)
        except ScriptRefused as error:
            return Scan(problem=Refused(str(error), error.hint))
        except OSError as error:
            unread = Refused(f"{self.path} can't be read: {error.strerror}", "what was read before stays at work meanwhile")
            return Scan(files=self._files, unread=unread)
        self._seen = {name: stamp for name, stamp in stamps.items() if isinstance(stamp, _Stamp)}
        self._known = {name: known for name, known in self._known.items() if name in self._files}
        return Scan(files=self._files, names=frozenset(stamps), unread=self._unread)

    def write(self, name: str, text: str) -> None:
        """Put a text into a script's file, whole or not at all. Raises ScriptRefused."""
        check_name(name)
        content = text.encode("utf-8", "surrogatepass")
        if len(content) > MOST_BYTES:
            raise ScriptRefused(f"it has {len(content)} bytes", hint=f"a script has at most {MOST_BYTES}")
        try:
            make_directory(self.path)
            with self._opened() as folder:
                if not _is_there(folder, name) and len(self._stamps(folder)) >= MOST_SCRIPTS:
                    raise ScriptRefused(f"there are {MOST_SCRIPTS} scripts already", hint="delete those that nobody needs")
                self._replace(folder, name, content)
        except OSError as error:
            raise ScriptRefused(f"{self._path_of(name)} can't be written: {error.strerror}", hint=_hint(error)) from error
        self._seen.pop(name, None)

    def remove(self, name: str) -> bool:
        """Remove a script's file, and say whether there was one. Raises ScriptRefused."""
        check_name(name)
        try:
            with self._opened() as folder:
                os.unlink(f"{name}{_END}", dir_fd=folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ScriptRefused(f"{self._path_of(name)} can't be removed: {error.strerror}", hint=_hint(error)) from error
        return True

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the folder, if nobody else can write to it. Raises ScriptRefused, OSError."""
        try:
            folder = os.open(self.path, _FOLDER_FLAGS)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR} and self.path.is_symlink():
                raise ScriptRefused(f"{self.path} is a link", hint="name the folder itself that it leads to") from None
            raise
        try:
            info = os.fstat(folder)
            mistake = self._mistake(self.path, info.st_uid, info.st_mode)
            if mistake is not None:
                raise ScriptRefused(f"{self.path} {mistake.text}", hint=mistake.hint)
            yield folder
        finally:
            os.close(folder)

    def _mistake(self, path: Path, owner: int, mode: int) -> Refused | None:
        """Return why others could change this file or folder."""
        if owner not in self._ours:
            return Refused(f"belongs to another user, number {owner}", f"chown {path} to the bridge's user, or to root")
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            who = "everybody" if mode & stat.S_IWOTH else "its group"
            return Refused(f"can be written to by {who} (mode {stat.S_IMODE(mode):04o})", f"chmod go-w {path}")
        return None

    def _stamps(self, folder: int) -> dict[str, _Stamp | Refused]:
        """Return what there is by name. Raises OSError, also where that has no end."""
        stamps: dict[str, _Stamp | Refused] = {}
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST_ENTRIES:
                    raise OSError(errno.E2BIG, f"it has more than {_MOST_ENTRIES} entries: use a folder for scripts only")
                name = entry.name.removesuffix(_END)
                if not entry.name.endswith(_END) or entry.name.startswith("."):
                    continue
                shown = re.sub(r"[^\w-]", "?", name)[:60]
                if not NAME.fullmatch(name):
                    stamps[shown] = Refused(f"{shown}{_END} is no name of a script", _NAMES)
                    continue
                with suppress(FileNotFoundError):
                    info = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
                    stamps[name] = _Stamp(
                        info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_mode, info.st_uid
                    )
        return stamps

    def _look_at(self, folder: int, stamps: Mapping[str, _Stamp | Refused]) -> dict[str, Found | Refused]:
        """Return what these are, a bounded number of them: those that were there before come first, and no more are read."""
        files: dict[str, Found | Refused] = {}
        order = sorted(stamps, key=lambda name: (name not in self._known, isinstance(stamps[name], Refused), name))
        usable = 0
        for name in order[:MOST_SHOWN]:
            found = _TOO_MANY if usable >= MOST_SCRIPTS else self._look(folder, name, stamps[name])
            if found is not None:
                files[name] = found
            usable += isinstance(found, Found)
        return files

    def _look(self, folder: int, name: str, stamp: _Stamp | Refused) -> Found | Refused | None:
        """Return what a file is, None for one that is not settled and was not there before."""
        if isinstance(stamp, Refused):
            return stamp
        before = self._known.get(name)
        if before is not None and before[0] == stamp:
            return before[1]
        return self._look_anew(folder, name, stamp, None if before is None else before[1])

    def _look_anew(self, folder: int, name: str, stamp: _Stamp, before: Found | Refused | None) -> Found | Refused | None:
        """Return what a file is that has changed, or was not there before."""
        if stat.S_ISREG(stamp.mode) and (mistake := self._mistake(self._path_of(name), stamp.owner, stamp.mode)) is not None:
            self._known[name] = (stamp, mistake)
            return mistake
        if self._seen.get(name) != stamp:
            return before
        if not stat.S_ISREG(stamp.mode):
            refused = Refused("is a link" if stat.S_ISLNK(stamp.mode) else "is no file", "put the file itself there")
            self._known[name] = (stamp, refused)
            return refused
        try:
            found, stamp = self._read(folder, name)
        except FileNotFoundError:
            return None
        except OSError as error:  # this may pass: it is tried again at the next look
            self._unread = Refused(f"{self._path_of(name)} can't be read: {error.strerror}", "it is as it was before meanwhile")
            return before or Refused(f"can't be read: {error.strerror}")
        self._known[name] = (stamp, found)
        return found

    def _read(self, folder: int, name: str) -> tuple[Found | Refused, _Stamp]:
        """Read a file once, and say what it is, with the stamp that it had when it was open. Raises OSError."""
        path = self._path_of(name)
        handle = os.open(path.name, _READ_FLAGS, dir_fd=folder)
        try:
            info = os.fstat(handle)
            stamp = _Stamp(info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_mode, info.st_uid)
            if not stat.S_ISREG(info.st_mode):
                return Refused("is no file", "put a file there"), stamp
            mistake = self._mistake(path, info.st_uid, info.st_mode)
            if mistake is not None:
                return mistake, stamp
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(MOST_BYTES + 1)
        finally:
            os.close(handle)
        if len(content) > MOST_BYTES:
            return Refused(f"has more than {MOST_BYTES} bytes", "a script has at most that: put data elsewhere"), stamp
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return Refused(f"is not in UTF-8 (at byte {error.start})", "save it as UTF-8"), stamp
        digest = digest_of(text)
        modified = datetime.fromtimestamp(max(info.st_mtime_ns, 0) // 10**9 % 2**33, UTC)
        return Found(source=Source(name=name, path=path, text=text, sha256=digest), modified=modified), stamp

    def _path_of(self, name: str) -> Path:
        return self.path / f"{name}{_END}"

    def _replace(self, folder: int, name: str, content: bytes) -> None:
        draft = f".{name}.{os.urandom(6).hex()}.new"
        handle = os.open(draft, _WRITE_FLAGS, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.replace(draft, f"{name}{_END}", src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
            raise
        os.fsync(folder)


def check_name(name: str) -> None:
    """Raise ScriptRefused for what is no name of a script."""
    if not NAME.fullmatch(name):
        raise ScriptRefused("this is no name of a script", hint=_NAMES)


def digest_of(text: str) -> str:
    """Return the SHA-256 of a script's text, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(f"{name}{_END}", dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _hint(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    return "the bridge's user has to be allowed to write there" if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM} else ""
