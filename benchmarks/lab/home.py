"""A real Home Assistant, and how many entities it shows as available: followed by one subscription, which costs it little."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.home_assistant import START_WITHIN_S, HomeAssistant, venv, what_is_missing

from benchmarks.lab.programs import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto


class Entities:
    """The entities that came after we began to look, by their id, and since when each is available."""

    def __init__(self) -> None:
        self._before: set[str] | None = None
        self.available: dict[str, int] = {}
        self._known: set[str] = set()
        self._news = asyncio.Event()

    @property
    def known(self) -> int:
        """How many there are, available or not."""
        return len(self._known)

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event of `subscribe_entities`."""
        at = time.monotonic_ns()
        added = {entity_id: state["s"] for entity_id, state in event.get("a", {}).items()}
        if self._before is None:
            self._before = set(added)
        changed = {entity_id: change.get("+", {}).get("s") for entity_id, change in event.get("c", {}).items()}
        for entity_id, state in (added | changed).items():
            if entity_id in self._before or state is None:
                continue
            self._known.add(entity_id)
            if state == "unavailable":
                self.available.pop(entity_id, None)
            else:
                self.available.setdefault(entity_id, at)
        self._news.set()

    async def until(self, count: int, *, within_s: float, quiet_s: float) -> bool:
        """Wait until that many are available; False if there is nothing new for a while, or it takes too long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while len(self.available) < count:
            self._news.clear()
            try:
                async with asyncio.timeout(min(quiet_s, end - loop.time())):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True


@asynccontextmanager
async def home_assistant(folder: Path, broker: Mosquitto) -> AsyncIterator[Entities]:
    """Run a fresh one that is connected to the broker."""
    missing = what_is_missing()
    if missing:
        raise CannotMeasureError(missing)
    async with HomeAssistant(folder, broker.port) as home:
        await home.stop()  # the tests' follower reads the whole registry at each change, too much here
        await home.program.start(venv() / "bin" / "hass", "--skip-pip", "--config", home.config)
        entities = Entities()
        async with aiohttp.ClientSession() as http:
            following = asyncio.create_task(_follow(http, home, entities, ready := asyncio.Event()))
            try:
                async with asyncio.timeout(START_WITHIN_S):
                    await ready.wait()
                yield entities
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def _follow(http: aiohttp.ClientSession, home: HomeAssistant, entities: Entities, ready: asyncio.Event) -> None:
    while True:
        try:
            socket = await http.ws_connect(f"{home.url}/api/websocket", max_msg_size=0)
            break
        except (OSError, aiohttp.ClientError):
            await asyncio.sleep(0.2)
    await socket.receive()
    await socket.send_json({"type": "auth", "access_token": home.token})
    assert (await socket.receive_json())["type"] == "auth_ok"
    number = 0
    while True:
        number += 1
        await socket.send_json({"id": number, "type": "get_config"})
        if (await socket.receive_json())["result"]["state"] == "RUNNING":
            break
        await asyncio.sleep(0.2)
    await socket.send_json({"id": number + 1, "type": "subscribe_entities"})
    async for message in socket:
        told = json.loads(message.data)
        if told["type"] == "event":
            entities.take(told["event"])
            ready.set()
