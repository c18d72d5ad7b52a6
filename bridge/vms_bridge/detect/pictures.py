"""Pictures with what was found drawn into them: of each event the best frame, and the best of what is looked for at a monitor.

Those of events are files for their owner only, bounded in number and size: the oldest make room for new ones. The others the
hub has (`Contributor.show`). Each is drawn once, when its frame has become the best.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.results import best_of_watched, drawn
from vms_bridge.errors import ContributionRefused, DetectionFailed
from vms_bridge.logs import Trouble
from vms_bridge.private_files import write_file
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.contributing import Contributor
    from vms_bridge.detect.engine import Drawn
    from vms_bridge.detect.values import Looked, Picture
    from vms_bridge.model import EventRef
    from vms_bridge.objects import Watched
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
WIDTH, SMALL_WIDTH = 1_280, 640
MOST_FILES = 2_000
MOST_BYTES = 200 * 1024 * 1024
_LASTS_S = 120.0
"""After so long a worse picture takes the place of a better one: it is of now."""
_SUFFIX = ".jpg"


class Draws(Protocol):
    """What draws: the engine."""

    async def annotate(self, picture: Picture, drawn: Sequence[Drawn], *, most_width: int | None = None) -> bytes:
        """Return a JPEG with these boxes. Raises DetectionFailed."""


class Pictures:
    """Draws, keeps and finds them; without a folder none are kept."""

    def __init__(self, folder: Path | None, clock: Clock, *, draws: Draws, contributor: Contributor) -> None:
        self._files = None if folder is None else PictureFiles(folder)
        self._clock, self._draws, self._contributor = clock, draws, contributor
        self._shown: dict[tuple[MonitorKey, Watched], tuple[float, float]] = {}
        """The score of the picture that is shown of each, and since when, by the monotonic clock."""
        self._trouble = Trouble(_LOGGER, "pictures with what was found can't be drawn or kept", clock.monotonic)

    async def keep_last(self, event: EventRef, last: tuple[Picture, Looked] | None) -> bool:
        """Do so with the picture of a camera that was looked at last, and say whether it is kept."""
        return last is not None and await self.keep(event, *last)

    async def keep(self, event: EventRef, picture: Picture, looked: Looked) -> bool:
        """Draw what is new in a frame of an event, and keep that; say whether it is kept, a failure is reported."""
        files = self._files
        if files is None:
            return False
        try:
            jpeg = await self._draws.annotate(picture, drawn(looked.new), most_width=WIDTH)
            await in_thread("detect: picture", lambda: files.write(event, jpeg))
        except DetectionFailed as error:
            self._trouble.report(error, hint=error.hint)
        except OSError as error:
            self._trouble.report(error.strerror or error, hint="is there room on the disk?")
        else:
            self._trouble.over()
            return True
        return False

    async def show(self, monitor: MonitorKey, picture: Picture, looked: Looked) -> None:
        """Draw what is new in a frame, and show that of all for which it is better than what is shown."""
        better = {
            each: score
            for each, score in best_of_watched(looked.new).items()
            if self._is_better(self._shown.get((monitor, each)), score)
        }
        if not better:
            return
        try:
            jpeg = await self._draws.annotate(picture, drawn(looked.new), most_width=SMALL_WIDTH)
        except DetectionFailed as error:
            self._trouble.report(error, hint=error.hint)
            return
        for each, score in better.items():
            with suppress(ContributionRefused):  # nobody has an entity of it
                self._contributor.show(monitor, each, jpeg)
            self._shown[monitor, each] = score, self._clock.monotonic()

    async def discard(self, event: EventRef) -> None:
        """Let the picture of an event go: it was deleted. A failure is reported."""
        files = self._files
        if files is None:
            return
        try:
            await in_thread("detect: picture", lambda: files.remove(event))
        except OSError as error:
            self._trouble.report(error.strerror or error, hint="who may write in the folder of detection?")

    def forget(self, monitor: MonitorKey) -> None:
        """Forget what is shown of a monitor: it is no more."""
        for key in [key for key in self._shown if key[0] == monitor]:
            del self._shown[key]

    def _is_better(self, shown: tuple[float, float] | None, score: float) -> bool:
        return shown is None or score > shown[0] or self._clock.monotonic() - shown[1] >= _LASTS_S

    async def find(self, event: EventRef) -> bytes | None:
        """Return the picture of an event, None where there is none."""
        files = self._files
        if files is None:
            return None
        with suppress(OSError):
            return await in_thread("detect: picture", lambda: files.read(event))
        return None


class PictureFiles:
    """The pictures of events in a folder. Everything here blocks."""

    def __init__(self, folder: Path, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_files, self._most_bytes = folder, most_files, most_bytes

    def write(self, event: EventRef, jpeg: bytes) -> None:
        """Write the picture of an event in place of the one before; the oldest that are too much go. Raises OSError."""
        write_file(self._path(event), jpeg)
        self._tidy()

    def read(self, event: EventRef) -> bytes | None:
        """Return the picture of an event, None where there is none. Raises OSError."""
        try:
            descriptor = os.open(self._path(event), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MOST_BYTES)

    def remove(self, event: EventRef) -> None:
        """Take the picture of an event away, if there is one. Raises OSError."""
        self._path(event).unlink(missing_ok=True)

    def _path(self, event: EventRef) -> Path:
        """Return where it is: ids of events may be any text, so that the name is a digest of it."""
        return self._folder / (hashlib.sha256(event.format().encode("utf-8", "replace")).hexdigest()[:40] + _SUFFIX)

    def _tidy(self) -> None:
        """Take away the oldest pictures until no more are left than there may be."""
        with os.scandir(self._folder) as entries:
            found = [
                (stat.st_mtime_ns, stat.st_size, entry.path)
                for entry in entries
                if entry.name.endswith((_SUFFIX, ".new")) and (stat := entry.stat(follow_symlinks=False))
            ]
        size = sum(each[1] for each in found)
        left = len(found)
        for _, length, path in sorted(found):
            if left <= self._most_files and size <= self._most_bytes:
                return
            with suppress(FileNotFoundError):
                Path(path).unlink()
            left, size = left - 1, size - length
