"""Pages of a script's log: what is new since a line, and a wait for it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from vms_bridge.scripting import LineLevel, LinesPage, ScriptLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.scripting import LinesAsked


class Entry(Protocol):
    """A line, as it is kept."""

    @property
    def number(self) -> int:
        """Its place in the log, from 1."""

    @property
    def time(self) -> datetime:
        """When it was said."""

    @property
    def level(self) -> str:
        """How serious it is."""

    @property
    def text(self) -> str:
        """What was said."""

    @property
    def line(self) -> int | None:
        """Where in the script."""


class Following(Protocol):
    """Somebody's place in a log."""

    async def next(self) -> Sequence[Entry]:
        """Wait for what is new, and return it."""

    def close(self) -> None:
        """Follow no more."""


class Log(Protocol):
    """A script's log, of which the newest lines are kept."""

    def tail(self, limit: int, *, least: str = ...) -> Sequence[Entry]:
        """Return the newest lines of this level and more serious, the oldest first."""

    def follow(self) -> Following:
        """Follow what is new."""


_ALL = 1_000_000


def line_of(script: str, entry: Entry) -> ScriptLine:
    """Return a line, as others see it."""
    return ScriptLine(
        script=script, number=entry.number, time=entry.time, level=LineLevel(entry.level), text=entry.text, line=entry.line
    )


async def page_of(script: str, log: Log | None, asked: LinesAsked, clock: Clock) -> LinesPage:
    """Return the lines that are asked for; where there is none yet, wait for the first as long as is asked."""
    if log is None:
        if asked.wait_s:
            await clock.sleep(asked.wait_s)
        return LinesPage(lines=(), after=asked.after or 0)
    following = log.follow()
    try:
        page = _page(script, log, asked)
        with suppress(TimeoutError):
            async with clock.timeout(asked.wait_s):
                while not page.lines and asked.wait_s:
                    await following.next()
                    page = _page(script, log, asked)
        return page
    finally:
        following.close()


def _page(script: str, log: Log, asked: LinesAsked) -> LinesPage:
    kept = log.tail(_ALL)
    newest = kept[-1].number if kept else 0
    after = asked.after if asked.after is not None and asked.after <= newest else None
    """A number that is yet to come is of before a restart: then all that is there is new."""
    wanted = [entry for entry in kept if LineLevel(entry.level).rank >= asked.level.rank and entry.number > (after or 0)]
    lost = 0 if after is None or not kept else max(kept[0].number - after - 1, 0)
    if asked.after is None:
        return LinesPage(lines=[line_of(script, entry) for entry in wanted[-asked.limit :]], after=newest)
    chosen = wanted[: asked.limit]
    last = chosen[-1].number if len(chosen) < len(wanted) else newest
    return LinesPage(lines=[line_of(script, entry) for entry in chosen], after=last, lost=lost)
