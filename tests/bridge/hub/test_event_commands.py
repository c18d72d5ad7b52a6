"""Commands on events: their effects show in what the backend records when it is to refresh the event, and are told from there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import served
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, system_state
from tests.fakes.clock import settle
from tests.fakes.commands import ask, within

from vms_bridge.commands import (
    COMMANDS,
    Ack,
    AckResult,
    Action,
    AddTag,
    DeleteEvent,
    Level,
    RemoveTag,
    SetArchived,
    SetLocked,
    SetNote,
    Target,
)
from vms_bridge.errors import VmsUnreachable
from vms_bridge.hub.watched_events import WatchedEvents
from vms_bridge.index import Search
from vms_bridge.keys import MonitorRules
from vms_bridge.messages import decode
from vms_bridge.model import EventBatch, EventRef
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.commands import CommandTable, VmsTarget
    from vms_bridge.hub import Hub
    from vms_bridge.model import Event
    from vms_bridge.views import EventMessage

REF = EventRef("zm", 1, "7")


def ended(number: int = 7, monitor_id: str = "1", **changes: Any) -> Event:  # noqa: ANN401 - fields by keyword
    plain: dict[str, Any] = {"end": START, "archived": False, "locked": False, "tags": ("old",)}
    return event(number, monitor_id, **(plain | changes))


@asynccontextmanager
async def at_work(
    path: Path, *events: Event, table: CommandTable = COMMANDS, backend: ScriptedBackend | None = None
) -> AsyncIterator[tuple[Hub, ScriptedBackend]]:
    """A hub, and a backend that has recorded these events."""
    backend = backend or ScriptedBackend()
    async with served(path, backend, table=table) as hub:
        assert backend.feed
        await backend.feed.record(EventBatch(events=events, cursor="1"))
        backend.kept = {each.id: each for each in events}
        yield hub, backend


async def asked(hub: Hub, action: Action, ref: EventRef = REF, *, level: Level = Level.ADMIN) -> Ack:
    return await hub.submit(ask(action, target=Target(system="zm", event=ref), level=level))


async def told(hub: Hub) -> list[EventMessage]:
    return [decode(message.payload) for _, message in (await hub.history(None, 100)).messages]


@pytest.mark.parametrize(
    ("action", "applied", "shown"),
    [
        (SetArchived(on=True), "ON", {"archived": True}),
        (SetLocked(on=True), "ON", {"locked": True}),
        (AddTag(tag="parcel"), "parcel", {"tags": ("old", "parcel")}),
        (RemoveTag(tag="old"), "old", {"tags": ()}),
    ],
    ids=str,
)
async def test_what_is_done_to_an_event_is_applied_when_it_was_recorded_and_told(
    tmp_path: Path, action: Action, applied: str, shown: dict[str, object]
) -> None:
    async with at_work(tmp_path, ended()) as (hub, backend):
        ack = await asked(hub, action, level=Level.CONTROL)
        assert (ack.result, ack.applied, ack.target.event) == (AckResult.APPLIED, applied, REF)
        assert backend.actions == [("7", action)]
        last = (await told(hub))[-1]
        assert (last.type, last.id) == (MessageType.UPDATE, "zm-7")
        assert {name: getattr(last, name) for name in shown} == shown
        assert not hub._recorder.watched, "nobody watches any more"


async def test_who_does_not_say_the_tags_takes_none_away(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended()) as (hub, backend):
        assert backend.feed
        steps = len(await told(hub))
        await backend.feed.record(EventBatch(events=(ended(tags=None),), cursor="2"))
        assert len(await told(hub)) == steps
        await backend.feed.record(EventBatch(events=(ended(tags=None, archived=True),), cursor="3"))
        last = (await told(hub))[-1]
        assert (last.archived, last.tags) == (True, ("old",))


async def test_a_note_is_no_step_in_the_life_of_an_event(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended()) as (hub, _):
        before = await told(hub)
        ack = await asked(hub, SetNote(text="the post"))
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "the post")
        assert await told(hub) == before


async def test_an_event_that_was_deleted_is_told_as_it_was_known(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended(cause="Motion")) as (hub, _):
        ack = await asked(hub, DeleteEvent())
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "deleted")
        last = (await told(hub))[-1]
        assert (last.type, last.cause, last.monitor) == (MessageType.DELETED, "Motion", "1")
        assert (await asked(hub, DeleteEvent())).result is AckResult.UNCHANGED
        refused = await asked(hub, SetLocked(on=True))
        assert (refused.result, refused.code, refused.hint) == (AckResult.REFUSED, "rejected", "event zm-7 was deleted")


async def test_what_is_so_already_is_not_done_again(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended(locked=True)) as (hub, backend):
        ack = await asked(hub, SetLocked(on=True))
        assert (ack.result, ack.applied) == (AckResult.UNCHANGED, "ON")
        assert (backend.actions, backend.looks) == ([], 1)


@pytest.mark.parametrize("action", [SetArchived(on=True), DeleteEvent()])
async def test_of_an_event_that_was_never_told_nothing_is_told_by_a_command_either(tmp_path: Path, action: Action) -> None:
    async with at_work(tmp_path, ended(8)) as (hub, backend):
        backend.kept["7"] = ended()  # from years ago
        before = await told(hub)
        assert (await asked(hub, action)).result is AckResult.APPLIED
        assert backend.actions == [("7", action)]
        assert await told(hub) == before
        view = hub.monitor("zm", "1")
        assert view
        assert view.last_event
        assert view.last_event.id == "zm-8"
        assert [each.id for each in hub._systems["zm"].events.recent] == ["8"]
        found = {each.ref.id: each.event for each in (await hub.search(Search())).events}
        assert found.get("7") == (ended(archived=True) if isinstance(action, SetArchived) else None), "the index knows it"


async def test_a_search_does_not_find_what_was_found_to_be_gone(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (hub, backend):
        old = [("1", ended(7)), ("1", ended(6))]
        await hub._store.add_to_index("zm", 1, old, mark="1", is_complete=True)
        backend.kept["6"] = ended(6)
        assert (await asked(hub, SetLocked(on=True))).result is AckResult.REFUSED, "the VMS has deleted it meanwhile"
        assert [each.ref.id for each in (await hub.search(Search())).events] == ["6"]


@pytest.mark.parametrize("what", ["no such event", "of a hidden monitor"])
async def test_what_is_not_there_or_not_shown_is_refused_and_not_touched(tmp_path: Path, what: str) -> None:
    async with at_work(tmp_path) as (hub, backend):
        if what == "of a hidden monitor":
            backend.kept["7"] = ended(7, "2")
            hub._systems["zm"].rules = MonitorRules(exclude=("2",))
        ack = await asked(hub, DeleteEvent())
        assert (ack.result, ack.code) == (AckResult.REFUSED, "rejected")
        assert "has no event 'zm-7'" in (ack.hint or "")
        assert backend.actions == []


async def test_who_may_not_delete_is_refused_before_anybody_looks(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended()) as (hub, backend):
        ack = await asked(hub, DeleteEvent(), level=Level.CONTROL)
        assert (ack.result, ack.code) == (AckResult.REFUSED, "forbidden")
        assert backend.looks == 0


async def test_a_system_that_can_not_do_it_is_not_asked(tmp_path: Path) -> None:
    plain = system_state(capabilities=frozenset())
    backend = ScriptedBackend(first=replace(snapshot(monitor()), system=plain))
    async with at_work(tmp_path, ended(), backend=backend) as (hub, _):
        ack = await asked(hub, SetArchived(on=True))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")
        assert backend.looks == 0


async def test_an_effect_that_does_not_show_is_a_timeout(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended(), table=within(0.3), backend=ScriptedBackend(obey=False)) as (hub, backend):
        ack = await asked(hub, SetArchived(on=True))
        assert (ack.result, ack.code) == (AckResult.TIMEOUT, "unverified")
        assert backend.actions == [("7", SetArchived(on=True))]


async def test_nothing_is_done_to_an_event_that_could_not_be_looked_at(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended()) as (hub, backend):

        def fail() -> None:
            raise VmsUnreachable("no answer")

        backend.on_refresh = fail
        ack = await asked(hub, DeleteEvent())
        assert (ack.result, ack.code) == (AckResult.FAILED, "vms")
        assert backend.actions == []


async def test_ids_that_start_anew_meanwhile_prove_nothing(tmp_path: Path) -> None:
    """What the VMS calls so by now is another event: the command that was sent is not called applied for its sake."""

    class Restored(ScriptedBackend):
        async def execute(self, target: VmsTarget, action: Action) -> None:
            await super().execute(target, action)
            assert self.feed
            self.generation, self.kept = 2, {"7": event(7, archived=True)}
            await self.feed.record(EventBatch(events=(event(7, archived=True),), cursor="1", generation=2))

    async with at_work(tmp_path, ended(), table=within(0.3), backend=Restored()) as (hub, _):
        ack = await asked(hub, SetArchived(on=True))
        assert ack.result is AckResult.TIMEOUT


async def test_what_the_backend_reads_by_itself_shows_the_effect_too(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended(), backend=ScriptedBackend(hold=asyncio.Event())) as (hub, backend):
        asking = asyncio.create_task(asked(hub, SetArchived(on=True)))
        while not backend.actions:
            await settle()
        assert backend.feed
        assert backend.hold
        backend.obey = False
        await backend.feed.record(EventBatch(events=(ended(archived=True),), cursor="2"))
        backend.kept["7"] = ended(archived=True)
        backend.hold.set()
        assert (await asking).result is AckResult.APPLIED


async def test_many_commands_on_one_event_take_turns(tmp_path: Path) -> None:
    async with at_work(tmp_path, ended()) as (hub, backend):
        acks = await asyncio.gather(*(asked(hub, AddTag(tag=f"t{number}")) for number in range(12)))
        assert {ack.result for ack in acks} == {AckResult.APPLIED}
        assert backend.kept["7"].tags == ("old", *(f"t{number}" for number in range(12)))


def test_an_event_that_two_watch_is_seen_by_both_and_forgotten_with_the_last() -> None:
    watched = WatchedEvents()
    with watched.watch(REF) as one:
        with watched.watch(REF) as other:
            watched.recorded([(REF, event(7)), (EventRef("zm", 1, "8"), event(8))], {})
            assert one.event == other.event == event(7)
        gone = replace(event(7), monitor_id="", start=None, deleted=True)
        watched.recorded([(REF, gone)], {})
        assert one.event == replace(event(7), deleted=True), "of what is gone, what was recorded before is known best"
        assert other.event == event(7)
    assert not watched
    with watched.watch(REF) as another:
        watched.recorded([(REF, gone)], {"7": ("1", event(7))})
        assert another.event == replace(event(7), deleted=True)
    with watched.watch(REF) as stranger:
        watched.recorded([(REF, gone)], {})
        assert stranger.event == gone
