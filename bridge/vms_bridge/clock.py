"""The only place that reads clocks and waits, so that tests can drive time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class TimeLimit(Protocol):
    """A time limit that was set."""

    def expired(self) -> bool:
        """Say whether it is over: a TimeoutError may as well be that of somebody within."""


class Clock(Protocol):
    """Time as the bridge sees it."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that long."""

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

    async def sleep(self, seconds: float) -> None:
        """Wait for that long."""
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[TimeLimit]:
        """Set a time limit."""
        return asyncio.timeout(seconds)  # noqa: TID251 - the one place
