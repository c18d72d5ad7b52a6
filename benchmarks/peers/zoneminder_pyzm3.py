"""Pyzm 0.3.x, as its documentation has it used; its own environment has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyzm.api import ZMApi
from pyzm.helpers import globals as told

from benchmarks.peers.contest import UnknownToIt, serve

if TYPE_CHECKING:
    from collections.abc import Callable


class _Silent:
    """Its own logger writes each address with its token to standard output."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_args, **_words: None


class Pyzm3:
    """A `ZMApi`, which has logged in; the events that it was asked for before it keeps, as their downloads want them."""

    def __init__(self, url: str, username: str | None, password: str | None) -> None:
        told.logger = _Silent()
        self._api = ZMApi({"apiurl": f"{url}/api", "portalurl": url, "user": username, "password": password})
        self._known: dict[int, Any] = {}

    def listed(self, limit: int) -> list[int]:
        return self._ids({"limit": limit})

    def filtered(self, monitor: int, since: str, alarm_frames: int, limit: int) -> list[int]:
        return self._ids({"mid": monitor, "from": since, "min_alarmed_frames": alarm_frames, "limit": limit})

    def image(self, event: int, folder: str) -> int:
        (Path(folder) / f"{event}-snapshot.jpg").unlink(missing_ok=True)  # it would not fetch it again
        return _size(self._event(event).download_image(dir=folder))

    def video(self, event: int, folder: str) -> int:
        (Path(folder) / f"{event}-video.mp4").unlink(missing_ok=True)
        return _size(self._event(event).download_video(dir=folder))

    def everything(self, note: Callable[[int], None]) -> int:
        count = len(self._ids({"limit": 10_000_000}))
        note(count)
        return count

    def discarded(self, event: int, note: Callable[[int], None]) -> int:
        raise UnknownToIt(f"it has only files for the video of event {event}: {note}")

    def close(self) -> None:
        """Its session ends with it."""

    def _event(self, number: int) -> Any:
        if number not in self._known:
            self._ids({"event_id": number, "limit": 1})
        return self._known[number]

    def _ids(self, options: dict[str, Any]) -> list[int]:
        events = self._api.events(options).list()
        self._known = {event.id(): event for event in events[:1]}
        return [event.id() for event in events]


def _size(file: str | None) -> int:
    return 0 if file is None else Path(file).stat().st_size


if __name__ == "__main__":
    serve(Pyzm3)
