"""What scripts find in the index: by all of its filters, page after page, and of what they see only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.lab import EPOCH, Site, Worker, site

from vms_bridge.errors import BodyInvalid, NotFound, SearchRefused
from vms_bridge.scripts.services import archive
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, lambda hub, _: archive.rows(hub), indexed=True) as made:
        yield made


SETTLED = EPOCH + timedelta(minutes=50)
"""What began before is over, and changes no more: the simulated system tells of what goes on now whenever it comes to it."""


async def found(sim: Site, worker: Worker | None = None, **words: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as it is asked
    words.setdefault("until", SETTLED.isoformat())
    events: list[dict[str, Any]] = (await sim.ask(worker or Worker(), "archive.find", **words))["events"]
    return events


async def test_each_filter_leaves_what_it_says(sim: Site) -> None:
    every = await found(sim, limit=500)
    assert len(every) > 50
    people = [one for one in every if "person" in one["labels"]]
    assert 0 < len(people) < len(every)
    assert await found(sim, labels=["person"], limit=500) == people
    assert await found(sim, monitors=["2"], limit=500) == [one for one in every if one["monitor"] == "2"]
    assert await found(sim, systems=["sim"], limit=500) == every
    sure = await found(sim, min_score=0.9, limit=500)
    assert sure == [one for one in every if one["score"] is not None and one["score"] >= 0.9]
    zone = people[0]["zones"][0]
    assert await found(sim, zones=[zone], limit=500) == [one for one in every if zone in one["zones"]]
    assert await found(sim, kinds=["continuous"], limit=500) == [one for one in every if one["kind"] == "continuous"]
    assert await found(sim, open=False, limit=500) == every
    now = sim.clock.now().isoformat()
    assert all(one["end_reason"] is None for one in await found(sim, open=True, until=now, limit=500))
    long = await found(sim, min_duration=20, limit=500)
    assert long == [one for one in every if one["duration"] is not None and one["duration"] >= 20]
    assert await found(sim, max_duration=1e9, max_score=0.8, until=EPOCH.isoformat()) == []
    assert await found(sim, plates=["B AB 123"]) == await found(sim, faces=["Ada"]) == await found(sim, words="courier") == []
    middle = every[len(every) // 2]["start"]
    later, earlier = await found(sim, since=middle, limit=500), await found(sim, until=middle, limit=500)
    assert [one["id"] for one in (*later, *earlier)] == [one["id"] for one in every]


async def test_pages_follow_each_other(sim: Site) -> None:
    every, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = await sim.ask(
            Worker(), "archive.find", limit=40, until=SETTLED.isoformat(), **({} if after is None else {"after": after})
        )
        every += [one["id"] for one in page["events"]]
        after, pages = page["after"], pages + 1
    assert pages > 2
    assert every == [one["id"] for one in await found(sim, limit=500)]


async def test_only_what_is_seen_is_found(sim: Site) -> None:
    some = Worker().may(monitors=("sim/2",))
    assert {one["monitor"] for one in await found(sim, some, limit=500)} == {"2"}
    assert await found(sim, Worker().may(monitors=()), limit=500) == []
    for words in ({"monitors": ["1"]}, {"systems": ["other"]}):
        with pytest.raises(NotFound):
            await found(sim, some, **words)


async def test_one_event_is_told_in_the_words_of_the_api(sim: Site) -> None:
    first = (await found(sim, limit=1))[0]
    said = (await sim.ask(Worker(), "event.get", event=first["id"]))["event"]
    assert said == first
    assert (said["system"], said["monitor_name"] is not None) == ("sim", True)
    with pytest.raises(NotFound, match="there is no event"):
        await sim.ask(Worker().may(monitors=("sim/none",)), "event.get", event=first["id"])
    with pytest.raises(NotFound, match="there is no event"):
        await sim.ask(Worker(), "event.get", event="sim-99999999")


async def test_a_page_that_would_fill_a_frame_is_made_smaller(sim: Site) -> None:
    sim.services = Services(archive.rows(sim.hub, most_page_bytes=4_000), sim.clock)
    page = await sim.ask(Worker(), "archive.find", limit=100)
    assert 1 <= len(page["events"]) <= 10
    assert page["after"] is not None


@pytest.mark.parametrize(
    "words",
    [
        {"limit": 0},
        {"limit": 501},
        {"min_score": 2},
        {"monitors": "1"},
        {"since": "yesterday"},
        {"since": "2026-11-20T12:00:00"},
        {"words": ""},
        {"labels": [""]},
        {"labels": ["x"] * 101},
        {"open": "perhaps"},
        {"max_duration": float("nan")},
        {"sql": "x"},
    ],
)
async def test_bad_words(sim: Site, words: dict[str, Any]) -> None:
    with pytest.raises(BodyInvalid):
        await found(sim, **words)


async def test_a_page_that_there_is_not(sim: Site) -> None:
    with pytest.raises(SearchRefused):
        await found(sim, after="no cursor")
