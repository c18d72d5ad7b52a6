"""What becomes of the events, channels and commands of a group, whatever happens in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.vxg.support import backend_of, running
from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.vxg import FakeVxg
from tests.fakes.vxg.minting import inner_of

from vms_bridge.commands import (
    AddTag,
    DeleteEvent,
    EndAlarm,
    GoToPreset,
    MoveCamera,
    RemoveTag,
    SetAlarm,
    SetMode,
    SetMotionDetection,
    VmsTarget,
)
from vms_bridge.errors import CommandRejected, UnsupportedCommand, VmsAuthFailed, VmsError, VmsUnreachable
from vms_bridge.explaining import explained
from vms_bridge.model import AlarmState, Capability, EndReason, Enrichment, EventKind, EventRef
from vms_bridge.ptz import PtzMove
from vms_bridge.vxg import HostRefused

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock
    from tests.fakes.vxg import FakeEvent

    from vms_bridge.model import Event

GATE = VmsTarget(monitor_id="101")


def alarm(feed: MemoryFeed, monitor: str = "101") -> AlarmState | None:
    return feed.states[monitor].alarm


def told(feed: MemoryFeed, number: int) -> list[Event]:
    return [event for event in feed.events if event.id == str(number)]


async def test_first_contact_tells_what_goes_on_and_nothing_of_before(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        fake.world.happen(101, ago_s=300)
        now = fake.world.happen(102, "linecross", ago_s=2)
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: feed.batches)
            assert [event.id for event in feed.events] == [str(now.id)]
            assert feed.events[0].kind is EventKind.LINE_CROSSING
            assert not feed.events[0].is_over
            assert not feed.batches[0].late
            assert (alarm(feed), alarm(feed, "102")) == (AlarmState.IDLE, AlarmState.ALARM)


async def test_an_event_ends_after_a_while_and_so_does_its_alarm(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=10), feed):
            made = fake.world.happen(101, thumb_s=None)
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 3)
            assert feed.states["101"].event_id == str(made.id)
            assert feed.states["101"].cause == "motion"
            await feed.until(lambda: told(feed, made.id)[-1].is_over, 11)
            end = told(feed, made.id)[-1]
            assert (end.end, end.end_reason, end.duration_s) == (made.time + timedelta(seconds=10), EndReason.UNKNOWN, 10)
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 3)
            assert feed.states["101"].event_id is None


async def test_what_is_listed_late_raises_an_alarm_all_the_same(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            made = fake.world.happen(101, late_s=20)
            await feed.until(lambda: told(feed, made.id), 30)
            assert told(feed, made.id)[0].end == made.time + timedelta(seconds=5)
            assert alarm(feed) is AlarmState.ALARM
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 6)


async def test_pictures_and_tags_that_come_later_are_told_too(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(101, thumb_s=8, meta_s=15, meta={"person": "2", "car": "1", "color": "red"})
            await feed.until(lambda: told(feed, made.id) and told(feed, made.id)[-1].labels, 30)
            first, last = told(feed, made.id)[0], told(feed, made.id)[-1]
            assert not first.snapshot_ready
            assert last.snapshot_ready
            assert last.labels == ("person", "car")
            assert last.tags == ("car", "color", "person")
            assert last.is_over, "what is told again is as over as it was"


async def test_quiet_events_are_told_and_no_alarm(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(101, "net")
            await feed.until(lambda: told(feed, made.id))
            assert told(feed, made.id)[0].kind is EventKind.NETWORK
            assert alarm(feed) is AlarmState.IDLE


async def test_what_happened_while_the_bridge_was_away_is_told_late_and_once(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            open_one = fake.world.happen(101)
            await feed.until(lambda: told(feed, open_one.id))
        before = len(feed.batches)
        away = [fake.world.happen(101, ago_s=-each) for each in (5, 30, 60)]
        listed_late = fake.world.happen(101, ago_s=10, late_s=40)
        await asyncio.sleep(120)
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: len(feed.batches) > before)
            await asyncio.sleep(10)
            late = [event for batch in feed.batches[before:] if batch.late for event in batch.events]
            assert {str(each.id) for each in (*away, listed_late, open_one)} <= {event.id for event in late}
            assert all(event.is_over for event in late)
            assert len({event.id for event in late}) == len({(event.id, event.end) for event in late})
            assert alarm(feed) is AlarmState.IDLE, "nothing of before is an alarm now"
        assert not feed.open


async def test_channels_come_and_go_and_an_event_of_a_new_one_is_not_lost(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, channels_interval=3_600), feed):
            new = fake.add_channel("Barn")
            fake.group.channels[:] = [101, new.id]
            made = fake.world.happen(new.id)
            await feed.until(lambda: str(new.id) in feed.monitors, 30)
            assert feed.monitors.keys() == {"101", str(new.id)}
            await feed.until(lambda: told(feed, made.id), 30)
            fake.world.channels[101].status = "inactive"
            fake.group.channels.append(102)
            fake.world.happen(102)
            await feed.until(lambda: feed.states["101"].connected is False, 30)
            assert "inactive" in (feed.states["101"].detail or "")


async def test_a_group_that_is_empty_has_no_monitors_and_is_no_loss(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.group.channels.clear()
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed) as task:
            assert feed.monitors == {}
            await asyncio.sleep(100)
            assert not task.done()
            assert caplog.text.count("the group has no channels") == 1
            fake.group.channels.append(101)
            await feed.until(lambda: feed.monitors, 100)


async def test_a_deleted_group_is_a_refused_token(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock)
        async with running(backend, feed) as task:
            fake.world.groups.clear()
            await asyncio.wait({task}, timeout=600)
            lost = task.exception()
        assert isinstance(explained(lost or AssertionError("it runs on")), VmsAuthFailed)
        with pytest.raises(VmsUnreachable):
            await backend.refresh(GATE)


async def test_a_clock_that_is_an_hour_off_changes_nothing(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.clock_ahead_s = 3_600.0
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=10), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: told(feed, made.id), 5)
            assert not told(feed, made.id)[0].is_over
            assert alarm(feed) is AlarmState.ALARM
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 15)


async def test_an_alarm_is_forced_until_it_is_ended(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, hold=5)
        async with running(backend, feed):
            await backend.execute(GATE, SetAlarm(on=True, cause="Doorbell", text="front"))
            await backend.execute(GATE, SetAlarm(on=True))
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 5)
            assert feed.states["101"].forced
            (made,) = fake.world.events.values()
            assert (made.camid, made.name, made.meta) == (101, "vms_bridge", {"cause": "Doorbell", "text": "front"})
            assert "vms_bridge" in fake.world.channels[101].event_types
            await asyncio.sleep(60)
            assert alarm(feed) is AlarmState.ALARM
            assert not told(feed, made.id)[-1].is_over
            await backend.execute(GATE, SetAlarm(on=False))
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 5)
            end = told(feed, made.id)[-1]
            assert end.kind is EventKind.FORCED
            assert 60 <= (end.duration_s or 0) <= 65
            await asyncio.sleep(30)
            assert told(feed, made.id)[-1].end == end.end
            with pytest.raises(UnsupportedCommand):
                await backend.execute(GATE, EndAlarm())


async def test_modes_detection_and_moves_are_read_and_set(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.channels[101].presets = {"7": "Gate", "9": "Yard"}
        feed = MemoryFeed()
        backend = backend_of(fake, clock)
        async with running(backend, feed):
            await feed.until(lambda: feed.monitors["101"].modes, 30)
            monitor = feed.monitors["101"]
            assert {Capability.MODES, Capability.DETECTION, Capability.PTZ} <= monitor.capabilities
            assert monitor.ptz is not None
            assert list(monitor.ptz.labels) == ["Gate", "Yard"]
            await backend.execute(GATE, SetMode(mode="recording", value="by_event"))
            await backend.execute(GATE, SetMotionDetection(on=False))
            await backend.refresh(GATE)
            assert feed.states["101"].modes == {"recording": "by_event"}
            assert feed.states["101"].detection is False
            await backend.execute(GATE, MoveCamera(move=PtzMove.LEFT))
            await backend.execute(GATE, MoveCamera(move=PtzMove.STOP))
            await backend.execute(GATE, GoToPreset(preset="Yard", number=2))
            with pytest.raises(CommandRejected, match="no preset"):
                await backend.execute(GATE, GoToPreset(preset="Moon", number=3))
            with pytest.raises(UnsupportedCommand):
                await backend.execute(GATE, MoveCamera(move=PtzMove.IRIS_OPEN))
            assert fake.world.channels[101].ptz[:2] == ["left", "stop"]


async def test_one_channel_is_served_by_its_own_token(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, token=fake.world.channels[101].token)
        async with running(backend, feed):
            assert list(feed.monitors) == ["101"]
            made = fake.world.happen(101)
            fake.world.happen(102)
            await feed.until(lambda: told(feed, made.id))
            assert {event.monitor_id for event in feed.events} == {"101"}
            for wrong in ("0101", "102", "x", ""):
                with pytest.raises(CommandRejected, match="no channel"):
                    await backend.execute(VmsTarget(monitor_id=wrong), SetAlarm(on=True))


async def test_a_channels_token_may_be_written_as_it_was_in_former_times(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, token=f"102;{inner_of(fake.world.channels[102].token)}")
        async with running(backend, feed):
            assert list(feed.monitors) == ["102"]
            made = fake.world.happen(102)
            await feed.until(lambda: told(feed, made.id))


async def test_a_token_that_leads_to_a_host_that_nobody_has_named_is_shown_to_none(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake, FakeVxg(channels=1, clock=clock) as other:
        token = other.group_token()
        backend = backend_of(fake, clock, token=token)
        with pytest.raises(HostRefused) as refused:
            await backend.run(MemoryFeed())
        assert "allowed host" in refused.value.hint
        (finding,) = await backend.check()
        assert finding.problem
        assert token not in f"{refused.value} {refused.value.hint} {finding}"
        assert not fake.requests
        assert not other.requests


async def test_a_token_to_watch_by_shows_video_and_no_more(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        channel = fake.world.channels[101]
        channel.token = channel.watch_token
        feed = MemoryFeed()
        backend = backend_of(fake, clock)
        async with running(backend, feed):
            assert not feed.monitors["101"].capabilities & {Capability.FORCE_ALARM, Capability.EVENT_CLIP, Capability.MODES}
            with pytest.raises(CommandRejected, match="the token lets nobody"):
                await backend.execute(GATE, SetAlarm(on=True))


async def test_events_are_tagged_and_what_is_no_event_is_refused(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        made = fake.world.happen(101)
        backend, feed = backend_of(fake, clock), MemoryFeed()
        async with running(backend, feed):
            target = VmsTarget(event_id=str(made.id))
            await backend.execute(target, AddTag(tag="seen"))
            assert "seen" in made.meta
            await backend.refresh(target)
            assert told(feed, made.id)[-1].tags == ("seen",)
            await backend.execute(target, RemoveTag(tag="seen"))
            await backend.execute(target, RemoveTag(tag="seen"))
            assert made.meta == {}
            with pytest.raises(UnsupportedCommand):
                await backend.execute(target, DeleteEvent())
            for wrong in ("", "x", "-1", "0", "00", "9" * 30):
                with pytest.raises(CommandRejected):
                    await backend.execute(VmsTarget(event_id=wrong), AddTag(tag="seen"))


async def test_what_others_have_found_is_noted_where_that_is_wanted(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        made = fake.world.happen(101)
        ref = EventRef("cloud", 1, str(made.id))
        assert backend_of(fake, clock).annotate is None
        backend, feed = backend_of(fake, clock, write_metadata=True), MemoryFeed()
        async with running(backend, feed):
            assert backend.annotate is not None
            await backend.annotate(ref, Enrichment(labels=("cat",), score=0.5))
            await backend.annotate(ref, Enrichment(labels=("person", "car"), score=0.9, plates=("AB123",), text="at the gate"))
            assert {"person", "car"} <= made.meta.keys()
            (document,) = [said for _, said in fake.world.documents.values()]
            assert document["string"]["labels"] == "person, car"
            assert document["string"]["plates"] == "AB123"
            assert document["float"] == {"score": 0.9}
            await feed.until(lambda: told(feed, made.id)[-1].labels, 10)
            with pytest.raises(CommandRejected):
                await backend.annotate(EventRef("cloud", 1, "999"), Enrichment(labels=("cat",)))


@pytest.mark.parametrize("kind", ["429", "500-html", "502", "truncated", "garbage", "close", "deep"])
async def test_nothing_is_lost_over_a_fault(clock: VirtualClock, kind: str) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        fake.world.happen(101, ago_s=1)
        made = []
        for _ in range(3):
            with_fault = backend_of(fake, clock)
            try:
                async with running(with_fault, feed) as task:
                    fake.faults.add("/api/v2/storage/events/", kind, 2)
                    made.append(fake.world.happen(101))
                    await asyncio.wait({task}, timeout=30)
            except (VmsError, BaseExceptionGroup):
                pass
            made.append(fake.world.happen(101))
        fake.faults.heal()
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: all(told(feed, each.id) for each in made), 60)


@pytest.mark.parametrize(
    "kind", ["401", "403", "404", "429", "500-html", "502", "close", "hang", "empty", "list", "garbage", "login"]
)
async def test_a_channel_that_answers_wrongly_harms_no_other(clock: VirtualClock, kind: str) -> None:
    async with FakeVxg(channels=3, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, timeout=2)
        fake.faults.add("/api/v2/cameras/102/", kind)
        async with running(backend, feed) as task:
            await feed.until(lambda: feed.monitors["103"].modes, 120)
            made = fake.world.happen(103)
            await feed.until(lambda: told(feed, made.id), 60)
            assert not task.done()
            assert feed.states["102"].available
            fake.faults.heal()
            await backend.refresh(VmsTarget(monitor_id="102"))
            assert feed.monitors["102"].modes


@pytest.mark.parametrize("kind", ["401", "502", "hang", "empty", "login"])
async def test_what_a_channel_could_do_it_can_do_while_it_does_not_answer(clock: VirtualClock, kind: str) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, timeout=2)
        async with running(backend, feed) as task:
            await feed.until(lambda: feed.monitors["101"].modes, 30)
            before = feed.monitors["101"]
            fake.faults.add("/api/v2/cameras/101/", kind)
            await asyncio.sleep(700)
            assert not task.done()
            assert feed.monitors["101"] == before


async def test_an_event_of_a_channel_that_comes_while_the_bridge_starts_is_not_lost(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        made: list[FakeEvent] = []

        def between(_method: str, path: str) -> None:
            if path.startswith("/api/v2/storage/events/") and not made:
                new = fake.add_channel("Barn")
                fake.group.channels.append(new.id)
                made.append(fake.world.happen(new.id))

        fake.between = between
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: told(feed, made[0].id), 30)


async def test_what_was_over_before_the_first_contact_is_not_told_when_it_gets_a_picture(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        fake.world.happen(101, ago_s=40, thumb_s=50, meta={"person": "1"}, meta_s=50)
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(30)
            assert feed.events == []


async def test_all_of_much_that_was_missed_is_told_as_late(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            pass
        await asyncio.sleep(7_200)
        for number in range(2_500):
            fake.world.happen(101, ago_s=7_000 - number)
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: len({event.id for event in feed.events}) == 2_500, 60)
            assert all(batch.late for batch in feed.batches if batch.events)


async def test_of_much_at_once_the_first_is_told_before_all_is_read(clock: VirtualClock) -> None:
    async with FakeVxg(channels=500, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            told_by_page: list[tuple[int, int]] = []

            def between(_method: str, path: str) -> None:
                if path == "/api/v2/storage/events/":
                    alarmed = sum(state.alarm is AlarmState.ALARM for state in feed.states.values())
                    told_by_page.append((len(feed.events), alarmed))

            made = [fake.world.happen(101 + number) for number in range(500)]
            fake.between = between
            await feed.until(lambda: len(feed.events) == 500, 10)
        assert [event.id for event in feed.events] == [str(each.id) for each in made]
        assert told_by_page[0] == (0, 0)
        assert told_by_page[1][0] == told_by_page[1][1] > 0, "what was in the first page, when the second was asked for"
        assert max(len(batch.events) for batch in feed.batches) <= 128, "others have their turn between"


async def test_what_was_told_of_much_ends_in_time_though_the_rest_is_slow(clock: VirtualClock) -> None:
    async with FakeVxg(channels=300, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            made = [fake.world.happen(101 + number) for number in range(300)]

            def between(_method: str, path: str) -> None:
                if path == "/api/v2/storage/events/":
                    fake.latency_s = 25.0  # the next page

            fake.between = between
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 5)
            await feed.until(lambda: told(feed, made[0].id)[-1].is_over, 10)
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 5)
            assert not told(feed, made[-1].id), "of the next page"


async def test_what_was_over_before_the_first_contact_is_not_told_after_a_restart(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        fake.world.happen(101, ago_s=40)
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(5)
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: told(feed, made.id), 10)
        assert {event.id for event in feed.events} == {str(made.id)}
