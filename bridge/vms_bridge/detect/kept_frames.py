"""Frames that are kept as files: no more than so many, so that a directory never fills a disk."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.errors import OutputError
from vms_bridge.private_files import make_directory
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from vms_bridge.detect.values import FrameId

MOST_FILES = 500
MOST_BYTES = 200 * 1024 * 1024
_OURS = re.compile(r"vms-bridge-[A-Za-z0-9_.-]{1,80}\.(jpg|png|webp|img)")
_STARTS = ((b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))


@dataclass(frozen=True, slots=True)
class KeptFrames:
    """A directory for frames: of its own files the oldest go where there are too many, or they are too large."""

    folder: Path
    most_files: int = MOST_FILES
    most_bytes: int = MOST_BYTES

    async def keep(self, stream: str, frame: FrameId, what: str, picture: bytes) -> Path:
        """Write a picture, for its owner only, and return its file. Raises OutputError."""
        suffix = next((suffix for start, suffix in _STARTS if picture.startswith(start)), "img")
        words = [
            re.sub(r"[^A-Za-z0-9_.]+", "_", str(word))[:30] for word in (stream, "picture" if frame is None else frame, what)
        ]
        path = self.folder / f"vms-bridge-{'-'.join(words)}.{suffix}"
        try:
            await in_thread("kept frames", lambda: self._write(path, picture))
        except OSError as error:
            hint = "name a directory that can be written to, on a disk with room"
            raise OutputError(f"{path} can't be written: {error.strerror}", hint=hint) from None
        return path

    def _write(self, path: Path, picture: bytes) -> None:
        make_directory(self.folder)
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".vms-bridge-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(picture)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._clean(path)

    def _clean(self, newest: Path) -> None:
        """Take the oldest of our own files away; a file of anybody else is never touched."""
        files = []
        for entry in os.scandir(self.folder):
            if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                said = entry.stat(follow_symlinks=False)
                files.append((entry.name != newest.name, -said.st_mtime_ns, entry.name, said.st_size))
        left_bytes = 0
        for at, (_, _, name, size) in enumerate(sorted(files)):
            left_bytes += size
            if at >= self.most_files or (left_bytes > self.most_bytes and at):
                (self.folder / name).unlink(missing_ok=True)
