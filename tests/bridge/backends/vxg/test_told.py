"""What others write in a VXG is told to scripts by the hub; what the bridge writes there is not, after a restart either."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.bridge.backends.vxg.support import backend_of
from tests.bridge.scripts.triggers.made import Script, trigger
from tests.fakes.vxg import FakeVxg

from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import Enrichment, EventRef
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.feed import Feed
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.fakes.virtual_time import VirtualClock


@asynccontextmanager
async def bridge(fake: FakeVxg, clock: VirtualClock, path: Path, script: Script) -> AsyncIterator[Hub]:
    """A hub with its store, a VXG that it writes to, and a script."""
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock)
    backend = backend_of(fake, clock, write_metadata=True)
    feed = await hub.add_system(key="cloud", kind="vxg", name="Cloud", rules=MonitorRules(), backend=backend)
    dispatcher = Dispatcher(hub, clock, Effects(clock, lambda *_: None))
    dispatcher.join("a", script.triggers)
    tasks = [asyncio.create_task(each) for each in (hub.run(), Feed(hub, clock, dispatcher).run(), backend.run(feed))]
    try:
        await until(lambda: hub.monitor("cloud", "101") is not None)
        yield hub
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait([task])
        await hub.close()
        await store.close()


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1_200):
        if is_so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def scripted() -> Script:
    return Script(trigger("detection"), trigger("event", 1, label="dog"))


async def test_scripts_hear_of_documents_as_detections_and_by_the_event(clock: VirtualClock, tmp_path: Path) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        script = scripted()
        async with bridge(fake, clock, tmp_path, script) as hub:
            made = fake.world.happen(101)
            await until(lambda: (view := hub.monitor("cloud", "101")) is not None and view.last_event is not None)
            fake.world.note(101, string={"label": "dog", "source": "engine"}, float={"score": 0.7})
            await until(lambda: len(script.heard) == 2)
            detection, event = (next(one.what for number, one in script.heard if number == kind) for kind in (0, 1))
            assert (detection["source"], detection["objects"][0]["label"]) == ("vms:engine", "dog")
            assert (event["id"], event["labels"], event["score"]) == (f"cloud-{made.id}", ["dog"], 0.7)
            await asyncio.sleep(5)
            assert all(said.get("string", {}).get("source") == "engine" for _, said in fake.world.documents.values())
            ref = EventRef("cloud", 1, str(made.id))
            await hub.contribute("detect").enrich(ref, Enrichment(labels=("person",), score=0.9))
            await until(lambda: len(fake.world.documents) == 2)
            await asyncio.sleep(30)
            assert len(script.heard) == 2
        again = scripted()
        async with bridge(fake, clock, tmp_path, again):
            await asyncio.sleep(30)
            assert again.heard == []
        (ours,) = [said["string"] for _, said in fake.world.documents.values() if said["string"]["source"] == "vms_bridge"]
        assert ours["labels"] == "person", "what was read there is not written back"
