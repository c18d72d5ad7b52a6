"""A VXG for the verbs that ask one themselves, and how a test gives them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.fakes.vxg import FakeVxg

from vms_bridge.cli import main
from vms_bridge.cli.vxg.place import LKEY, TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    Ran = Callable[..., Coroutine[None, None, tuple[int, str, str]]]


@pytest.fixture
async def fake() -> AsyncIterator[FakeVxg]:
    async with FakeVxg(channels=3) as fake:
        fake.world.task_delay_s = fake.world.images_delay_s = 0.01
        yield fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run the program in a thread, as the server is on the loop; return its code and what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("STATE_DIRECTORY", TOKEN, LKEY):
        monkeypatch.delenv(name, raising=False)

    async def ran(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["vxg", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ran


@pytest.fixture
def vxg(fake: FakeVxg, run: Ran, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Give a verb to that VXG, by its group's token."""

    async def asked(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv(TOKEN, fake.group_token())
        return await run(*arguments, "--url", fake.url)

    return asked


@pytest.fixture
def account(fake: FakeVxg, run: Ran, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """The same by the account's key."""

    async def asked(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv(LKEY, fake.lkey)
        return await run(*arguments, "--url", fake.url)

    return asked
