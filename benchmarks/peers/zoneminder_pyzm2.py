"""Pyzm 2.5.6: it asks for one page of 100 whatever `limit` is, in ZoneMinder's own order, and fetches no videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyzm import ZMClient

from benchmarks.peers.contest import UnknownToIt, serve

if TYPE_CHECKING:
    from collections.abc import Callable


class Pyzm2:
    """A `ZMClient`, which has logged in."""

    def __init__(self, url: str, username: str | None, password: str | None) -> None:
        self._client = ZMClient(f"{url}/api", username, password, portal_url=url)

    def listed(self, limit: int) -> list[int]:
        return [event.id for event in self._client.events(limit=limit)]

    def filtered(self, monitor: int, since: str, alarm_frames: int, limit: int) -> list[int]:
        found = self._client.events(monitor_id=monitor, since=since, min_alarm_frames=alarm_frames, limit=limit)
        return [event.id for event in found]

    def image(self, event: int, folder: str) -> int:
        """As its `extract_frames` does, without what that makes of the picture."""
        file = Path(folder) / "pyzm2.jpg"
        answer = self._client.api.request(f"{self._client.api.portal_url}/index.php?view=image&eid={event}&fid=snapshot")
        file.write_bytes(answer.content)
        return file.stat().st_size

    def video(self, event: int, folder: str) -> int:
        raise UnknownToIt(f"it can't fetch the video of event {event} into {folder}")

    def everything(self, note: Callable[[int], None]) -> int:
        raise UnknownToIt(f"it asks for one page only: {note}")

    def discarded(self, event: int, note: Callable[[int], None]) -> int:
        raise UnknownToIt(f"it can't fetch the video of event {event}: {note}")

    def close(self) -> None:
        """Its session ends with it."""


if __name__ == "__main__":
    serve(Pyzm2)
