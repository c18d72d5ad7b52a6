"""The hub: current state, its changes, events stored before anyone hears of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.backend import EVERYTHING, START, ScriptedBackend, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BackendDefect, MediaUnavailable, StoreError, VmsError, VmsUnreachable
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRule, MonitorRules
from vms_bridge.model import (
    AlarmState,
    DetectedObject,
    Detection,
    EndReason,
    Event,
    EventBatch,
    EventPicture,
    EventRef,
    FullState,
    MonitorState,
    StateUpdate,
    SystemLost,
    SystemUpdate,
    Zone,
)
from vms_bridge.store import Store
from vms_bridge.views import BridgeState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from vms_bridge.hub import SystemFeed
    from vms_bridge.model import PictureRef
    from vms_bridge.views import StoredMessage

EVERY = MonitorRules()


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Hub]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock, durable_sinks=("mqtt",))
    try:
        yield hub
    finally:
        await hub.close()
        await store.close()


async def added(hub: Hub, rules: MonitorRules = EVERY, key: str = "zm") -> SystemFeed:
    return await hub.add_system(key=key, kind="fake", name="Fake", rules=rules, backend=ScriptedBackend())


async def told(hub: Hub, *, late: bool = False) -> list[dict[str, object]]:
    return [json.loads(message.payload) for message in await messages(hub, late=late)]


async def messages(hub: Hub, *, late: bool = False) -> list[StoredMessage]:
    return list(await hub.undelivered("mqtt", late=late, after=0, limit=1000))


async def until(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Ask the store, in its thread, until that is true; the hub's own tasks work meanwhile."""
    while not await is_true():
        pass


async def test_a_snapshot_becomes_views_and_every_sink_hears_of_it(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        subscription = hub.subscribe()
        await subscription.changes()
        feed.emit(snapshot(monitor(1), monitor(2)))

        changes = await subscription.changes()
        assert changes.described == changes.states == {("zm", "1"), ("zm", "2")}
        assert changes.systems == {"zm"}
        view = hub.monitor("zm", "1")
        assert view
        assert (view.monitor, view.state) == (monitor(1), state())
        assert hub.systems["zm"].state == system_state()
        assert hub.monitor("zm", "9") is None
        assert hub.monitor("other", "1") is None


async def test_newest_wins_and_nothing_is_told_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        subscription = hub.subscribe()
        assert (await subscription.changes()).messages
        for score in range(1000):
            feed.emit(StateUpdate(monitor_id="1", state=state(score=score)))
        changes = await subscription.changes()
        assert changes.states == {("zm", "1")}
        assert not changes.described
        view = hub.monitor("zm", "1")
        assert view
        assert view.state.score == 999
        feed.emit(StateUpdate(monitor_id="1", state=state(score=999)))
        feed.emit(StateUpdate(monitor_id="unknown", state=state()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(subscription.changes(), 0.01)


async def test_a_monitor_that_is_renamed_or_vanishes_is_followed(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1), monitor(2)))
        subscription = hub.subscribe()
        await subscription.changes()
        feed.emit(snapshot(monitor(1, name="Door / 🚪")))
        changes = await subscription.changes()
        assert changes.described == {("zm", "1")}
        assert changes.removed == {("zm", "2")}
        assert hub.monitor("zm", "2") is None
        feed.emit(snapshot(monitor(1, name="Door / 🚪"), monitor(2)))
        changes = await subscription.changes()
        assert changes.described == {("zm", "2")}
        assert not changes.removed


async def test_the_configuration_names_hides_and_keys_monitors(tmp_path: Path) -> None:
    rules = MonitorRules(
        include=("Camera *", "3"),
        exclude=("2",),
        monitors={"3": MonitorRule(key="drive", name="Driveway", area="Garden"), "4": MonitorRule(enabled=False)},
    )
    async with running(tmp_path) as hub:
        feed = await added(hub, rules)
        feed.emit(snapshot(monitor(1), monitor(2), monitor(3, name="x"), monitor(4), monitor(5, name="other")))
        assert set(hub.systems["zm"].monitors) == {"1", "drive"}
        drive = hub.monitor("zm", "drive")
        assert drive
        assert (drive.monitor.name, drive.monitor.area, drive.monitor.id) == ("Driveway", "Garden", "3")
        await feed.record(EventBatch(events=(event(1, "3"), event(2, "2"), event(3, "4")), cursor="3"))
        assert [(each["id"], each["monitor"]) for each in await told(hub)] == [("zm-1", "drive")]
        assert feed.resume.cursor == "3"


async def test_events_of_a_monitor_that_is_hidden_by_its_name_are_not_told(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub, MonitorRules(exclude=("Hall*",)))
        feed.emit(snapshot(monitor(1), monitor(7, name="Hall")))
        await feed.record(EventBatch(events=(event(1, "7"), event(2, "1"), event(3, "8")), cursor="3"))
        assert [each["monitor"] for each in await told(hub)] == ["1", "8"]  # 8 is new, and may be shown
        assert [feed.shows(*each) for each in (("1", "Door"), ("7", "Hall"))] == [True, False]


async def test_two_ids_with_one_key_do_not_hide_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub, MonitorRules(monitors={"2": MonitorRule(key="1")}))
        feed.emit(snapshot(monitor(1), monitor(2)))
        assert [view.monitor.id for view in hub.systems["zm"].monitors.values()] == ["1"]
        assert "two monitors have the key '1'" in caplog.text


