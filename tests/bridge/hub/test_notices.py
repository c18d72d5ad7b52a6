"""Notices: what people should know of, told while it is so, and not for what heals by itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state
from tests.fakes.clock import FakeClock, settle

from vms_bridge.errors import TooManyRequests
from vms_bridge.hub import Hub
from vms_bridge.hub.notices import GRACE_S, HEALED_S, LOOK_S, MOST_TOLD, Notices
from vms_bridge.keys import MonitorRule, MonitorRules
from vms_bridge.model import EventBatch, StateUpdate, SystemLost
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.store import Store
from vms_bridge.views import BridgeState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import SystemFeed

GONE = SystemLost(detail="no answer: is it on?", code="unreachable")
NO_SIGNAL = StateUpdate(monitor_id="1", state=state(connected=False, detail="the camera sends no pictures"))


class House:
    """A hub at work, with one system of two monitors."""

    def __init__(self, hub: Hub, clock: FakeClock, feed: SystemFeed) -> None:
        self.hub, self.clock, self.feed = hub, clock, feed

    @property
    def ids(self) -> list[str]:
        return [notice.id for notice in self.hub.notices]

    async def until(self, ids: list[str]) -> None:
        """Let time pass until there are these, and the store's thread do its work meanwhile."""
        async with asyncio.timeout(20):
            while self.ids != ids:
                await self.clock.advance(1)
                await asyncio.sleep(0.001)

    async def after(self, seconds: float) -> list[str]:
        await self.clock.advance(seconds)
        return self.ids


async def added(hub: Hub, key: str = "zm") -> SystemFeed:
    rules = MonitorRules(monitors={"2": MonitorRule(key="yard")})
    return await hub.add_system(key=key, kind="fake", name="Fake", rules=rules, backend=ScriptedBackend())


@asynccontextmanager
async def house(path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock, durable_sinks=("mqtt",))
    feed = await added(hub)
    feed.emit(snapshot(monitor(1), monitor(2)))
    task = asyncio.create_task(hub.run())
    await settle()
    try:
        yield House(hub, clock, feed)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await hub.close()
        await store.close()


def grace(kind: NoticeKind) -> float:
    return GRACE_S[kind] + LOOK_S


