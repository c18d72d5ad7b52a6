"""The best picture of each thing that is looked for at each monitor: in memory, bounded, and gone when the bridge stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import ContributionRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.objects import Watched
    from vms_bridge.views import MonitorKey

MOST_PICTURE_BYTES = 256 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""How much all of them may have; the one that was shown longest ago makes room."""
_JPEG = b"\xff\xd8\xff"


class ObjectPictures:
    """Keeps them; the newest comes last."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[tuple[MonitorKey, Watched], bytes] = {}
        self._bytes = 0

    def put(self, monitor: MonitorKey, watched: Watched, jpeg: bytes) -> Iterable[tuple[MonitorKey, Watched]]:
        """Keep a picture in place of the one before; return those that had to go. Raises ContributionRefused."""
        if not jpeg.startswith(_JPEG) or len(jpeg) > MOST_PICTURE_BYTES:
            raise ContributionRefused(f"the picture is no JPEG, or has more than {MOST_PICTURE_BYTES} bytes")
        self.drop(monitor, watched)
        gone = []
        while self._kept and self._bytes + len(jpeg) > self._most_bytes:
            oldest = next(iter(self._kept))
            self.drop(*oldest)
            gone.append(oldest)
        self._kept[monitor, watched] = jpeg
        self._bytes += len(jpeg)
        return gone

    def get(self, monitor: MonitorKey, watched: Watched) -> bytes | None:
        """Return the picture, None where there is none."""
        return self._kept.get((monitor, watched))

    def drop(self, monitor: MonitorKey, watched: Watched) -> None:
        """Keep this one no more."""
        self._bytes -= len(self._kept.pop((monitor, watched), b""))