async def test_a_lost_system_is_unknown_in_everything(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(m1=state(alarm=AlarmState.ALARM)))
        feed.emit(SystemLost(detail="no answer"))
        view = hub.monitor("zm", "1")
        assert view
        assert (view.state.available, view.state.alarm, view.state.connected, view.state.modes) == (False, None, None, {})
        assert view.state.detail == "no answer"
        lost = hub.systems["zm"].state
        assert (lost.available, lost.run_state, lost.running, lost.detail) == (False, None, None, "no answer")
        assert (lost.run_states, lost.capabilities) == (("Home", "Away"), EVERYTHING)


async def test_a_monitor_that_is_not_available_keeps_no_live_value(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(m1=state(available=False, alarm=AlarmState.IDLE, detail="capture is down")))
        view = hub.monitor("zm", "1")
        assert view
        assert (view.state.alarm, view.state.detail) == (None, "capture is down")


async def test_an_event_is_numbered_stored_and_told_in_the_order_of_its_life(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1, name="Door")))
        subscription = hub.subscribe()
        await subscription.changes()
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        await feed.record(EventBatch(events=(event(7, labels=("person",), score=0.9),)))
        await feed.record(EventBatch(events=(event(7, labels=("person",), score=0.9, end=START + timedelta(seconds=9)),)))
        await feed.record(EventBatch(events=(event(7, labels=("person",), score=0.9, end=START + timedelta(seconds=9)),)))

        life = await told(hub)
        assert [(each["type"], each["seq"], each["id"]) for each in life] == [
            ("new", 1, "zm-7"),
            ("update", 2, "zm-7"),
            ("end", 3, "zm-7"),
        ]
        assert life[2]["end"] == "2026-11-20T12:00:09Z"
        assert (life[1]["label"], life[1]["monitor_name"], life[1]["epoch"]) == ("person", "Door", hub.epoch)
        assert feed.resume.open_events == ()
        changes = await subscription.changes()
        assert changes.messages
        assert changes.last_events == {("zm", "1")}
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert (view.last_event.seq, view.last_event.ref) == (3, EventRef("zm", 1, "7"))


async def test_late_events_take_their_own_lane_and_touch_the_last_event_only_when_newer(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        await feed.record(EventBatch(events=(event(9, start=START + timedelta(hours=1)),), cursor="9"))
        await feed.record(EventBatch(events=(event(8),), late=True))
        assert [each["id"] for each in await told(hub)] == ["zm-9"]
        assert [(each["id"], each["late"]) for each in await told(hub, late=True)] == [("zm-8", True)]
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert view.last_event.id == "zm-9"


async def test_the_last_event_is_the_one_that_was_told_last_whatever_the_clock_of_the_vms(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())

        async def last_event(*events: Event, late: bool = False) -> tuple[str, str]:
            await feed.record(EventBatch(events=events, late=late))
            view = hub.monitor("zm", "1")
            assert view
            assert view.last_event
            assert view.last_event.ref
            return view.last_event.ref.id, view.last_event.type

        hour = timedelta(hours=1)
        assert await last_event(event(1, start=START + hour)) == ("1", "new")
        assert await last_event(event(2)) == ("2", "new")  # the clock was set back
        assert await last_event(event(1, start=START + hour, end=START + 2 * hour)) == ("2", "new")
        assert await last_event(event(1, start=START + hour, end=START + 2 * hour, clip_ready=True)) == ("2", "new")
        assert await last_event(event(1, start=START + hour, deleted=True)) == ("2", "new")
        assert await last_event(event(2, end=START)) == ("2", "end")
        assert await last_event(event(3, start=START - hour, end=START), late=True) == ("2", "end")
        assert await last_event(event(4, start=START + hour), late=True) == ("4", "new")
        assert await last_event(event(4, start=START + hour, end=START + hour), late=True) == ("4", "end")
        of_the_same_second = (event(each, start=START + hour, end=START + hour) for each in (5, 6))
        assert await last_event(*of_the_same_second, late=True) == ("6", "end")
        assert await last_event(event(7, end=START), event(8), event(7, end=START, clip_ready=True)) == ("8", "new")
        assert await last_event(event(9, end=START), late=True) == ("8", "new")  # which of them is newer nobody knows


async def test_a_monitor_that_comes_back_has_its_last_event(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1), monitor(2)))
        await feed.record(EventBatch(events=(event(1), event(2, "2", start=START + timedelta(hours=1)))))
        feed.emit(snapshot(monitor(1)))
        await feed.record(EventBatch(events=(event(2, "2", start=START + timedelta(hours=1), labels=("cat",)),)))
        subscription = hub.subscribe()
        await subscription.changes()
        feed.emit(snapshot(monitor(1, name="Door"), monitor(2)))
        assert (await subscription.changes()).last_events == {("zm", "2")}
        await feed.record(EventBatch(events=(event(3, "2"),), late=True))
        view = hub.monitor("zm", "2")
        assert view
        assert view.last_event
        assert (view.last_event.id, view.last_event.label) == ("zm-2", "cat")


