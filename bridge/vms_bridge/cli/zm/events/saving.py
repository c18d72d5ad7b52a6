"""Videos and pictures of events into files, several at a time: whole or not at all, and never twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.direct.tally import outcome_said, size_there
from vms_bridge.errors import BridgeError, NoRoom, OutputError, VmsAuthFailed, VmsUnreachable
from vms_bridge.zoneminder import EventRow
from vms_bridge.zoneminder.events.bulk import file_name

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.cli.progress import Bars
    from vms_bridge.zoneminder import ZoneMinder

_ENDS_ALL = (VmsUnreachable, VmsAuthFailed, NoRoom, OutputError)
"""After these no other event has a better chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one event: it is in a file, since now or since before (`is_new`), or it could not be had."""

    event: str
    path: Path | None = None
    bytes: int = 0
    is_new: bool = False
    error: BridgeError | None = None

    def said(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "event": int(self.event) if self.event.isdecimal() else self.event,
            **outcome_said(self, "downloaded"),
        }


class Saver:
    """Saves the videos of events in a folder or, where a `frame` is said, that picture of each."""

    def __init__(self, zm: ZoneMinder, folder: Path, frame: str | None, bars: Bars) -> None:
        self._zm, self._folder, self._frame, self._bars = zm, folder, frame, bars
        self._tasks: set[asyncio.Task[Outcome]] = set()

    async def begin(self, event: EventRow | str) -> None:
        """Have it saved."""
        name = f"event {event.id if isinstance(event, EventRow) else event}"
        self._tasks.add(asyncio.create_task(self._outcome(event), name=name))

    async def next(self) -> Outcome:
        """Return what became of the one that is done first. Raises what ends them all."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = done.pop()
        self._tasks.discard(task)
        return task.result()

    async def stop(self) -> None:
        """End what is under way; what has come so far is kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _outcome(self, event: EventRow | str) -> Outcome:
        number = str(event.id) if isinstance(event, EventRow) else event
        try:
            row = event if isinstance(event, EventRow) else await self._zm.events.get(event)
            return await self._saved(row)
        except _ENDS_ALL:
            raise
        except BridgeError as error:
            return Outcome(event=number, error=error)

    async def _saved(self, row: EventRow) -> Outcome:
        name = file_name(row, "video") if self._frame is None else f"event-{row.id}-{self._frame}.jpg"
        path = self._folder / name
        size = await asyncio.to_thread(size_there, path)
        if size is not None:
            return Outcome(event=str(row.id), path=path, bytes=size)
        with self._bars.bar(name) as on_bytes:
            if self._frame is None:
                size = await self._zm.events.save_video(row, path, progress=on_bytes)
            else:
                await self._zm.events.save_image(row, path, self._frame)
                size = await asyncio.to_thread(size_there, path)
        return Outcome(event=str(row.id), path=path, bytes=size or 0, is_new=True)
