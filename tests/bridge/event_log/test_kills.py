"""Killed again and again, the event log has each event message once, in order and byte for byte.

VMS_BRIDGE_KILLS=100 kills it a hundred times, VMS_BRIDGE_SEED=7 at other moments.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.bridge.event_log.lab import events, parsed
from tests.bridge.event_log.program import FILE

from vms_bridge.history import Cursor

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("VMS_BRIDGE_KILLS", "10"))
SEED = int(os.environ.get("VMS_BRIDGE_SEED", "1"))


async def program(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bridge.event_log.program", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/bridge{os.pathsep}{ROOT}"},
    )


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_no_kill_costs_a_message_or_writes_one_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    most_bytes = 20_000 * max(1, KILLS // 10)
    for _ in range(KILLS):
        running = await program(str(tmp_path), str(most_bytes))
        assert running.stdout
        for _ in range(chance.randrange(1, 60)):
            assert await running.stdout.readline(), "it has ended by itself"
        running.kill()
        await running.communicate()
    finishing = await program(str(tmp_path), str(most_bytes), "finish")
    await finishing.communicate()
    assert finishing.returncode == 0
    with closing(sqlite3.connect(tmp_path / "data" / "vms-bridge.sqlite")) as store:
        stored = store.execute("SELECT position, payload FROM messages ORDER BY position").fetchall()
    assert len(stored) > KILLS * 4
    assert events(tmp_path / FILE) == stored
    places = [Cursor.parse(said["cursor"]).position for said in parsed(tmp_path / FILE) if said["cursor"]]
    assert places == sorted(places)
    assert {said["what"] for said in parsed(tmp_path / FILE)} == {"event", "state"}, "no gap"