async def test_a_restarted_bridge_goes_on_where_it_was(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1, name="Door")))
        housekeeping = asyncio.create_task(hub.run())
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        await hub.delivered("mqtt", [(await messages(hub))[0].position])
        epoch = hub.epoch

        async def described() -> bool:
            return (await hub._store.monitors("zm"))[0].monitor is not None

        await until(described)
        housekeeping.cancel()
        await asyncio.wait([housekeeping])

    async with running(tmp_path) as hub:
        feed = await added(hub)
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert (view.monitor.name, view.state.available, view.last_event.id) == ("Door", False, "zm-7")
        assert (feed.resume.cursor, [each.id for each in feed.resume.open_events]) == ("7", ["7"])
        await feed.record(EventBatch(events=(event(7, end=START), event(8)), cursor="8"))
        assert [(each["type"], each["seq"], each["epoch"]) for each in await told(hub)] == [("end", 2, epoch), ("new", 3, epoch)]


async def test_a_restored_database_starts_a_generation(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        await feed.record(EventBatch(events=(event(3),), cursor="3", generation=2))
        assert [each["id"] for each in await told(hub)] == ["zm-7", "zm-2.3"]
        assert [each.id for each in feed.resume.open_events] == ["3"]
        assert feed.resume.generation == 2


async def test_an_event_in_a_state_is_one_of_the_generation_in_force(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1), monitor(2), m1=state(event_id="7")))
        subscription = hub.subscribe()
        await subscription.changes()
        await feed.record(EventBatch(events=(event(7),), generation=2))
        changes = await subscription.changes()
        view = hub.monitor("zm", "1")
        assert view
        assert view.event("7") == EventRef("zm", 2, "7")
        assert changes.states == {("zm", "1")}, "what is shown of the other has not changed"
        feed.emit(snapshot(monitor(1), monitor(2), monitor(3)))
        assert {each.generation for each in hub.systems["zm"].monitors.values()} == {2}
        await hub._store.save_monitors("zm", {"1": monitor(1)})

    async with running(tmp_path) as hub:
        await added(hub)
        assert {each.generation for each in hub.systems["zm"].monitors.values()} == {2}


async def test_events_that_ended_a_short_while_ago_are_named_to_who_resumes(tmp_path: Path) -> None:
    def ended(number: int, **changes: object) -> Event:
        return event(number, "1", end=START, **changes)

    async with running(tmp_path) as hub:
        clock = hub._clock
        assert isinstance(clock, FakeClock)
        feed = await added(hub)
        await feed.record(EventBatch(events=(ended(1), ended(2), ended(3), event(4)), cursor="4"))
        await clock.advance(100)
        await feed.record(EventBatch(events=(ended(2, notes="late"), ended(3, deleted=True))))
        await feed.record(EventBatch(events=(ended(4),)))
        assert list(feed.resume.recent_events) == [ended(1), ended(2, notes="late"), ended(4)]
        await clock.advance(100)
        assert list(feed.resume.recent_events) == [ended(2, notes="late"), ended(4)]
        await feed.record(EventBatch(events=tuple(ended(number) for number in range(10, 600))))
        assert [each.id for each in feed.resume.recent_events] == [str(number) for number in range(100, 600)]
        again = await added(hub)
        assert again.resume == feed.resume
        await again.record(EventBatch(events=(event(1),), generation=2))
        assert again.resume.recent_events == ()


