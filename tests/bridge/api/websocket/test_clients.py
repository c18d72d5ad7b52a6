"""The two clients of docs/websocket.md, as they stand there: they follow a bridge, and know an impostor."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.websocket.lab import house

from vms_bridge.model import AlarmState
from vms_bridge.tokens import new_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE = (Path(__file__).parents[4] / "docs" / "websocket.md").read_text(encoding="utf-8")
DEBIANS = Path("/usr/share/nodejs/ws")
"""What Debian has for its Node.js 18, which has no WebSocket of its own."""


def node(folder: Path) -> list[str]:
    """How to run a JavaScript client here."""
    found = shutil.which("node")
    if found is None:
        if os.environ.get("VMS_BRIDGE_REQUIRE_REAL"):
            pytest.fail("there is no Node.js to run the JavaScript client by")
        pytest.skip("needs Node.js")
    version = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603
    major = int(version.removeprefix("v").partition(".")[0])
    if major >= 20:
        return [found] if major >= 22 else [found, "--experimental-websocket"]
    if not DEBIANS.is_dir():
        pytest.skip("this Node.js has no WebSocket of its own, and Debian's node-ws is not installed")
    before = folder / "before.cjs"
    before.write_text(f'globalThis.WebSocket = require("{DEBIANS}").WebSocket;')
    return [found, "--require", str(before)]


@pytest.fixture(params=["python", "js"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that runs the client in this language."""
    (code,) = re.findall(f"```{request.param}\n(.*?)```", PAGE, re.DOTALL)
    assert len(code.splitlines()) <= 22
    command, name = ([sys.executable], "client.py") if request.param == "python" else (node(tmp_path), "client.mjs")
    (tmp_path / name).write_text(code, encoding="utf-8")
    return [*command, str(tmp_path / name)]


async def lines(process: asyncio.subprocess.Process) -> AsyncIterator[list[str]]:
    assert process.stdout
    async for line in process.stdout:
        yield line.decode().split(maxsplit=2)


async def started(program: list[str], host: str, token: str, cursor: str | None = None) -> asyncio.subprocess.Process:
    env = {"PATH": os.environ["PATH"], "BRIDGE": host, "TOKEN": token, "NODE_NO_WARNINGS": "1"}
    env |= {"CURSOR": cursor} if cursor else {}
    return await asyncio.create_subprocess_exec(*program, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)


async def ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_it_follows_and_goes_on_from_its_cursor(tmp_path: Path, program: list[str]) -> None:
    async with house(tmp_path) as home:
        token = await home.token()
        process = await started(program, home.host, token)
        try:
            told: list[list[str]] = []
            async for line in lines(process):
                told.append(line)
                if line[0] == "synced":
                    home.show(alarm=AlarmState.ALARM)
                    await home.record(1)
                elif line[0] == "event":
                    break
            assert {"bridge", "system", "monitor", "state", "synced", "event"} <= {line[0] for line in told}
            cursor = told[-1][1]
        finally:
            await ended(process)
        await home.record(2)
        process = await started(program, home.host, token, cursor)
        try:
            async for line in lines(process):
                if line[0] == "event":
                    assert "zm-2" in line[2]
                    break
        finally:
            await ended(process)


async def test_it_goes_no_further_where_the_proof_is_wrong(tmp_path: Path, program: list[str]) -> None:
    async with house(tmp_path) as home:
        process = await started(program, home.host, new_token()[1])
        assert process.stderr
        try:
            async with asyncio.timeout(15):
                assert b"this is not the bridge" in await process.stderr.read()
        finally:
            await ended(process)
