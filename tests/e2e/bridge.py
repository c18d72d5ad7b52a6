"""The bridge as a user runs it: its own process, a configuration file, a data directory."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.processes import Program

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ROOT = "vms_bridge/e2e"
BRIDGE = """\
instance: e2e
data_dir: {folder}/data
mqtt: {{url: "{broker}", commands: admin}}
systems:
  zm:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: {zoneminder.shared_memory}
    monitors_interval: 2
  far:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: false
    monitors: {{include: ["1"], "1": {{name: Far Door}}}}
  sim: {{type: simulator}}
"""
_GRAVE = re.compile(r"^\S+Z (error|critical) |\bTraceback ")
COMMAND = Path(sys.executable).parent / "vms-bridge"


def grave_lines(log: str, excused: Collection[str] = ()) -> list[str]:
    """Return the errors and tracebacks of a log in text form, but for lines with words that are excused."""
    return [line for line in log.splitlines() if _GRAVE.search(line) and not any(words in line for words in excused)]


class Bridge:
    """`vms-bridge run` with a configuration of its own."""

    def __init__(self, folder: Path, configuration: str, secrets: Mapping[str, str] | None = None) -> None:
        self.config = folder / "vms-bridge.yaml"
        self.config.write_text(configuration)
        self.program = Program("vms-bridge", folder / "vms-bridge.log")
        self.secrets = dict(secrets or {})

    async def start(self) -> None:
        """Start it."""
        await self.program.start(COMMAND, "run", "--config", self.config, environment=self.secrets)

    async def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End it; by SIGTERM it has to end well."""
        code = await self.program.stop(with_signal)
        if with_signal is signal.SIGTERM and code is not None:
            assert code == 0, f"vms-bridge ended with {code}:\n{self.program.tail()}"

    async def check(self, **secrets: str) -> tuple[int, str]:
        """Run `vms-bridge check` with this configuration; return its exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            COMMAND, "check", "--config", self.config, env=os.environ | self.secrets | secrets, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    @property
    def log(self) -> str:
        """All that it said."""
        return self.program.log.read_text(errors="replace")