async def test_a_system_that_is_lost_is_noticed_after_a_while_and_forgotten_when_it_is_back(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        subscription = at.hub.subscribe()
        assert (await subscription.changes()).notices, "the first look is at everything"
        at.feed.emit(GONE)
        assert await at.after(GRACE_S[NoticeKind.SYSTEM_LOST] - LOOK_S) == []
        assert await at.after(2 * LOOK_S) == ["system_lost:zm"]
        assert (await subscription.changes()).notices
        [notice] = at.hub.notices
        assert (notice.kind, notice.system, notice.monitor) == (NoticeKind.SYSTEM_LOST, "zm", None)
        assert (notice.text, notice.hint) == ("Fake can't be reached", "no answer: is it on?")
        assert START <= notice.since <= START + timedelta(seconds=LOOK_S)
        at.feed.emit(snapshot(monitor(1), monitor(2)))
        assert await at.after(HEALED_S + LOOK_S) == []
        assert (await subscription.changes()).notices


async def test_a_refused_login_is_another_notice_than_a_loss(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(replace(GONE, code="auth", detail="wrong password: check it"))
        assert await at.after(grace(NoticeKind.LOGIN_REFUSED)) == ["login_refused:zm"]
        [notice] = at.hub.notices
        assert (notice.text, notice.hint) == ("Fake refuses the bridge's login", "wrong password: check it")
        at.feed.emit(GONE)
        assert await at.after(grace(NoticeKind.SYSTEM_LOST) + HEALED_S) == ["system_lost:zm"]


async def test_a_camera_without_signal_is_noticed_while_its_system_is_there(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(NO_SIGNAL)
        at.feed.emit(replace(NO_SIGNAL, monitor_id="2"))
        assert await at.after(grace(NoticeKind.SIGNAL_LOST)) == ["signal_lost:zm/1", "signal_lost:zm/yard"]
        notice = at.hub.notices[1]
        assert (notice.system, notice.monitor, notice.text) == ("zm", "yard", "Camera 2 delivers no pictures")
        assert notice.hint == "the camera sends no pictures"
        at.feed.emit(GONE)
        assert await at.after(grace(NoticeKind.SYSTEM_LOST) + HEALED_S) == ["system_lost:zm"], "of its cameras nothing is known"


async def test_a_camera_that_is_not_meant_to_deliver_anything_has_lost_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(StateUpdate(monitor_id="1", state=state(connected=None, detail="switched off")))
        at.feed.emit(StateUpdate(monitor_id="2", state=state(available=False, connected=False)))
        assert await at.after(100) == []


async def test_messages_that_nobody_takes_are_noticed(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await at.feed.record(EventBatch(events=(event(1),), cursor="1"))
        assert await at.after(20) == [], "it may be on its way"
        await at.until(["undelivered"])
        [notice] = at.hub.notices
        assert (notice.system, notice.text) == (None, "event messages can't be delivered to mqtt")
        [message] = await at.hub.undelivered("mqtt", late=False, after=0, limit=10)
        await at.hub.delivered("mqtt", [message.position])
        await at.until([])


async def test_the_reason_may_change_and_the_notice_stays_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(GONE)
        await at.after(grace(NoticeKind.SYSTEM_LOST))
        [before] = at.hub.notices
        subscription = at.hub.subscribe()
        await subscription.changes()
        at.feed.emit(replace(GONE, detail="it refuses"))
        await at.after(LOOK_S)
        assert (await subscription.changes()).notices
        assert at.hub.notices == (replace(before, hint="it refuses"),)


async def test_a_loss_that_comes_and_goes_is_one_notice(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(NO_SIGNAL)
        await at.after(grace(NoticeKind.SIGNAL_LOST))
        since = at.hub.notices[0].since
        for _ in range(20):
            at.feed.emit(StateUpdate(monitor_id="1", state=state()))
            await at.after(HEALED_S - LOOK_S)
            at.feed.emit(NO_SIGNAL)
            assert await at.after(LOOK_S) == ["signal_lost:zm/1"]
        assert at.hub.notices[0].since == since


@pytest.mark.parametrize("goes", ["system", "monitor"])
async def test_what_is_no_more_has_no_notice(tmp_path: Path, goes: str) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(NO_SIGNAL)
        await at.after(grace(NoticeKind.SIGNAL_LOST))
        if goes == "system":
            at.hub.remove_system("zm")
        else:
            at.feed.emit(snapshot(monitor(2)))
        assert await at.after(LOOK_S) == []


async def test_a_reload_does_not_make_a_loss_another_one(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(GONE)
        await at.after(grace(NoticeKind.SYSTEM_LOST))
        [before] = at.hub.notices
        feed = await added(at.hub)
        assert await at.after(10 * HEALED_S) == ["system_lost:zm"], "nobody has said yet that it is there"
        feed.emit(GONE)
        await at.after(LOOK_S)
        assert at.hub.notices == (before,)


async def test_a_system_that_was_never_asked_is_not_called_lost(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await added(at.hub, "new")
        assert await at.after(60) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 20)), max_size=20))
def test_a_notice_is_told_for_what_lasts_and_taken_back_for_what_heals(course: list[tuple[bool, float]]) -> None:
    """Whatever comes and goes: after calm the notices are those of what is so, and each change was told."""

    async def run() -> None:
        clock, fares, told = FakeClock(), BridgeState(), []
        notices = Notices(clock, {}, durable_sinks=("mqtt",), fares=lambda: fares, on_change=lambda: told.append(notices.current))
        task = asyncio.create_task(notices.run())
        before: tuple[Notice, ...] = ()
        for is_bad, seconds in [*course, (True, 60.0), (False, 30.0)]:
            fares = BridgeState(undelivered=int(is_bad))
            await clock.advance(seconds)
            assert notices.current in {before, *told}
            assert not (is_bad and seconds >= 40) or notices.current
            assert is_bad or seconds < HEALED_S + 2 * LOOK_S or not notices.current
            before = notices.current
        assert [bool(each) for each in told] == [index % 2 == 0 for index in range(len(told))]
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


async def test_that_no_system_can_be_reached_of_several_is_one_notice_more(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        at.feed.emit(GONE)
        assert "network" not in await at.after(60), "one system alone proves nothing of the network"
        other = await added(at.hub, "other")
        other.emit(replace(GONE, code="auth"))
        assert "network" not in await at.after(60), "who refuses a login has been reached"
        other.emit(GONE)
        assert "network" in await at.after(60)
        [notice] = [notice for notice in at.hub.notices if notice.id == "network"]
        assert (notice.kind, notice.text) == (NoticeKind.NETWORK, "none of the 2 systems can be reached")
        other.emit(snapshot(monitor(1)))
        assert "network" not in await at.after(60)


async def test_parts_tell_notices_of_their_own_for_as_long_as_they_are_so(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        subscription = at.hub.subscribe()
        await subscription.changes()
        failed = Notice(id="script_failed:gate", kind=NoticeKind.SCRIPT_FAILED, since=at.clock.now(), text="gate has\x00 crashed")
        first = at.hub.tell_notice(failed)
        assert (await subscription.changes()).notices
        assert [notice.text for notice in at.hub.notices] == ["gate has crashed"]
        await at.after(30)
        again = at.hub.tell_notice(replace(failed, since=at.clock.now(), text="gate has crashed twice"))
        assert [(notice.text, notice.since) for notice in at.hub.notices] == [("gate has crashed twice", failed.since)]
        first()
        assert at.ids == ["script_failed:gate"], "it was told anew since"
        at.feed.emit(GONE)
        assert await at.after(grace(NoticeKind.SYSTEM_LOST)) == ["script_failed:gate", "system_lost:zm"]
        again()
        again()
        assert at.ids == ["system_lost:zm"]


async def test_there_is_an_end_of_notices_that_are_told(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        for number in range(MOST_TOLD):
            at.hub.tell_notice(Notice(id=f"x:{number}", kind=NoticeKind.SCRIPT_FAILED, since=at.clock.now(), text="x"))
        with pytest.raises(TooManyRequests):
            at.hub.tell_notice(Notice(id="x:more", kind=NoticeKind.SCRIPT_FAILED, since=at.clock.now(), text="x"))


async def test_what_is_told_for_a_time_is_over_then_unless_it_is_told_again(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        notice = Notice(id="login_failed", kind=NoticeKind.LOGIN_FAILED, since=at.clock.now(), text="somebody knocks")
        at.hub.tell_notice(notice, 60)
        assert await at.after(50) == ["login_failed"]
        at.hub.tell_notice(notice, 60)
        assert await at.after(50) == ["login_failed"]
        assert await at.after(10 + LOOK_S) == []