async def test_a_deleted_event_is_over_for_good(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        await feed.record(EventBatch(events=(event(7, deleted=True),)))
        await feed.record(EventBatch(events=(event(7),)))
        assert [each["type"] for each in await told(hub)] == ["new", "deleted"]


async def test_what_follows_of_an_event_that_was_told_late_does_not_overtake_it(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7, end=START, end_reason=EndReason.ABANDONED),), late=True))
        await feed.record(EventBatch(events=(event(7, end=START + timedelta(seconds=5)), event(8))))
        assert [(each["id"], each["type"]) for each in await told(hub, late=True)] == [
            ("zm-7", "new"),
            ("zm-7", "end"),
            ("zm-7", "update"),
        ]
        assert [each["id"] for each in await told(hub)] == ["zm-8"]


async def test_what_is_over_does_not_begin_again(tmp_path: Path) -> None:
    """A backend that starts anew may take for open what it has given up before."""
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7),)))
        await feed.record(EventBatch(events=(event(7, end=START, end_reason=EndReason.ABANDONED),)))
        await feed.record(EventBatch(events=(event(7),)))
        assert [each["type"] for each in await told(hub)] == ["new", "end"]
        assert feed.resume.open_events == ()


async def test_a_deleted_event_is_described_as_it_was_told_last(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7, labels=("person",)),)))
        await feed.record(EventBatch(events=(event(7, deleted=True),)))
        assert [each["labels"] for each in await told(hub)] == [["person"], ["person"]]


