"""Whatever breaks off, a client that keeps its cursor misses no event message, and gets none twice that is not `replayed`.

VMS_BRIDGE_KILLS=100 kills the bridge a hundred times, VMS_BRIDGE_SEED=7 at other moments.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.api.lab import until
from tests.bridge.api.websocket.lab import Client, ClosedError, house, listens

from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bridge.api.websocket.lab import House

ROOT = Path(__file__).parents[4]
KILLS = int(os.environ.get("VMS_BRIDGE_KILLS", "2"))
SEED = int(os.environ.get("VMS_BRIDGE_SEED", "1"))


@dataclass
class Follower:
    """One who writes down what comes, and now and then forgets what came last, as a kill has him do."""

    cursor: str | None = "beginning"
    cursors: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)

    def take(self, item: dict[str, Any]) -> None:
        assert item["what"] != "gap", item
        if item["what"] == "event":
            said = f"{item['value']['id']} {item['value']['type']}"
            self.heard.append(said)
            self.cursors.append(item["cursor"])
            self.cursor = item["cursor"]
            if not item["replayed"]:
                self.fresh.append(said)

    def forget(self, count: int) -> None:
        kept = self.cursors[: max(0, len(self.cursors) - count)]
        self.cursor = kept[-1] if kept else "beginning"

    def check(self, stored: Sequence[str]) -> None:
        assert len(self.fresh) == len(set(self.fresh)), "twice, and not replayed"
        assert list(dict.fromkeys(self.heard)) == list(stored), "missing, or in another order"


STEPS = st.lists(
    st.tuples(st.sampled_from(["record", "hear", "leave", "break", "forget", "restart"]), st.integers(1, 5)), max_size=14
)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_random_ends_of_client_and_bridge(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    folder, follower, number = tmp_path_factory.mktemp("data"), Follower(), 0
    left = [*steps, ("record", 1)]
    while left:
        async with house(folder, limits={"requests": 10_000}) as home:
            number = await follow(home, follower, left, number)
            if not left:
                async with aiohttp.ClientSession() as session:
                    await hear(await client(home, session, follower), follower, number)
    follower.check([f"zm-{each} new" for each in range(1, number + 1)])


async def follow(home: House, follower: Follower, left: list[tuple[str, int]], number: int) -> int:
    """Go through the steps until the bridge has to end; return how many events there were."""
    async with aiohttp.ClientSession() as session:
        one = await client(home, session, follower)
        while left:
            step, count = left.pop(0)
            match step:
                case "record":
                    await home.record(*range(number + 1, number + count + 1))
                    number += count
                case "hear":
                    await hear(one, follower, min(number, len(set(follower.heard)) + count))
                case "restart":
                    break
                case _:
                    if step == "forget":
                        follower.forget(count)
                    if step == "leave":
                        await one.ws.close()
                    elif one.ws._response.connection and one.ws._response.connection.transport:
                        one.ws._response.connection.transport.abort()
                    one = await client(home, session, follower)
    return number


async def client(home: House, session: aiohttp.ClientSession, follower: Follower) -> Client:
    one = Client(await session.ws_connect(f"{home.url}/ws", headers={"Authorization": f"Bearer {await home.token()}"}), home.host)
    one.is_strict = False
    await one.authenticate(None)
    await one.say(type="subscribe", after=follower.cursor)
    return one


async def hear(one: Client, follower: Follower, count: int) -> None:
    """Listen until so many different messages were heard."""
    while len(set(follower.heard)) < count:
        follower.take(await one.item())


@pytest.mark.timeout(60 + 15 * KILLS)
async def test_no_kill_of_the_bridge_costs_a_message(tmp_path: Path) -> None:
    chance, follower = random.Random(SEED), Follower()  # noqa: S311 - no secret
    for _ in range(KILLS):
        await run_and_kill(tmp_path, follower, wanted=len(follower.heard) + chance.randrange(1, 120))
        follower.forget(chance.randrange(3))
    with closing(sqlite3.connect(tmp_path / "vms-bridge.sqlite")) as store:
        stored = store.execute("SELECT system || '-' || event_id || ' ' || type FROM messages ORDER BY position").fetchall()
    heard = list(dict.fromkeys(follower.heard))
    assert heard == [said for (said,) in stored][: len(heard)], "missing, or in another order"
    assert len(follower.fresh) == len(set(follower.fresh))
    assert len(heard) > KILLS


async def run_and_kill(folder: Path, follower: Follower, wanted: int) -> None:
    """Run the bridge until so many messages were heard in all."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bridge.api.websocket.program", str(folder)),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/bridge{os.pathsep}{ROOT}"},
    )
    await until(lambda: listens(folder) or running.returncode is not None)
    assert running.returncode is None, "it has ended by itself"
    following = asyncio.create_task(follow_until_it_ends(folder, follower))
    await until(lambda: len(follower.heard) >= wanted)
    running.kill()
    await running.communicate()
    await following


async def follow_until_it_ends(folder: Path, follower: Follower) -> None:
    connector = aiohttp.UnixConnector(str(api_socket(folder)))
    with suppress(ClosedError, aiohttp.ClientError):
        async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect("http://localhost/api/v1/ws") as ws:
            one = Client(ws, "localhost")
            one.is_strict = False
            await one.authenticate(None)
            await one.say(type="subscribe", after=follower.cursor)
            while True:
                follower.take(await one.item())
