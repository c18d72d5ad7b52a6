"""AppDaemon with the same rule as the script that is measured: it hears by MQTT that an alarm begins, and publishes a command.

What its plugin for MQTT hears in its own thread it hands to the event loop by `create_task`, which wakes no loop
(`mqtt_on_message` of mqttplugin.py, 4.5.13): it is acted upon when the loop next wakes, which it does once a second.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from benchmarks.lab.environments import python
from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto

PACKAGES = ("appdaemon==4.5.13",)
_READY_S = 60.0
_SAYS = b"the rule listens"
_CONFIG = """\
appdaemon:
  time_zone: UTC
  latitude: 0
  longitude: 0
  elevation: 0
  plugins:
    MQTT:
      type: mqtt
      namespace: mqtt
      client_host: 127.0.0.1
      client_port: {port}
      client_topics: ["{hears}"]
"""
_APPS = """\
rule:
  module: rule
  class: Rule
"""
_RULE = """\
import json

from appdaemon.plugins.mqtt import Mqtt


class Rule(Mqtt):
    def initialize(self):
        self.listen_event(self.heard, "MQTT_MESSAGE", topic="{hears}", namespace="mqtt")
        self.log("the rule listens")

    async def heard(self, event_name, data, *more, **words):
        if json.loads(data["payload"])["alarm"] == "alarm":
            await self.mqtt_publish("{commands}", "ON", namespace="mqtt")
"""


@asynccontextmanager
async def appdaemon(folder: Path, broker: Mosquitto, *, hears: str, commands: str) -> AsyncIterator[int]:
    """Run it until the end of the block, with its rule ready; gives the number of its process. Raises CannotMeasureError."""
    program = await python("appdaemon", PACKAGES)
    apps = folder / "apps"
    apps.mkdir(parents=True)
    (folder / "appdaemon.yaml").write_text(_CONFIG.format(port=broker.port, hears=hears), encoding="utf-8")
    (apps / "apps.yaml").write_text(_APPS, encoding="utf-8")
    (apps / "rule.py").write_text(_RULE.format(hears=hears, commands=commands), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(str(program), "-m", "appdaemon", "-c", str(folder)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    reading: asyncio.Task[None] | None = None
    try:
        assert process.stdout is not None
        await _until_ready(process.stdout)
        reading = asyncio.create_task(_pass(process.stdout))
        yield process.pid
    finally:
        if reading is not None:
            reading.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_ready(said: asyncio.StreamReader) -> None:
    last = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_S):
            while line := await said.readline():
                last = line
                if _SAYS in line:
                    return
    raise CannotMeasureError(f"AppDaemon's rule did not get ready; it said last: {last.decode(errors='replace').strip()}")


async def _pass(said: asyncio.StreamReader) -> None:
    """Let what it says go, so that it never waits to say more."""
    while await said.read(65_536):
        pass