async def test_a_batch_that_can_not_be_stored_is_not_told_and_can_be_told_again(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await hub._store._run(hub._store._database.connection.execute, "ALTER TABLE messages RENAME TO elsewhere")
        with pytest.raises(StoreError):
            await feed.record(EventBatch(events=(event(7),), cursor="7"))
        assert feed.resume.cursor is None
        await hub._store._run(hub._store._database.connection.execute, "ALTER TABLE elsewhere RENAME TO messages")
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        assert [(each["type"], each["seq"]) for each in await told(hub)] == [("new", 1)]


async def test_a_cancelled_backend_does_not_tear_a_batch(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        task = asyncio.create_task(feed.record(EventBatch(events=(event(7),), cursor="7")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await feed.record(EventBatch(events=(event(8),), cursor="8"))
        assert [(each["id"], each["seq"]) for each in await told(hub)] == [("zm-7", 1), ("zm-8", 2)]


async def test_the_newest_detection_of_each_monitor_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        subscription = hub.subscribe()
        await subscription.changes()
        for label in ("cat", "dog"):
            feed.emit(Detection(monitor_id="1", time=START, objects=(DetectedObject(label=label),)))
        feed.emit(Detection(monitor_id="unknown", time=START))
        changes = await subscription.changes()
        assert {key: detection.objects[0].label for key, detection in changes.detections.items()} == {("zm", "1", "vms"): "dog"}


async def test_a_removed_system_is_told_and_its_backend_is_no_longer_heard(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        subscription = hub.subscribe()
        await subscription.changes()
        hub.remove_system("zm")
        changes = await subscription.changes()
        assert changes.removed_systems == {"zm"}
        assert changes.removed == {("zm", "1")}
        feed.emit(snapshot())
        assert hub.systems == {}
        subscription.close()


async def test_a_system_replaced_with_other_rules_loses_only_what_they_hide(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1), monitor(2)))
        await hub._store.save_monitors("zm", {"1": monitor(1), "2": monitor(2)})
        subscription = hub.subscribe()
        await subscription.changes()
        again = await added(hub, MonitorRules(exclude=("2",)))
        changes = await subscription.changes()
        assert changes.removed == {("zm", "2")}
        assert changes.described == {("zm", "1")}
        feed.emit(snapshot(monitor(3)))
        assert set(hub.systems["zm"].monitors) == {"1"}
        again.emit(snapshot(monitor(1), monitor(2)))
        assert set(hub.systems["zm"].monitors) == {"1"}


async def test_a_vms_without_ids_has_them_from_the_feed(tmp_path: Path) -> None:
    keys = [
        ("1", "12:00:00"),
        ("2", "12:00:00"),
        ("1", "12:00:00 "),
        ("1', '", "12:00:00"),
        ("1", "', '12:00:00"),
        ("1", "\ud83d" * 9999),
    ]
    async with running(tmp_path) as hub:
        feed = await added(hub)
        ids = [await feed.mint(*key) for key in keys]
        assert len(set(ids)) == len(keys)
        await feed.record(EventBatch(events=(event(id=ids[0]),), cursor="1"))
    async with running(tmp_path) as hub:
        feed = await added(hub)
        assert [await feed.mint(*key) for key in keys] == ids
        wrongs: list[Any] = [("1", None), (1, "12:00:00"), ("1", b"12:00:00")]
        for wrong in wrongs:
            with pytest.raises(BackendDefect, match="a text belongs"):
                await feed.mint(*wrong)
        await added(hub)
        with pytest.raises(VmsError, match="by a reload"):
            await feed.mint("1", "12:00:00")


async def test_pictures_come_from_the_right_system(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        await added(hub)
        assert b"7" in await hub.picture("zm", EventPicture(event=EventRef("zm", 1, "7")))
        with pytest.raises(MediaUnavailable):
            await hub.picture("other", EventPicture(event=EventRef("zm", 1, "7")))
        with pytest.raises(MediaUnavailable, match="no picture of event other-7"):
            await hub.picture("zm", EventPicture(event=EventRef("other", 1, "7")))


@pytest.mark.parametrize("when", ["before it is asked for", "while it is fetched"])
async def test_no_picture_of_another_event_with_the_same_id_is_given(tmp_path: Path, when: str) -> None:
    class Restored(ScriptedBackend):
        async def picture(self, ref: PictureRef) -> bytes:
            assert self.feed
            await self.feed.record(EventBatch(events=(event(7),), generation=2))
            return repr(ref).encode()

    async with running(tmp_path) as hub:
        backend = Restored()
        feed = backend.feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=EVERY, backend=backend)
        await feed.record(EventBatch(events=(event(7),)))
        if when == "before it is asked for":
            await feed.record(EventBatch(events=(event(7),), generation=2))
        with pytest.raises(MediaUnavailable, match="no picture of event zm-7") as caught:
            await hub.picture("zm", EventPicture(event=EventRef("zm", 1, "7")))
        assert "restored database" in caught.value.hint
        assert b"7" in await hub.picture("zm", EventPicture(event=EventRef("zm", 2, "7")))


async def test_the_bridge_tells_how_it_fares(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        clock = hub._clock
        assert isinstance(clock, FakeClock)
        feed = await added(hub)
        housekeeping = asyncio.create_task(hub.run())
        subscription = hub.subscribe()
        assert (await subscription.changes()).bridge
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        while not hub.state.undelivered:
            await clock.advance(5)
            await asyncio.to_thread(lambda: None)
        assert (await subscription.changes()).bridge
        assert hub.state == BridgeState(undelivered=1)
        await hub._store._run(hub._store._database.connection.execute, "PRAGMA max_page_count = 1")
        for number in range(8, 400):
            await feed.record(EventBatch(events=(event(number),)))
        while not hub.state.problem:
            await clock.advance(5)
            await asyncio.to_thread(lambda: None)
        assert "kept in memory only" in hub.state.problem
        assert hub.state.undelivered >= 1
        housekeeping.cancel()
        await asyncio.wait([housekeeping])


async def test_undeliverable_messages_are_given_up_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.record(EventBatch(events=(event(7),), cursor="7"))
        clock = hub._clock
        assert isinstance(clock, FakeClock)
        await clock.advance(365 * 86_400)
        housekeeping = asyncio.create_task(hub.run())

        async def given_up() -> bool:
            return not await told(hub)

        await until(given_up)
        await hub._store._run(hub._store._database.connection.execute, "ALTER TABLE messages RENAME TO elsewhere")
        while "no such table" not in caplog.text:
            await clock.advance(600)
            await asyncio.to_thread(lambda: None)
        housekeeping.cancel()
        await asyncio.wait([housekeeping])
        assert "1 event messages are given up" in caplog.text
        assert hub.state.given_up == 1


async def test_any_sink_follows_the_history_whether_a_durable_one_delivers_or_not(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, tmp_path, clock)
    hub = Hub(store, clock, durable_sinks=("one", "other"))
    feed = await added(hub)
    feed.emit(snapshot())
    subscription = hub.subscribe()
    await subscription.changes()
    await feed.record(EventBatch(events=(event(7),), cursor="7"))
    assert (await subscription.changes()).messages
    page = await hub.history(None, 10)
    [(cursor, message)] = page.messages
    assert (json.loads(message.payload)["id"], page.after, page.gap) == ("zm-7", cursor, None)
    await hub.delivered("one", [message.position])
    await clock.advance(11)
    housekeeping = asyncio.create_task(hub.run())
    while not hub.state.undelivered:
        await asyncio.to_thread(lambda: None)
    assert hub.state.undelivered == 1
    await feed.record(EventBatch(events=(event(7, end=START),), cursor="8"))
    assert [json.loads(each.payload)["type"] for _, each in (await hub.history(cursor, 10)).messages] == ["end"]
    housekeeping.cancel()
    await asyncio.wait([housekeeping])
    await hub.close()
    await store.close()


updates = st.one_of(
    st.builds(
        lambda ids, alarm: snapshot(*(monitor(number) for number in ids), **{f"m{ids[0]}": state(alarm=alarm)} if ids else {}),
        st.lists(st.integers(1, 4), unique=True, max_size=4),
        st.sampled_from(AlarmState),
    ),
    st.builds(
        lambda number, available, score: StateUpdate(monitor_id=str(number), state=state(available=available, score=score)),
        st.integers(1, 5),
        st.booleans(),
        st.integers(0, 3),
    ),
    st.builds(lambda name: SystemUpdate(state=system_state(run_state=name)), st.sampled_from(["Home", "Away"])),
    st.builds(SystemLost, detail=st.just("gone")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(updates, st.booleans()), max_size=20))
async def test_a_sink_that_reads_what_it_is_told_always_knows_what_the_hub_knows(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[FullState | StateUpdate | SystemUpdate | SystemLost, bool]]
) -> None:
    async with running(tmp_path_factory.mktemp("store")) as hub:
        feed = await added(hub)
        subscription = hub.subscribe()
        seen: dict[tuple[str, str], MonitorState] = {}
        for number, (update, reads) in enumerate([*script, (SystemLost(detail="the end"), True)]):
            feed.emit(update)
            if not reads:
                continue
            feed.emit(SystemUpdate(state=system_state(version=str(number))))  # so that there surely is something to read
            changes = await subscription.changes()
            for gone in changes.removed:
                seen.pop(gone, None)
            for system, key in changes.states | changes.described:
                view = hub.monitor(system, key)
                assert view
                seen[system, key] = view.state
        known = {("zm", key): view.state for key, view in hub.systems["zm"].monitors.items()}
        assert seen == known
        assert all(each == replace(each, alarm=None, modes={}, connected=None) for each in known.values() if not each.available)


async def test_a_number_given_in_memory_is_not_given_again_by_the_file_after_a_crash(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1)))
        await feed.record(EventBatch(events=(event(1),), cursor="1"))
        disk = hub._store._database.connection
        pages = disk.execute("PRAGMA page_count").fetchone()[0]
        disk.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(2, 200):
            await feed.record(EventBatch(events=(event(number),), cursor=str(number)))
        assert hub._store.problem
        said += [json.loads(message.payload) for message in await hub.undelivered("mqtt", late=False, after=0, limit=1000)]

    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot(monitor(1)))
        for number in range(300, 500):
            await feed.record(EventBatch(events=(event(number),), cursor=str(number)))
        said += [json.loads(message.payload) for message in await hub.undelivered("mqtt", late=False, after=0, limit=1000)]

    first: dict[tuple[str, int], dict[str, Any]] = {}
    for message in said:
        assert first.setdefault((message["epoch"], message["seq"]), message) == message


