"""Many events at once: deleted or fetched, a few at a time, and one that fails keeps no other from its turn.

Neither needs to be told where it has stopped: what is deleted is found no more, and what was fetched is there under its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vms_bridge.errors import BridgeError, NoRoom, OutputError, VmsAuthFailed, VmsUnreachable
from vms_bridge.zoneminder.events.filters import FilterRefused
from vms_bridge.zoneminder.events.videos import video_name
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
    from datetime import datetime
    from os import PathLike
    from typing import Protocol

    from vms_bridge.zoneminder.values import EventRow

    Chosen = AsyncIterable[EventRow] | Iterable[EventRow]
    """Events, or a question for some."""

    class Doing(Protocol):
        """What is done with one event."""

        async def __call__(self, row: EventRow) -> Done:
            """Do it, and say what became of it. Raises BridgeError."""


What = Literal["video", "snapshot", "alarm", "objdetect"]
PARALLEL = 4
MAY_BE_RECORDED = timedelta(hours=1)
"""An event without an end that began before that has been left behind by a daemon that was killed."""
_MOST_PARALLEL = 16
_MOST_REASONS = 100
_ENDS_ALL = (VmsUnreachable, VmsAuthFailed, NoRoom)
"""After these no other event has a better chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOutcome:
    """What has become of many events so far, or what would in a dry run."""

    done: int = 0
    skipped: int = 0
    """Those with which nothing was to be done: they were gone, archived, or there already."""
    failed: int = 0
    bytes: int = 0
    """How much was fetched, or how much room was made as far as events say how large they are."""
    reasons: tuple[tuple[int, str], ...] = field(default=(), repr=True)
    """Why the first hundred of those that were skipped or failed were: the event's id, and what was said."""

    @property
    def total(self) -> int:
        """How many events there were."""
        return self.done + self.skipped + self.failed

    def plus(self, row: EventRow, done: Done) -> BulkOutcome:
        """Return the same with one more."""
        reasons = self.reasons
        if done.why and len(reasons) < _MOST_REASONS:
            reasons = (*reasons, (row.id, done.why))
        added = {done.kind: getattr(self, done.kind) + 1}
        return replace(self, **added, bytes=self.bytes + done.bytes, reasons=reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What has become of one event."""

    kind: Literal["done", "skipped", "failed"] = "done"
    bytes: int = 0
    why: str = ""


async def each_of(
    events: Chosen,
    doing: Doing,
    *,
    parallel: int = PARALLEL,
    progress: Callable[[BulkOutcome], None] | None = None,
) -> BulkOutcome:
    """Do it with every event, so many at a time; raises only what no other event can escape, once all are at their end."""
    if not 1 <= parallel <= _MOST_PARALLEL:
        raise FilterRefused(f"{parallel} at a time are too few or too many", hint=f"1 to {_MOST_PARALLEL} are possible")
    crew = _Crew(doing, progress)
    try:
        async with aclosing(_rows(events)) as rows:
            async for row in rows:
                await crew.wait_for(parallel - 1)
                if crew.stop is not None:
                    break
                crew.begin(row)
        await crew.wait_for(0)
    finally:
        await crew.end()
    if crew.stop is not None:
        raise crew.stop
    return crew.outcome


class _Crew:
    """Those that are at work on an event each."""

    def __init__(self, doing: Doing, progress: Callable[[BulkOutcome], None] | None) -> None:
        self._doing, self._progress = doing, progress
        self._running: dict[asyncio.Task[Done], EventRow] = {}
        self.outcome = BulkOutcome()
        self.stop: BridgeError | None = None
        """Why none is to begin any more."""

    def begin(self, row: EventRow) -> None:
        """Have one more be at work."""
        self._running[asyncio.create_task(_done(self._doing, row))] = row

    async def wait_for(self, most: int) -> None:
        """Wait until there are no more than that."""
        while len(self._running) > most:
            ended, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                self.outcome = self.outcome.plus(self._running.pop(task), self._became(task))
                if self._progress is not None:
                    self._progress(self.outcome)

    async def end(self) -> None:
        """End those that are still at work, where something else has gone wrong."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _became(self, task: asyncio.Task[Done]) -> Done:
        try:
            return task.result()
        except NotThere as error:
            return Done(kind="skipped", why=str(error))
        except BridgeError as error:
            if isinstance(error, _ENDS_ALL):
                self.stop = self.stop or error
            return Done(kind="failed", why=str(error))


async def _done(doing: Doing, row: EventRow) -> Done:
    return await doing(row)


async def _rows(events: Chosen) -> AsyncGenerator[EventRow, None]:
    if isinstance(events, AsyncIterable):
        async for row in events:
            yield row
    else:
        for row in events:
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleting:
    """Deletes one event of many."""

    delete: Callable[[EventRow], Awaitable[None]]
    even_archived: bool
    recent: datetime
    """What has no end, and began after that, is still recorded."""
    dry_run: bool

    async def __call__(self, row: EventRow) -> Done:
        """Delete it. Raises BridgeError."""
        if row.archived and not self.even_archived:
            return Done(kind="skipped", why="it is archived")
        if row.end is None and row.start > self.recent:
            return Done(kind="skipped", why="it is still recorded")
        if not self.dry_run:
            await self.delete(row)
        return Done(bytes=row.disk_bytes or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloading:
    """Fetches the video or a picture of one event of many into a folder."""

    folder: Path
    what: What
    video: Callable[[EventRow, Path], Awaitable[int]]
    picture: Callable[[EventRow, Path, str], Awaitable[Path]]
    dry_run: bool

    async def __call__(self, row: EventRow) -> Done:
        """Fetch it. Raises BridgeError."""
        target = self.folder / file_name(row, self.what)
        if await asyncio.to_thread(target.exists):
            return Done(kind="skipped", why="it is there already")
        if self.what == "video" and (row.end is None or not row.video):
            why = "it is still recorded" if row.end is None else "it was recorded as single pictures, not as a video"
            return Done(kind="skipped", why=why)
        if self.dry_run:
            return Done(bytes=(row.disk_bytes or 0) if self.what == "video" else 0)
        if self.what == "video":
            return Done(bytes=await self.video(row, target))
        path = await self.picture(row, target, self.what)
        return Done(bytes=(await asyncio.to_thread(path.stat)).st_size)


def file_name(row: EventRow, what: What) -> str:
    """Return the name of the file for an event's video or picture: two events never have the same."""
    if what != "video":
        return f"event-{row.id}-{what}.jpg"
    suffix = Path(video_name(row)).suffix or ".mp4"
    return f"event-{row.id}{suffix}"


async def made_folder(folder: str | PathLike[str], *, dry_run: bool) -> Path:
    """Return the folder, made if it is not there. Raises OutputError."""
    path = Path(folder)
    if not dry_run:
        await asyncio.to_thread(_make, path)
    return path


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} can't be made: {error.strerror or error}", hint="may you write there?") from None
