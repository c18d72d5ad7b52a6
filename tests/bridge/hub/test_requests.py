"""What a request id stands for: one command, its answer, and who is told how it goes; for any order in which they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock, settle
from tests.fakes.commands import ask

from vms_bridge.commands import Ack, AckResult, Command, Origin, SetAlarm, SetArmed, Target
from vms_bridge.errors import CommandRejected
from vms_bridge.hub.requests import REMEMBERED_MOST, REMEMBERED_S, Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.hub.answered import Answered, Key

A = ask(SetAlarm(on=True), name="alarm", request_id="A", origin=Origin(door="mqtt"))
OTHER_MONITOR = Target(system="zm", monitor="2")


@dataclass
class Memory:
    """Keeps what a store would; `ready` holds up who reads it."""

    kept: dict[Key, Answered] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ready.set()

    async def load(self) -> dict[Key, Answered]:
        await self.ready.wait()
        return dict(self.kept)

    async def note(self, changes: Mapping[Key, Answered | None]) -> None:
        for key, answered in changes.items():
            if answered is None:
                del self.kept[key]
            else:
                self.kept[key] = answered


@dataclass
class Work:
    """Runs commands until it is told to end them, and keeps what it has run."""

    clock: FakeClock = field(default_factory=FakeClock)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    ran: list[Command] = field(default_factory=list)
    progress: list[Callable[[Ack], None]] = field(default_factory=list)
    memory: Memory | None = None

    def __post_init__(self) -> None:
        self.requests = Requests(self.clock, self.run, self.memory)

    async def run(self, command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        self.ran.append(command)
        if progress:
            self.progress.append(progress)
        await self.go.wait()
        return applied(command)


def applied(command: Command) -> Ack:
    """Return an answer by which the command can be told from another."""
    return Ack.of(command, AckResult.APPLIED, START, applied=str(command.action))


def running(command: Command) -> Ack:
    return Ack.of(command, AckResult.RUNNING, START)


async def test_who_repeats_a_request_hears_that_it_runs_and_the_same_end() -> None:
    work = Work()
    heard: dict[str, list[AckResult]] = {"first": [], "again": []}
    first = asyncio.create_task(work.requests.submit(A, lambda ack: heard["first"].append(ack.result)))
    await settle()
    again = asyncio.create_task(work.requests.submit(A, lambda ack: heard["again"].append(ack.result)))
    silent = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    assert heard == {"first": [], "again": [AckResult.RUNNING]}, "at once, whether the command tells of itself or not"
    work.progress[0](running(A))
    assert heard == {"first": [AckResult.RUNNING], "again": [AckResult.RUNNING, AckResult.RUNNING]}
    work.go.set()
    assert await first == await again == await silent
    assert await work.requests.submit(A, lambda ack: heard["again"].append(ack.result)) == await first
    assert len(heard["again"]) == 2, "what is over does not run"
    assert work.ran == [A]


async def test_who_goes_away_is_told_no_more_and_ends_nothing() -> None:
    work = Work()
    heard: list[Ack] = []
    first = asyncio.create_task(work.requests.submit(A, heard.append))
    again = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    first.cancel()
    await settle()
    work.progress[0](running(A))
    assert heard == []
    work.go.set()
    assert (await again).result is AckResult.APPLIED


@pytest.mark.parametrize(
    "origin", [Origin(door="api"), Origin(door="mqtt", principal="a panel"), Origin(door="api", principal="a panel")]
)
async def test_another_door_or_principal_has_ids_of_its_own(origin: Origin) -> None:
    work = Work()
    work.go.set()
    await work.requests.submit(A, None)
    other = replace(A, origin=origin, action=SetAlarm(on=False))
    assert await work.requests.submit(other, None) == applied(other)
    with pytest.raises(CommandRejected):
        await work.requests.submit(replace(other, action=SetAlarm(on=True)), None)
    assert work.ran == [A, other]


async def test_what_has_no_id_is_run_each_time() -> None:
    work = Work()
    work.go.set()
    plain = replace(A, request_id=None)
    for _ in range(2):
        await work.requests.submit(plain, None)
    assert work.ran == [plain, plain]


async def test_an_id_is_free_again_after_ten_minutes_even_behind_one_that_still_runs() -> None:
    work = Work()
    slow = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    work.go.set()
    await slow
    work.go.clear()
    hanging = asyncio.create_task(work.requests.submit(replace(A, request_id="hangs"), None))
    await settle()
    await work.clock.advance(REMEMBERED_S + 1)
    with pytest.raises(CommandRejected):
        await work.requests.submit(replace(A, request_id="hangs", target=OTHER_MONITOR), None)
    other = replace(A, target=OTHER_MONITOR)
    again = asyncio.create_task(work.requests.submit(other, None))
    await settle()
    work.go.set()
    assert await again == applied(other)
    await hanging


async def test_the_oldest_ids_give_way_and_what_runs_does_not() -> None:
    work = Work()
    hanging = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    work.go.set()
    for number in range(REMEMBERED_MOST + 5):
        await work.requests.submit(replace(A, request_id=str(number)), None)
    await hanging
    assert len(work.requests._known) == REMEMBERED_MOST
    await work.requests.submit(replace(A, request_id="0", target=OTHER_MONITOR), None)
    with pytest.raises(CommandRejected):
        await work.requests.submit(replace(A, request_id=str(REMEMBERED_MOST), target=OTHER_MONITOR), None)


async def test_an_end_abandons_what_is_under_way() -> None:
    work = Work()
    task = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    await asyncio.wait_for(work.requests.close(), 30)
    assert task.done()


async def test_the_next_run_answers_from_memory_for_ten_minutes() -> None:
    memory, clock = Memory(), FakeClock()
    first = Work(clock=clock, memory=memory)
    first.go.set()
    answer = await first.requests.submit(A, None)
    await clock.advance(REMEMBERED_S - 1)
    later = Work(clock=clock, memory=memory)
    assert await later.requests.submit(A, None) == answer
    with pytest.raises(CommandRejected, match=f"another command, alarm of {A.target}, for ten minutes"):
        await later.requests.submit(replace(A, target=OTHER_MONITOR), None)
    assert later.ran == []
    await clock.advance(2)
    latest = Work(clock=clock, memory=memory)
    latest.go.set()
    other = replace(A, target=OTHER_MONITOR)
    assert await latest.requests.submit(other, None) == applied(other)
    assert [answered.ack for answered in memory.kept.values()] == [applied(other)]


async def test_what_had_no_answer_is_run_by_the_next_run() -> None:
    memory = Memory()
    killed = Work(memory=memory)
    task = asyncio.create_task(killed.requests.submit(A, None))
    await settle()
    await killed.requests.close()
    assert task.done()
    later = Work(memory=memory)
    later.go.set()
    assert await later.requests.submit(A, None) == applied(A)
    assert later.ran == [A]


async def test_what_is_forgotten_goes_from_memory_too() -> None:
    memory = Memory()
    work = Work(memory=memory)
    work.go.set()
    await work.requests.submit(A, None)
    await work.clock.advance(REMEMBERED_S + 1)
    await work.requests.submit(replace(A, request_id="B"), None)
    assert [request_id for _, _, request_id in memory.kept] == ["B"]


async def test_who_asks_before_the_memory_is_read_waits_for_it_in_order() -> None:
    memory = Memory()
    first = Work(memory=memory)
    first.go.set()
    answer = await first.requests.submit(A, None)
    memory.ready.clear()
    later = Work(memory=memory)
    later.go.set()
    others = [replace(A, request_id=str(number)) for number in range(5)]
    asked = [asyncio.create_task(later.requests.submit(each, None)) for each in (A, *others)]
    await settle()
    assert later.ran == []
    memory.ready.set()
    assert await asked[0] == answer
    await asyncio.gather(*asked)
    assert later.ran == others


async def test_an_end_does_not_wait_for_the_memory() -> None:
    memory = Memory()
    memory.ready.clear()
    work = Work(memory=memory)
    task = asyncio.create_task(work.requests.submit(A, None))
    await settle()
    await asyncio.wait_for(work.requests.close(), 30)
    assert task.done() or task.cancelling()
    await asyncio.wait([task])
    assert work.ran == []


COMMANDS = st.builds(
    replace,
    st.just(A),
    request_id=st.sampled_from(["A", "B"]),
    target=st.sampled_from([Target(system="zm", monitor=monitor) for monitor in (None, "1", "2")]),
    action=st.sampled_from([SetAlarm(on=True), SetAlarm(on=True, score=1), SetAlarm(on=False), SetArmed(on=True)]),
)


@settings(max_examples=50, deadline=None)
@given(commands=st.lists(COMMANDS, max_size=8))
def test_an_answer_is_always_that_of_its_question(commands: list[Command]) -> None:
    async def play() -> None:
        work = Work()
        asked = []
        for command in commands:
            asked.append(asyncio.create_task(work.requests.submit(command, None)))
            await settle(3)
        work.go.set()
        first = {command.request_id: command for command in reversed(commands)}
        for command, task in zip(commands, asked, strict=True):
            if command == first[command.request_id]:
                assert await task == applied(command)
            else:
                with pytest.raises(CommandRejected):
                    await task
        assert work.ran == list({command.request_id: first[command.request_id] for command in commands}.values())

    asyncio.run(play())