async def test_a_system_that_comes_back_tells_its_last_events_anew(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        await feed.record(EventBatch(events=(event(1),), cursor="1"))
        await hub._store.save_monitors("zm", {"1": monitor()})
        subscription = hub.subscribe()
        await subscription.changes()
        hub.remove_system("zm")
        await subscription.changes()
        await added(hub)
        assert (await subscription.changes()).last_events == {("zm", "1")}


async def test_a_store_that_fails_for_long_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as hub:
        hub._store._database.connection.close()
        clock = hub._clock
        assert isinstance(clock, FakeClock)
        task = asyncio.create_task(hub.run())
        for _ in range(4):
            async with asyncio.timeout(30):
                while clock.sleeping < 2:
                    await asyncio.to_thread(lambda: None)
            await clock.advance(5)
        assert hub.state.problem
        for chore in ("forgetting what is old", "counting what waits"):
            assert caplog.text.count(chore) == 1
        task.cancel()
        await asyncio.wait([task])


async def test_an_event_that_was_told_comes_to_its_end_wherever_its_monitor_has_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub, MonitorRules(include=("Drive*",)))
        feed.emit(snapshot(*(monitor(number, name=f"Drive {number}") for number in (1, 2, 3))))
        await feed.record(EventBatch(events=tuple(event(number, str(number)) for number in (1, 2, 3)), cursor="3"))
        feed.emit(snapshot(monitor(1, name="Hall"), monitor(3, name="Drive 3")))
        await feed.record(EventBatch(events=(event(1, "1", end=START), event(2, "2", end=START)), cursor="3"))
        await feed.record(EventBatch(events=(event(4, "1"), event(5, "2", labels=("late",))), cursor="5"))
        again = await added(hub, MonitorRules(exclude=("*",)))
        await again.record(EventBatch(events=(event(3, "3", end=START), event(6, "3")), cursor="6"))
        await again.record(EventBatch(events=(event(1, "1", end=START, labels=("cat",)),)))

        assert [(each["type"], each["id"], each["monitor"], each["monitor_name"]) for each in await told(hub)] == [
            ("new", "zm-1", "1", "Drive 1"),
            ("new", "zm-2", "2", "Drive 2"),
            ("new", "zm-3", "3", "Drive 3"),
            ("end", "zm-1", "1", "Hall"),
            ("end", "zm-2", "2", "Drive 2"),
            ("new", "zm-5", "2", "Drive 2"),
            ("end", "zm-3", "3", "Drive 3"),
            ("update", "zm-1", "1", "Hall"),
        ]
        assert [each.id for each in again.resume.open_events] == ["5"]


