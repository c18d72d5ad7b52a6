"""What happens by rules is told to the hub: begun, ended, with a picture; and nothing waits for the hub."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.bridge.detect.lab import Lab, settings
from tests.bridge.hub.house import HubHouse
from tests.fakes.clock import FakeClock, settle

from vms_bridge.commands import AckResult, Command, DeleteEvent, Level, Origin, Target
from vms_bridge.detect.config_cameras import CameraSettings
from vms_bridge.detect.rule_events import MOST_WAITING, RuleEvents
from vms_bridge.detect.values import Found
from vms_bridge.errors import ContributionRefused, StoreError
from vms_bridge.index import Search
from vms_bridge.model import OWN, EventKind, EventPicture, EventRef, OwnEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.detect.happenings import Happening
    from vms_bridge.views import MonitorKey

ONE = ("zm", "1")
CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]
SAID: dict[str, Any] = {
    "lines": {"gate": {"points": [[0, 0.5], [1, 0.5]]}},
    "zones": {"yard": {"points": CORNERS, "events": True}},
}
RULES = CameraSettings.model_validate(SAID)


def at(y: float, *zones: str) -> Found:
    return Found("person", 0.75, (0.4, y - 0.2, 0.1, 0.2), zones=zones)


class Teller:
    """Takes what is told, or refuses it."""

    def __init__(self) -> None:
        self.told: list[tuple[MonitorKey, OwnEvent, EventRef | None]] = []
        self.refuses, self.stores = False, True
        self.may = asyncio.Event()
        self.may.set()

    async def tell(self, monitor: MonitorKey, event: OwnEvent, ref: EventRef | None = None) -> EventRef:
        await self.may.wait()
        if self.refuses:
            raise ContributionRefused("not now")
        if not self.stores:
            raise StoreError("the disk is full")
        self.told.append((monitor, event, ref))
        return ref or EventRef("zm", OWN, str(len(self.told)))


@asynccontextmanager
async def running(events: RuleEvents) -> AsyncIterator[None]:
    task = asyncio.create_task(events.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_line_that_is_crossed_is_told_once_and_is_over() -> None:
    teller, clock = Teller(), FakeClock()
    events = RuleEvents(teller, clock)
    events.use(ONE, RULES)
    async with running(events):
        now = clock.monotonic()
        assert events.frame(ONE, now - 2, [at(0.4)])[0].track == "1.1"
        events.frame(ONE, now - 1, [at(0.6)])
        await settle()
    [(monitor, event, ref)] = teller.told
    assert (monitor, ref, event.kind, event.labels, event.score, event.zones, event.direction) == (
        ONE,
        None,
        EventKind.LINE_CROSSING,
        ("person",),
        0.75,
        ("gate",),
        "in",
    )
    assert event.start == event.end == clock.now() - timedelta(seconds=1)
    assert event.cause == "line gate crossed, in"


async def test_what_goes_on_ends_by_the_same_event_and_gets_its_picture() -> None:
    teller, clock = Teller(), FakeClock()
    pictured: list[tuple[MonitorKey, EventRef, str]] = []

    async def keep(monitor: MonitorKey, ref: EventRef, happening: Happening) -> bool:
        pictured.append((monitor, ref, happening.key))
        return True

    events = RuleEvents(teller, clock, keep_picture=keep)
    events.use(ONE, RULES)
    async with running(events):
        for second in range(3):
            events.frame(ONE, second, [at(0.3, "yard")])
        await settle()
        assert events.still(ONE, 3)[0].track == "1.1"
        events.use(ONE, None)
        assert events.frame(ONE, 4, [at(0.3)]) == (at(0.3),), "whose camera is not watched has no tracks"
        assert events.still(ONE, 5) == ()
        await settle()
    assert [(event.kind, event.snapshot_ready, event.end is None, ref) for _, event, ref in teller.told] == [
        (EventKind.ZONE, False, True, None),
        (EventKind.ZONE, True, True, EventRef("zm", OWN, "1")),
        (EventKind.ZONE, True, False, EventRef("zm", OWN, "1")),
    ]
    assert pictured == [(ONE, EventRef("zm", OWN, "1"), "zone:yard")]


async def test_what_has_ended_before_it_was_told_is_told_whole() -> None:
    teller = Teller()
    events = RuleEvents(teller, FakeClock())
    events.use(ONE, RULES)
    for second in range(6):
        events.frame(ONE, second, [at(0.3, *(["yard"] if second < 3 else []))])
    async with running(events):
        await settle()
    [(_, event, ref)] = teller.told
    assert ref is None
    assert event.end is not None


async def test_a_slow_hub_holds_up_no_frame_and_fills_no_memory() -> None:
    teller = Teller()
    teller.may.clear()
    events = RuleEvents(teller, FakeClock())
    events.use(ONE, RULES)
    async with running(events):
        for step in range(2 * MOST_WAITING):
            events.frame(ONE, step, [at(0.4 if step % 2 else 0.6)])
        await settle()
        assert events.dropped >= MOST_WAITING - 2
        teller.may.set()
        await settle()
    assert len(teller.told) <= MOST_WAITING + 1


async def test_what_is_refused_is_counted_and_the_next_is_told() -> None:
    teller = Teller()
    teller.refuses = True
    events = RuleEvents(teller, FakeClock())
    events.use(ONE, RULES)
    async with running(events):
        for second, y in enumerate((0.4, 0.6)):
            events.frame(ONE, second, [at(y)])
        await settle()
        assert events.dropped == 1
        teller.refuses = False
        events.frame(ONE, 2, [at(0.4)])
        await settle()
    assert [event.direction for _, event, _ in teller.told] == ["out"]


async def test_an_end_that_can_not_be_stored_is_told_again() -> None:
    teller, clock = Teller(), FakeClock()
    events = RuleEvents(teller, clock)
    events.use(ONE, RULES)
    async with running(events):
        for second in range(3):
            events.frame(ONE, second, [at(0.3, "yard")])
        await settle()
        teller.stores = False
        for second in range(3, 6):
            events.frame(ONE, second, [at(0.3)])
        await settle()
        assert [event.end for _, event, _ in teller.told] == [None]
        teller.stores = True
        await clock.advance(5)
    assert events.dropped == 0
    assert [(ref, event.end is None) for _, event, ref in teller.told] == [(None, True), (EventRef("zm", OWN, "1"), False)]


async def test_the_hub_has_it_as_an_event_of_the_bridge_s_own(tmp_path: Path) -> None:
    async with HubHouse(tmp_path).open() as house:
        contributor = house.hub.contribute("detector")
        events = RuleEvents(contributor, house.clock)
        events.use(ONE, RULES)
        async with running(events):
            for second, y in enumerate((0.4, 0.6)):
                events.frame(ONE, second, [at(y)])
            while not (found := (await house.hub.search(Search(kinds=frozenset({"line_crossing"})))).events):
                await settle()
        [one] = found
        assert (one.ref.is_own, one.monitor, one.event.zones, one.event.direction) == (True, "1", ("gate",), "in")


async def test_detection_tells_what_its_cameras_rules_see_with_a_picture(tmp_path: Path) -> None:
    async with Lab(tmp_path).open() as lab:
        lab.vms.live["1"] = b"person .9 .4 .2 .1 .2"
        zone, line = {"points": CORNERS, "events": True}, {"points": [[0, 0.5], [1, 0.5]]}
        camera = {"fps": 0.5, "zones": {"yard": zone}, "lines": {"gate": line}}
        async with lab.detecting(settings(cameras={"zm/1": camera})):
            await lab.until(lambda: "zone" in kinds(lab))
            lab.vms.live["1"] = b"person .8 .4 .4 .1 .2"
            await lab.until(lambda: "line_crossing" in kinds(lab))
            crossed = lab.view().last_event
            assert crossed is not None
            assert crossed.ref is not None
            assert (crossed.ref.is_own, crossed.zones, crossed.direction, crossed.label) == (True, ("gate",), "in", "person")
            await lab.until(lambda: (last := lab.view().last_event) and last.snapshot_ready)
            assert (await lab.hub.picture("zm", EventPicture(event=crossed.ref))).startswith(b"drawn: person")
            assert not lab.vms.asked, "the VMS has nothing of it"
            deletion = Command(
                target=Target(system="zm", event=crossed.ref),
                name="delete",
                action=DeleteEvent(),
                origin=Origin(door="test"),
                level=Level.ADMIN,
            )
            assert (await lab.hub.submit(deletion)).result is AckResult.APPLIED
            await lab.until(lambda: len(list((tmp_path / "detection" / "pictures").iterdir())) == 1)
            [entered] = (await lab.hub.search(Search(kinds=frozenset({"zone"})))).events
            assert not entered.event.is_over
        for _ in range(1_000):
            over = await lab.hub.indexed(entered.ref)
            if over is not None and over.event.is_over:
                break
            await settle()
        assert over is not None
        assert over.event.end_reason == "abandoned", "who told it is no more"


def kinds(lab: Lab) -> set[str]:
    """Return the kind of the newest event, where there is one."""
    last = lab.view().last_event
    return set() if last is None else {last.kind}
