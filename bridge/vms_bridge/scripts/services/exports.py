"""Pictures and clips that scripts write into the folder that the configuration names for it: nowhere else, and bounded."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.errors import BodyInvalid, BridgeError, NoRoom
from vms_bridge.scripts.services.media import ENDINGS
from vms_bridge.scripts.services.refusals import ExportRefused
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vms_bridge.scripts.services.media import Copy, Medium

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_MODE, _FOLDER_MODE = 0o640, 0o750
_DRAFT, _DRAFT_S = ".draft-", 3_600.0
"""How the name of what is being written begins, and how long that can take; what is older was left behind by a kill."""
_NAME_BYTES = 160
_FORBIDDEN = frozenset('/\\:*?"<>|')


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLimits:
    """How much may lie in the folder; so much of the disk is left to others."""

    most_bytes: int = 5_000_000_000
    most_files: int = 20_000
    free_bytes: int = 500_000_000


class Exports:
    """The folder; None: there is none, and nothing is written."""

    def __init__(self, folder: Path | None, limits: ExportLimits | None = None) -> None:
        self._folder, self._limits = folder, limits or ExportLimits()
        self._lock = asyncio.Lock()

    async def write(self, medium: Medium, *, folder: str, name: str, overwrite: bool) -> str:
        """Write it under this name, into a folder of this name where there is one, and return where it is.

        Raises BodyInvalid for names that can't be, ExportRefused, NoRoom.
        """
        if self._folder is None:
            raise ExportRefused(
                "there is no folder that scripts may write to", hint="an administrator names one by `scripts.export_folder`"
            )
        if folder:
            _check(folder, "folder")
        _check(name, "name")
        name = _ended(name, medium.type)
        async with self._lock:
            work = partial(self._write, self._folder, medium.copy(), folder, name, overwrite=overwrite)
            try:
                await in_thread("scripts: export", work)
            except OSError as error:
                text = f"{name!r} could not be written to the folder for exports: {error.strerror or error}"
                raise ExportRefused(text, hint="does that folder belong to the bridge, and is there room?") from None
        return str(self._folder / folder / name)

    def _write(self, base: Path, copy: Copy, folder: str, name: str, *, overwrite: bool) -> None:
        """Blocking. Raises OSError, ExportRefused, NoRoom."""
        with closing(copy), ExitStack() as opened:
            root = _open(opened, base, None)
            place = root
            if folder:
                with suppress(FileExistsError):
                    os.mkdir(folder, _FOLDER_MODE, dir_fd=root)
                place = _open(opened, folder, root)
            self._check_room(root, copy.size)
            draft = f"{_DRAFT}{secrets.token_hex(8)}"
            if not overwrite:
                _reserve(name, place)
            try:
                descriptor = os.open(draft, _NEW_FILE, _FILE_MODE, dir_fd=place)
                with os.fdopen(descriptor, "wb", buffering=0):
                    copy.write(descriptor)
                os.replace(draft, name, src_dir_fd=place, dst_dir_fd=place)
            except BaseException:
                for left in (draft, *(() if overwrite else (name,))):
                    with suppress(OSError):
                        os.unlink(left, dir_fd=place)
                raise

    def _check_room(self, root: int, size: int) -> None:
        limits, files, used = self._limits, 0, 0
        for info in _files(root):
            files += 1
            used += info.st_size
        if files >= limits.most_files or used + size > limits.most_bytes:
            text = f"the folder for exports may have {limits.most_files} files and {limits.most_bytes // 1_000_000} MB"
            raise NoRoom(text, hint="take away what is not needed any more")
        disk = os.fstatvfs(root)
        if disk.f_bavail * disk.f_frsize - size < limits.free_bytes:
            raise NoRoom(
                f"the disk of the folder for exports is too full: {limits.free_bytes // 1_000_000} MB are left to others"
            )


def _open(opened: ExitStack, name: Path | str, within: int | None) -> int:
    """Open a folder, which no link stands for, to be closed with the others. Raises ExportRefused or OSError."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=within)
    except OSError as error:
        raise ExportRefused(
            f"the folder {str(name)!r} for exports can't be used: {error.strerror or error}",
            hint="it has to be a folder, and no link to one, that the bridge's user may write to",
        ) from None
    opened.callback(os.close, descriptor)
    return descriptor


def _reserve(name: str, place: int) -> None:
    """Have the name, empty yet. Raises ExportRefused for one that is taken."""
    try:
        os.close(os.open(name, _NEW_FILE, _FILE_MODE, dir_fd=place))
    except FileExistsError:
        raise ExportRefused(
            f"there is a file {name!r} already", hint="choose another name, or write export(..., overwrite=True)"
        ) from None


def _files(root: int) -> Iterator[os.stat_result]:
    """Yield all files of the folder and of those in it; what a kill has left behind is taken away."""
    before = time.time() - _DRAFT_S
    folders = [root]
    with ExitStack() as opened:
        while folders:
            place = folders.pop()
            with os.scandir(place) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        if place == root:
                            with suppress(OSError):
                                folders.append(os.open(entry.name, _FOLDER, dir_fd=root))
                                opened.callback(os.close, folders[-1])
                    elif entry.name.startswith(_DRAFT) and info.st_mtime < before:
                        with suppress(OSError):
                            os.unlink(entry.name, dir_fd=place)
                    else:
                        yield info


def _check(name: str, field: str) -> None:
    """Raise BodyInvalid for what can't be a name of a file on any machine, or leads elsewhere."""
    why = None
    if not name or name != name.strip() or name.startswith(".") or name.endswith("."):
        why = "it is empty, or begins or ends with a dot or a space"
    elif not name.isprintable() or _FORBIDDEN & set(name):
        why = "it has a slash, or another character that no file should have"
    elif len(name.encode("utf-8", "surrogatepass")) > _NAME_BYTES or not _is_text(name):
        why = f"it has more than {_NAME_BYTES} bytes, or is no text"
    if why is not None:
        raise BodyInvalid(f"that can't be the {field} of an export: {why}", mistakes=[(field, why)])


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ended(name: str, content_type: str) -> str:
    """Return the name with the ending of what it is. Raises BodyInvalid for another ending."""
    endings = ENDINGS.get(content_type)
    if endings is None:
        raise BridgeError(f"what is {content_type!r} can't be exported")
    stem, dot, ending = name.rpartition(".")
    if dot and stem and ending.lower() in endings:
        return name
    if dot and ending.lower() in {each for known in ENDINGS.values() for each in known}:
        raise BodyInvalid(f"a name of {content_type} ends with .{endings[0]}", mistakes=[("name", "it has another ending")])
    return f"{name}.{endings[0]}"
