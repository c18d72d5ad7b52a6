"""The only place that reads clocks and waits, so that tests can drive time."""

from __future__ import annotations

import asyncio
import select
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class TimeLimit(Protocol):
    """A time limit that was set."""

    def expired(self) -> bool:
        """Say whether it is over: a TimeoutError may as well be that of somebody within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in time from which another run of the bridge can measure.

    `boot` names the start of the machine, `uptime_s` is the time since then, its sleep included.
    """

    boot: str
    uptime_s: float
    wall: datetime

    def until(self, later: Moment) -> float | None:
        """Return how many seconds there are to a later moment; None where that can't be known.

        Within one start of the machine no clock that is set changes it. Beyond that the wall clock is believed, unless it
        says that this was since that start, which it was not.
        """
        if self.boot == later.boot:
            seconds = later.uptime_s - self.uptime_s
            return seconds if seconds >= 0 else None
        seconds = (later.wall - self.wall).total_seconds()
        return seconds if seconds >= later.uptime_s else None


class Clock(Protocol):
    """Time as the bridge sees it."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""

    def moment(self) -> Moment:
        """Return now, for whoever compares it after a restart."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that long."""

    def pause(self, seconds: float) -> None:
        """Wait for that long, in a thread other than the event loop's."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[TimeLimit]:
        """Set a time limit (None: none), as `asyncio.timeout` does: what runs within is cancelled, and TimeoutError raised."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def moment(self) -> Moment:
        """Return now, for whoever compares it after a restart."""
        return Moment(boot=_BOOT, uptime_s=time.clock_gettime(time.CLOCK_BOOTTIME), wall=datetime.now(UTC))

    async def sleep(self, seconds: float) -> None:
        """Wait for that long."""
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Wait for that long, in a thread other than the event loop's."""
        select.select((), (), (), seconds)  # `time.sleep` fails under faketime, by which the chaos suite sets clocks

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[TimeLimit]:
        """Set a time limit."""
        return asyncio.timeout(seconds)  # noqa: TID251 - the one place


def _boot() -> str:
    """Return what Linux calls this start of the machine; where it does not say, a name that no other run knows."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid.uuid4().hex


_BOOT = _boot()  # once: to read a file is nothing for an event loop
