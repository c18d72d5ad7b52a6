"""What scripts say of events: it is at the event, under the script's name, and stays when the script is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import served
from tests.bridge.scripts.services.lab import Worker, site
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BodyInvalid, ContributionRefused, NotFound
from vms_bridge.model import EventBatch
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services import archive, events
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import Hub

MAY = Worker().may(annotate=True)


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)))
    async with served(tmp_path, backend) as hub:
        assert backend.feed is not None
        await backend.feed.record(EventBatch(events=(event(7), event(8, "2"))))
        yield Asking(hub)


class Asking:
    """One table of services for all that a test asks."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.services = Services((*events.rows(hub), *archive.rows(hub)), SystemClock())


async def ask(asking: Asking, worker: Worker, what: str, **words: object) -> Any:  # noqa: ANN401 - JSON
    return (await asking.services.answer(worker, what, words)).words


async def test_it_is_at_the_event_and_found_by_it(asking: Asking) -> None:
    said = {"labels": ["courier"], "score": 0.8, "zones": ["Gate"], "text": "a parcel", "plates": ["B AB 123"], "faces": ["Ada"]}
    await ask(asking, MAY, "event.annotate", event="zm-7", **said)
    found = (await ask(asking, MAY, "event.get", event="zm-7"))["event"]
    assert {name: found[name] for name in said} == said
    assert [one["id"] for one in (await ask(asking, MAY, "archive.find", plates=["B AB 123"], faces=["Ada"]))["events"]] == [
        "zm-7"
    ]


async def test_each_script_has_its_own_say_and_replaces_it_as_a_whole(asking: Asking) -> None:
    other = Worker("other").may(annotate=True)
    await asyncio.gather(
        ask(asking, MAY, "event.annotate", event="zm-7", plates=["A 1"], text="first"),
        ask(asking, other, "event.annotate", event="zm-7", plates=["B 2"]),
        ask(asking, MAY, "event.annotate", event="zm-8", plates=["C 3"]),
    )
    await ask(asking, MAY, "event.annotate", event="zm-7", plates=["A 2"])
    found = (await ask(asking, MAY, "event.get", event="zm-7"))["event"]
    assert (sorted(found["plates"]), found["text"]) == (["A 2", "B 2"], None)
    asking.hub.contribute("script/gate").close()


async def test_it_takes_the_permission_and_an_event_that_is_seen(asking: Asking) -> None:
    with pytest.raises(PermissionMissing, match="permission annotate"):
        await ask(asking, Worker(), "event.annotate", event="zm-7", text="x")
    for worker, name in ((MAY.may(monitors=("zm/2",)), "zm-7"), (MAY, "zm-99")):
        with pytest.raises(NotFound, match="there is no event"):
            await ask(asking, worker, "event.annotate", event=name, text="x")
    assert (await ask(asking, MAY, "event.get", event="zm-7"))["event"]["text"] is None


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"event": "zm-7", "labels": ["x"] * 33},
        {"event": "zm-7", "labels": [""]},
        {"event": "zm-7", "plates": ["x" * 65]},
        {"event": "zm-7", "score": 0.5},
        {"event": "zm-7", "labels": ["x"], "score": 2},
        {"event": "zm-7", "text": "x" * 2_001},
        {"event": "zm-7", "notes": "x"},
    ],
)
async def test_bad_words(asking: Asking, words: dict[str, Any]) -> None:
    with pytest.raises(BodyInvalid):
        await ask(asking, MAY, "event.annotate", **words)


async def test_a_system_that_was_taken_away_meanwhile(asking: Asking) -> None:
    asking.hub.remove_system("zm")
    with pytest.raises((NotFound, ContributionRefused)):
        await ask(asking, MAY, "event.annotate", event="zm-7", text="x")


async def test_events_of_a_simulated_system(tmp_path: Path) -> None:
    async with site(tmp_path, lambda hub, _: (*events.rows(hub), *archive.rows(hub)), indexed=True) as sim:
        found = (await sim.ask(MAY, "archive.find", limit=1, open=False))["events"][0]
        await sim.ask(MAY, "event.annotate", event=found["id"], text="seen twice")
        assert [one["id"] for one in (await sim.ask(MAY, "archive.find", words="twice"))["events"]] == [found["id"]]
