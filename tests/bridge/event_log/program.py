"""A bridge in small, to be killed: a store, a hub that is told of events one after the other, and the event log.

    python -m tests.bridge.event_log.program FOLDER MOST_BYTES [finish]

It says the number of each event that is stored. With `finish` nothing more happens, and it ends when all is in the log.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.backend import START, ScriptedBackend, event, snapshot, state

from vms_bridge.clock import SystemClock
from vms_bridge.event_log.files import LogFile
from vms_bridge.event_log.sink import EventLog
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, EventBatch, StateUpdate
from vms_bridge.store import Store

if TYPE_CHECKING:
    from vms_bridge.hub import SystemFeed

FILE = "events.jsonl"


async def main(folder: Path, most_bytes: int, *, finish: bool) -> None:
    """Run until killed, or until all is written."""
    clock = SystemClock()
    store = Store.open(folder / "data", clock)
    hub = Hub(store, clock)
    feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
    log = EventLog(LogFile(folder / FILE, most_bytes=most_bytes, most_files=100), clock, states=True)
    logging = asyncio.create_task(log.run(hub))
    feed.emit(snapshot())
    if not finish:
        await happen(feed)
    while log._after is None or (await hub.history(log._after, 1)).messages:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    logging.cancel()
    await asyncio.wait([logging])
    await hub.close()
    await store.close()


async def happen(feed: SystemFeed) -> None:
    """Let events begin and end, and alarms come and go, for ever."""
    number = int(feed.resume.cursor or 0)
    while True:
        number += 1
        begun = [event(number + more * 1_000_000, notes="x" * (number % 50)) for more in range(1 + number % 3)]
        feed.emit(StateUpdate(monitor_id="1", state=state(alarm=AlarmState.ALARM if number % 2 else AlarmState.IDLE)))
        await feed.record(EventBatch(events=tuple(begun)))
        ended = [event(int(each.id), notes=each.notes, end=START, alarm_frames=number) for each in begun]
        await feed.record(EventBatch(events=tuple(ended), cursor=str(number)))
        print(number, flush=True)  # noqa: T201 - to whoever kills it


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), finish="finish" in sys.argv))
