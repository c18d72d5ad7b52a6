"""The demo as people see it, with its real model in its real process: what is drawn is found, told, and can be searched for."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import SecretStr
from tests.e2e.conftest import need
from tests.fakes.vxg import FakeVxg
from tests.fakes.vxg.life import Life

from vms_bridge.clock import SystemClock
from vms_bridge.demo.brokers import free_port
from vms_bridge.demo.cloud import Cloud
from vms_bridge.demo.detecting import can_detect
from vms_bridge.demo.run import Show, perform
from vms_bridge.demo.table import PlainDisplay

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 150.0
LABELS = {"person", "car", "truck", "dog"}


async def test_the_demo_finds_what_it_draws(tmp_path: Path) -> None:
    need(None if can_detect() else "the extra `detect` is not installed")
    out, stopped = io.StringIO(), asyncio.Event()
    show = Show(directory=tmp_path, port=free_port(0), api_port=0, pace=4.0, detects=True)
    running = asyncio.create_task(perform(show, PlainDisplay(out), SystemClock(), stopped))
    try:
        async with asyncio.timeout(LIMIT_S):
            while not (told := re.findall(r"event update +([a-z, ]+)\n", out.getvalue())):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            label = told[0].split(",")[0]
            assert label in LABELS
            token = re.search(r"Bearer (vb_[\w-]+)' (http://\S+/api/v1)/events", out.getvalue())
            assert token is not None
            async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token[1]}"}) as session:
                while not (events := await asked(session, f"{token[2]}/events?label={label}", "events")):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
                assert label in events[0]["labels"]
                while not any(in_view(each) for each in await asked(session, f"{token[2]}/monitors", "monitors")):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
    finally:
        stopped.set()
        await running


async def test_what_is_found_is_written_to_a_vxg(tmp_path: Path) -> None:
    need(None if can_detect() else "the extra `detect` is not installed")
    out, stopped = io.StringIO(), asyncio.Event()
    async with FakeVxg(channels=3) as fake:
        life = Life(fake, pace=4.0)
        living = asyncio.create_task(life.live())
        vxg = Cloud(url=fake.url, token=SecretStr(fake.group_token()))
        show = Show(directory=tmp_path, port=free_port(0), api_port=0, detects=True, vxg=vxg)
        running = asyncio.create_task(perform(show, PlainDisplay(out), SystemClock(), stopped))
        try:
            async with asyncio.timeout(LIMIT_S):
                while not ("source: vms_bridge" in life.page() and is_tagged(fake)):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        finally:
            stopped.set()
            await running
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living


def is_tagged(fake: FakeVxg) -> bool:
    """Say whether an event of the simulated VXG has a tag for what was found: that comes a moment after the document."""
    return any(LABELS & event.meta.keys() for event in fake.world.events.values() if event.name == "motion")


def in_view(monitor: dict[str, Any]) -> bool:
    """Say whether something that is looked for is before it now."""
    return monitor["objects"] is not None and any(monitor["objects"]["labels"].values())


async def asked(session: aiohttp.ClientSession, url: str, name: str) -> list[dict[str, Any]]:
    """Return the rows of that name."""
    async with session.get(url) as answer:
        assert answer.status == 200
        rows: list[dict[str, Any]] = (await answer.json())[name]
    return rows
