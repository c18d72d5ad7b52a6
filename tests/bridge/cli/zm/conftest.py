"""A ZoneMinder for the verbs that ask one themselves, and how a test gives them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.cli import main
from vms_bridge.cli.zm.place import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    Zm = Callable[..., Coroutine[None, None, tuple[int, str, str]]]


@pytest.fixture
def world() -> World:
    return World(monitors=3)


@pytest.fixture
async def fake(world: World) -> AsyncIterator[FakeZoneMinder]:
    async with FakeZoneMinder(world) as fake:
        yield fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zm:
    """Run the program in a thread, as the server is on the loop; return its code and what it prints."""
    monkeypatch.chdir(tmp_path)

    async def ran(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["zm", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ran


@pytest.fixture
def zm(fake: FakeZoneMinder, run: Zm, monkeypatch: pytest.MonkeyPatch) -> Zm:
    """Give a verb to that ZoneMinder."""
    monkeypatch.setenv(PASSWORD, fake.users["admin"].password)

    async def asked(*arguments: str) -> tuple[int, str, str]:
        return await run(*arguments, "--url", fake.url, "--user", "admin")

    return asked
