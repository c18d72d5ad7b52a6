"""The files that logs of scripts are written to: one for each, with one before it, for the bridge's user only."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import StoreError
from vms_bridge.logs import Trouble
from vms_bridge.private_files import make_directory
from vms_bridge.scripts.life.logs import as_text
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.logs import LogEntry

_LOGGER = logging.getLogger(__name__)
MOST_FILE_BYTES = 1_000_000
MOST_WAITING_BYTES = 256 * 1024
"""How much of each log may wait for the disk, so that none pushes out another's; what is more is in memory only."""
WRITE_S = 0.5
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LogFiles:
    """Writes what is put to the files in a folder, `NAME.log` each; `run` it. A disk that fails costs the files, and no more."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._waiting: dict[str, list[bytes]] = {}
        self._bytes: dict[str, int] = {}
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._trouble = Trouble(_LOGGER, f"logs of scripts can't be written to {folder}", clock.monotonic)

    def put(self, name: str, entry: LogEntry) -> None:
        """Have it written soon."""
        line = as_text(entry).encode(errors="replace")
        size = self._bytes.get(name, 0) + len(line)
        if size <= MOST_WAITING_BYTES:
            self._waiting.setdefault(name, []).append(line)
            self._bytes[name] = size
            self._news.set()

    async def forget(self, name: str) -> None:
        """Remove what was written of a script, and what waits to be. Raises StoreError."""
        async with self._turn:
            self._waiting.pop(name, None)
            self._bytes.pop(name, None)
            try:
                await in_thread("scripts: logs", lambda: remove(self._folder, name))
            except OSError as error:
                hint = "remove it by hand: NAME.log and NAME.log.1"
                raise StoreError(f"the log of {name} in {self._folder} can't be removed: {error.strerror}", hint=hint) from error

    async def run(self) -> NoReturn:
        """Write again and again what has been put, until cancelled; what is left then is written too."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self.write()
                await self._clock.sleep(WRITE_S)
        finally:
            await self.write()

    async def write(self) -> None:
        """Write what waits."""
        async with self._turn:
            waiting, self._waiting, self._bytes = self._waiting, {}, {}
            if not waiting:
                return
            try:
                await in_thread("scripts: logs", lambda: write(self._folder, waiting))
            except OSError as error:
                self._trouble.report(error.strerror or error, hint="is there room on the disk, and may the bridge write there?")
            else:
                self._trouble.over()


def write(folder: Path, texts: Mapping[str, list[bytes]]) -> None:
    """Append these to the files; one that is full is put aside, in place of the one before. Blocking.

    Raises OSError for one that can't be written, when the others are.
    """
    make_directory(folder)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    failed = None
    try:
        for name, lines in texts.items():
            try:
                _append(directory, f"{name}.log", b"".join(lines))
            except OSError as error:
                failed = error
    finally:
        os.close(directory)
    if failed is not None:
        raise failed


def remove(folder: Path, name: str) -> None:
    """Remove both files of a script. Blocking. Raises OSError."""
    for each in (f"{name}.log", f"{name}.log.1"):
        (folder / each).unlink(missing_ok=True)


def _append(directory: int, name: str, text: bytes) -> None:
    with suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_size + len(text) > MOST_FILE_BYTES:
            os.rename(name, f"{name}.1", src_dir_fd=directory, dst_dir_fd=directory)
    file = os.open(name, _FLAGS, 0o600, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(0, f"{name} is no file")
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
