"""A bridge in small, to be killed: a store, a hub that is told of events one after the other, and the API on its socket.

python -m tests.bridge.api.websocket.program FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.bridge.event_log.program import happen
from tests.fakes.backend import ScriptedBackend, snapshot
from tests.fakes.identity import HOME

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.sink import ApiSink
from vms_bridge.clock import SystemClock
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store


async def main(folder: Path) -> None:
    """Run until killed."""
    clock = SystemClock()
    store = Store.open(folder, clock)
    hub = Hub(store, clock)
    await hub.start()
    feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
    feed.emit(snapshot())
    sink = ApiSink(HttpConfig(port=0), replace(HOME, data_dir=folder), clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(sink.run(hub))
        group.create_task(happen(feed))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
