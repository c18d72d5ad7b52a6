"""A real Home Assistant, and how many of its entities are available: asked now and then, since it drops who can't keep up."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.home_assistant import START_WITHIN_S, HomeAssistant, venv, what_is_missing

from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto

_LOOK_S = 1.0


class Entities:
    """The entities that came after the first look; `rose_at` is when a look last found more of them available than before."""

    def __init__(self) -> None:
        self._before: set[str] | None = None
        self.known = self.available = 0
        self.rose_at = time.monotonic_ns()

    def look(self, states: Iterable[dict[str, Any]]) -> None:
        """Take in all states as Home Assistant tells them now."""
        told = {state["entity_id"]: state["state"] for state in states}
        if self._before is None:
            self._before = set(told)
        ours = [state for entity_id, state in told.items() if entity_id not in self._before]
        available = sum(state != "unavailable" for state in ours)
        if available > self.available:
            self.rose_at = time.monotonic_ns()
        self.known, self.available = len(ours), available


class Home:
    """A running Home Assistant."""

    def __init__(self, http: aiohttp.ClientSession, entities: Entities) -> None:
        self._http, self.entities = http, entities

    async def look(self) -> None:
        """Ask for all states."""
        async with self._http.get("/api/states") as answer:
            answer.raise_for_status()
            self.entities.look(await answer.json())

    async def until(self, count: int, *, within_s: float, quiet_s: float) -> bool:
        """Look until that many are available; False if there are no more for a while, or it takes too long."""
        end = time.monotonic_ns() + within_s * 1e9
        self.entities.rose_at = time.monotonic_ns()
        while self.entities.available < count:
            now = time.monotonic_ns()
            if now > end or now - self.entities.rose_at > quiet_s * 1e9:
                return False
            await asyncio.sleep(_LOOK_S)
            await self.look()
        return True


@asynccontextmanager
async def home_assistant(folder: Path, broker: Mosquitto) -> AsyncIterator[Home]:
    """Run a fresh one that is connected to the broker."""
    missing = what_is_missing()
    if missing:
        raise CannotMeasureError(missing)
    async with HomeAssistant(folder, broker.port) as home:
        await home.stop()  # the tests' follower reads the whole registry at each change, too much here
        await home.program.start(venv() / "bin" / "hass", "--skip-pip", "--config", home.config)
        headers = {"Authorization": f"Bearer {home.token}"}
        try:
            async with aiohttp.ClientSession(home.url, headers=headers, timeout=aiohttp.ClientTimeout(120)) as http:
                async with asyncio.timeout(START_WITHIN_S):
                    while not await _runs(http):  # noqa: ASYNC110 - another program's state
                        await asyncio.sleep(0.2)
                running = Home(http, Entities())
                await running.look()
                yield running
        finally:
            await home.program.stop(signal.SIGKILL)  # its own farewell to so many entities takes longer than the tests allow


async def _runs(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/api/config") as answer:
            return answer.status == 200 and (await answer.json())["state"] == "RUNNING"
    except (OSError, aiohttp.ClientError):
        return False