async def test_half_a_character_in_any_text_stops_neither_events_nor_descriptions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    half = "\ud83d"
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(
            snapshot(
                monitor(1, name=f"Tür {half}", model=half, modes={half: (half,)}, zones=(Zone(id="1", name=half),)), monitor(2)
            )
        )
        housekeeping = asyncio.create_task(hub.run())
        texts = {"cause": half, "notes": half, "labels": (half,), "zones": (half, "lawn")}
        await feed.record(EventBatch(events=(event(1, "1", **texts),), cursor=half))
        [message] = await told(hub)
        assert (message["cause"], message["labels"], message["zones"]) == ("?", ["?"], ["?", "lawn"])
        assert message["monitor_name"] == "Tür ?"

        async def described() -> bool:
            return "2" in {stored.key for stored in await hub._store.monitors("zm") if stored.monitor}

        await until(described)
        assert not caplog.records
        housekeeping.cancel()
        await asyncio.wait([housekeeping])
        await feed.record(EventBatch(events=(event(1, "1", **texts),), cursor="2"))
        assert len(await told(hub)) == 1

    async with running(tmp_path) as hub:
        await added(hub)
        view = hub.monitor("zm", "1")
        assert view
        assert (view.monitor.name, view.monitor.model, view.monitor.modes) == ("Tür ?", "?", {"?": ("?",)})


async def test_housekeeping_outlives_an_unforeseen_error_and_tells_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Store):
        async def waiting(self, *, longer_than: timedelta) -> int:
            raise ZeroDivisionError(longer_than)

    clock = FakeClock()
    store = await asyncio.to_thread(Broken.open, tmp_path, clock)
    hub = Hub(store, clock)
    housekeeping = asyncio.create_task(hub.run())
    for _ in range(4):
        async with asyncio.timeout(30):
            while clock.sleeping < 2:
                await asyncio.to_thread(lambda: None)
        await clock.advance(5)
    assert not housekeeping.done()
    assert hub.state.problem
    assert [bool(record.exc_info) for record in caplog.records] == [False, True]
    assert "counting what waits: ZeroDivisionError" in caplog.text
    housekeeping.cancel()
    await asyncio.wait([housekeeping])
    await hub.close()
    await store.close()


async def test_a_monitor_that_was_hidden_by_its_name_stays_so_when_it_is_deleted(tmp_path: Path) -> None:
    rules = MonitorRules(exclude=("Hall*",))
    async with running(tmp_path) as hub:
        feed = await added(hub, rules)
        housekeeping = asyncio.create_task(hub.run())
        feed.emit(snapshot(monitor(1), monitor(7, name="Hall")))
        feed.emit(snapshot(monitor(1)))
        await feed.record(EventBatch(events=(event(1, "7"),), cursor="1"))

        async def kept() -> bool:
            return "7" in (await hub._store.system("zm", recent=timedelta(), most=0)).names

        await until(kept)
        housekeeping.cancel()
        await asyncio.wait([housekeeping])

    async with running(tmp_path) as hub:
        feed = await added(hub, rules)
        await feed.record(EventBatch(events=(event(2, "7"),), cursor="2", late=True))
        assert await told(hub) == await told(hub, late=True) == []


