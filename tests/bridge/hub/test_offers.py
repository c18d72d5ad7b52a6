"""What contributors offer, do and show themselves: commands go to them, monitors say what is in force, pictures are theirs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import HubHouse, served
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot
from tests.fakes.clock import FakeClock

from vms_bridge.archive import EventFrame, FrameKind
from vms_bridge.commands import AckResult, Command, Level, Origin, SetMotionDetection, SetNote, Target
from vms_bridge.contributing import NOTHING_OFFERED, Offer, Performed
from vms_bridge.errors import CommandRejected, ContributionRefused, MediaUnavailable
from vms_bridge.keys import MonitorRules
from vms_bridge.model import Capability, EventBatch, EventPicture, EventRef, FullState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.commands import Action
    from vms_bridge.contributing import Contributor
    from vms_bridge.hub import Hub
    from vms_bridge.views import MonitorView

ONE = ("zm", "1")
SEVEN = EventRef("zm", 1, "7")
PLAIN = frozenset({Capability.ALARM_STATE})
DETECTS = Offer(
    capabilities=frozenset({Capability.DETECTION}), settings={"is_on": True}, choices={"profile": ("default", "night")}
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[HubHouse]:
    async with HubHouse(tmp_path, monitors=2).open() as one:
        one.feed.emit(plain())
        yield one


def plain() -> FullState:
    return snapshot(monitor(1, capabilities=PLAIN), monitor(2, capabilities=PLAIN))


def view(hub: Hub, key: str = "1") -> MonitorView:
    found = hub.monitor("zm", key)
    assert found
    return found


def command(action: Action, target: Target | None = None) -> Command:
    target = target or Target(system="zm", monitor="1")
    return Command(target=target, action=action, name="x", origin=Origin(door="test"), level=Level.ADMIN)


async def test_a_monitor_is_shown_with_what_is_offered_for_it_and_without_it_afterwards(house: HubHouse) -> None:
    subscription = house.hub.subscribe()
    await subscription.changes()
    detector, other = house.hub.contribute("detector"), house.hub.contribute("other")
    detector.offer(ONE, DETECTS)
    assert (view(house.hub).monitor.capabilities, view(house.hub).offer) == (PLAIN | {Capability.DETECTION}, DETECTS)
    assert (await subscription.changes()).described == {ONE}
    detector.offer(ONE, DETECTS)
    house.feed.emit(plain())
    other.offer(ONE, Offer(settings={"more": 1.0}))
    assert view(house.hub).offer.settings == {"is_on": True, "more": 1.0}
    assert view(house.hub).monitor.capabilities == PLAIN | {Capability.DETECTION}, "described anew by its VMS"
    assert view(house.hub, "2").offer == NOTHING_OFFERED
    other.close()
    detector.close()
    assert (view(house.hub).monitor.capabilities, view(house.hub).offer) == (PLAIN, NOTHING_OFFERED)
    with pytest.raises(ContributionRefused):
        detector.offer(ONE, DETECTS)


async def test_what_is_offered_outlives_another_configuration_of_the_system(house: HubHouse) -> None:
    house.hub.contribute("detector").offer(ONE, DETECTS)
    await house.add()
    assert view(house.hub).offer == DETECTS
    assert Capability.DETECTION in view(house.hub).monitor.capabilities


async def test_what_was_offered_before_another_configuration_can_be_taken_back(house: HubHouse) -> None:
    detector = house.hub.contribute("detector")
    detector.offer(ONE, DETECTS)
    house.feed = await house.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
    assert Capability.DETECTION in view(house.hub).monitor.capabilities, "before its VMS has said anything"
    detector.offer(ONE, NOTHING_OFFERED)
    assert view(house.hub).monitor.capabilities == PLAIN


async def test_what_is_offered_is_not_remembered_as_the_vms_s_own(tmp_path: Path) -> None:
    house = HubHouse(tmp_path, monitors=2)
    async with house.open():
        house.feed.emit(plain())
        house.hub.contribute("detector").offer(ONE, DETECTS)
        housekeeping = asyncio.create_task(house.hub.run())
        while not await house.store.monitors("zm"):
            await house.clock.advance(10)
        housekeeping.cancel()
        await asyncio.wait([housekeeping])
        kept = await house.store.monitors("zm")
    assert {each.key: each.monitor.capabilities for each in kept if each.monitor} == {"1": PLAIN, "2": PLAIN}


async def test_nothing_is_offered_for_a_monitor_that_there_is_not(house: HubHouse) -> None:
    detector = house.hub.contribute("detector")
    for key in (("zm", "9"), ("no", "1")):
        with pytest.raises(ContributionRefused):
            detector.offer(key, DETECTS)


async def offering(hub: Hub, perform: object) -> Contributor:
    detector = hub.contribute("detector")
    detector.offer(ONE, Offer(capabilities=frozenset({Capability.DETECTION, Capability.EVENT_NOTE})))
    detector.perform(perform)  # type: ignore[arg-type]  # a test's
    return detector


async def test_commands_that_need_what_is_offered_go_to_the_contributor_and_to_no_vms(tmp_path: Path) -> None:
    asked: list[tuple[Target, Action]] = []

    async def perform(target: Target, action: Action) -> Performed:
        asked.append((target, action))
        return Performed(detail={"objects": []}) if isinstance(action, SetNote) else Performed(is_new=len(asked) == 1)

    backend = ScriptedBackend(first=plain())
    async with served(tmp_path, backend, FakeClock()) as hub:
        await offering(hub, perform)
        ack = await hub.submit(command(SetMotionDetection(on=False)))
        assert (ack.result, ack.applied, ack.detail) == (AckResult.APPLIED, "OFF", None)
        ack = await hub.submit(command(SetMotionDetection(on=False)))
        assert ack.result is AckResult.UNCHANGED
        ack = await hub.submit(command(SetNote(text="x"), Target(system="zm", event=SEVEN)))
        assert (ack.result, ack.detail) == (AckResult.APPLIED, {"objects": []})
        assert [target for target, _ in asked] == [Target(system="zm", monitor="1")] * 2 + [Target(system="zm", event=SEVEN)]
        refused = await hub.submit(command(SetMotionDetection(on=True), Target(system="zm", monitor="2")))
        assert (refused.result, refused.code) == (AckResult.REFUSED, "unsupported")
    assert not backend.actions


async def test_a_contributor_that_refuses_or_takes_too_long_is_answered_for(tmp_path: Path) -> None:
    clock = FakeClock()

    async def perform(_target: Target, action: Action) -> Performed:
        if action == SetMotionDetection(on=True):
            raise CommandRejected("no", hint="never")
        await asyncio.Event().wait()
        raise AssertionError

    async with served(tmp_path, ScriptedBackend(first=plain()), clock) as hub:
        detector = await offering(hub, perform)
        ack = await hub.submit(command(SetMotionDetection(on=True)))
        assert (ack.result, ack.hint) == (AckResult.REFUSED, "no: never")
        waiting = asyncio.create_task(hub.submit(command(SetMotionDetection(on=False))))
        await clock.advance(11)
        assert (await waiting).result is AckResult.TIMEOUT
        detector.close()
        assert (await hub.submit(command(SetMotionDetection(on=True)))).result is AckResult.REFUSED


async def test_one_that_offers_and_has_not_said_how_refuses(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedBackend(first=plain()), FakeClock()) as hub:
        hub.contribute("detector").offer(ONE, DETECTS)
        ack = await hub.submit(command(SetMotionDetection(on=True)))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")


async def test_an_events_picture_is_the_contributors_where_it_has_one(house: HubHouse) -> None:
    await house.feed.record(EventBatch(events=(event(7), event(8))))
    detector = house.hub.contribute("detector")

    async def draw(of: object) -> bytes | None:
        return b"drawn" if of == SEVEN else None

    detector.draw(draw)
    assert await house.hub.picture("zm", EventPicture(event=SEVEN)) == b"drawn"
    assert await house.hub.picture("zm", EventPicture(event=replace(SEVEN, id="8"))) != b"drawn"
    async with house.hub.media("zm", EventFrame(event=SEVEN, frame=FrameKind.ANNOTATED)) as media:
        assert (media.content_type, media.length, [piece async for piece in media.pieces()]) == ("image/jpeg", 5, [b"drawn"])
    with pytest.raises(MediaUnavailable):
        await house.hub.picture("zm", EventPicture(event=EventRef("zm", 2, "7")))
    detector.close()
    assert await house.hub.picture("zm", EventPicture(event=SEVEN)) != b"drawn"


async def test_who_fails_to_draw_has_no_picture(house: HubHouse, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_of: object) -> bytes | None:
        raise ValueError("a defect")

    house.hub.contribute("detector").draw(fail)
    assert await house.hub.picture("zm", EventPicture(event=SEVEN)) == repr(EventPicture(event=SEVEN)).encode()
    assert "in an unforeseen way" in caplog.text