async def test_a_monitor_that_is_shown_by_its_own_name_is_there_at_once_after_a_start(tmp_path: Path) -> None:
    rules = MonitorRules(include=("Camera *",), monitors={"1": MonitorRule(name="Driveway", area="Garden")})
    async with running(tmp_path) as hub:
        feed = await added(hub, rules)
        feed.emit(snapshot(monitor(1)))
        housekeeping = asyncio.create_task(hub.run())

        async def described() -> bool:
            return bool(await hub._store.monitors("zm"))

        await until(described)
        view = hub.monitor("zm", "1")
        assert view
        assert view.monitor.name == "Driveway"
        again = await added(hub, rules)
        assert hub.monitor("zm", "1")
        assert again.shows("1", "Camera 1")
        await added(hub)
        view = hub.monitor("zm", "1")
        assert view
        assert (view.monitor.name, view.monitor.area) == ("Camera 1", None)
        housekeeping.cancel()
        await asyncio.wait([housekeeping])


async def test_a_backend_finds_what_it_kept_after_a_restart_a_reload_and_a_removal(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed, other = await added(hub), await added(hub, key="other")
        await feed.keep("zone", "Europe/Berlin")
        assert await other.kept("zone") is None
        hub.remove_system("zm")
        await feed.keep("zone", "a last word of the old one")
        again = await added(hub)
        await feed.keep("zone", "another")
        assert await again.kept("zone") == "Europe/Berlin"
        await hub.keep("mqtt", "zone", "of a sink")
    async with running(tmp_path) as hub:
        feed = await added(hub)
        assert await feed.kept("zone") == "Europe/Berlin"
        assert await hub.kept("mqtt", "zone") == "of a sink"
        await feed.keep("zone", None)
        assert await feed.kept("zone") is None


async def test_a_text_that_cannot_be_kept_is_told_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        await feed.keep("zone", "x" * 100_000)
        assert "too long to be kept" in caplog.text
        assert await feed.kept("zone") is None


async def test_an_event_whose_times_are_not_known_comes_to_its_end(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        untimed = event(1, start=None)
        await feed.record(EventBatch(events=(untimed,), cursor="1"))
        await feed.record(EventBatch(events=(replace(untimed, end_reason=EndReason.CLOSED, duration_s=3.0),), cursor="1"))
        await feed.record(EventBatch(events=(event(2, start=None, end_reason=EndReason.CLOSED),), cursor="2", late=True))
        assert [(each["id"], each["type"], each["start"], each["end"]) for each in await told(hub)] == [
            ("zm-1", "new", None, None), ("zm-1", "end", None, None),
        ]  # fmt: skip
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert (view.last_event.id, view.last_event.end_reason) == ("zm-1", "closed")
        assert feed.resume.open_events == ()
        await feed.record(EventBatch(events=(event(3, end=START),), cursor="3", late=True))
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert view.last_event.id == "zm-3", "a time that is known is newer than none"


async def test_a_picture_of_a_system_that_is_taken_away_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    class Hanging(ScriptedBackend):
        async def picture(self, ref: PictureRef) -> bytes:
            asked.set()
            await asyncio.Event().wait()
            return repr(ref).encode()

    asked = asyncio.Event()
    async with running(tmp_path) as hub:
        await hub.add_system(key="zm", kind="fake", name="Fake", rules=EVERY, backend=Hanging())
        task = asyncio.create_task(hub.picture("zm", EventPicture(event=EventRef("zm", 1, "7"))))
        await asked.wait()
        hub.remove_system("zm")
        with pytest.raises(VmsUnreachable, match="by a reload"):
            await task


async def test_what_a_removed_system_records_last_is_stored_and_nothing_after_it(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        feed = await added(hub)
        feed.emit(snapshot())
        last = asyncio.create_task(feed.record(EventBatch(events=(event(7),), cursor="7")))
        await asyncio.sleep(0)
        hub.remove_system("zm")
        await last
        assert [each["id"] for each in await told(hub)] == ["zm-7"]
        with pytest.raises(VmsError, match="by a reload"):
            await feed.record(EventBatch(events=(event(8),), cursor="8"))
        again = await added(hub)
        assert again.resume.cursor == "7"
        with pytest.raises(VmsError, match="by a reload"):
            await feed.record(EventBatch(events=(event(8),), cursor="8"))
        assert again.resume.cursor == "7"
