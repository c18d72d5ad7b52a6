"""Which commands are still to be answered: what a kill at any moment leaves of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub

from vms_bridge.mqtt.ledger import Entry, Ledger
from vms_bridge.mqtt.wire import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.clock import Moment


class Journal(FakeHub):
    """Counts transactions, and how much is in each."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []

    async def note_unanswered(self, sink: str, notes: Mapping[int, bytes | None]) -> None:
        self.written.append(len(notes))
        await super().note_unanswered(sink, notes)


def message(number: int, told: list[int]) -> Message:
    return Message(
        topic="t",
        payload=b"\xff\x00" + str(number).encode(),
        response_topic="r",
        correlation=b"\x80",
        expiry_s=60,
        acknowledge=lambda: told.append(number),
    )


def later(entry: Entry) -> Moment:
    return replace(entry.taken, uptime_s=entry.taken.uptime_s + 1)


async def test_a_command_is_acknowledged_when_it_is_stored_and_not_before() -> None:
    hub = Journal()
    told: list[int] = []
    ledger = Ledger(hub, FakeClock())
    assert await ledger.open() == []
    hub.stores.clear()
    ledger.enter(message(1, told), 0.0)
    await settle()
    assert (told, ledger.is_safe) == ([], False)
    hub.stores.set()
    await settle()
    assert (told, ledger.is_safe) == ([1], True)
    await ledger.close()


async def test_what_is_over_at_once_is_acknowledged_without_a_note() -> None:
    hub = Journal()
    told: list[int] = []
    ledger = Ledger(hub, FakeClock())
    await ledger.open()
    entry = ledger.enter(message(1, told), 0.0)
    ledger.strike_out(entry)
    ledger.settle(later(entry))
    await settle()
    assert (told, hub.written) == ([1], [])
    await ledger.close()


async def test_what_is_over_is_known_until_the_broker_is_sure_to_have_heard_of_it() -> None:
    hub, clock = Journal(), FakeClock()
    ledger = Ledger(hub, clock)
    await ledger.open()
    before = clock.moment()
    await clock.advance(1)
    entry = ledger.enter(message(1, []), 0.0)
    ledger.strike_out(entry)
    ledger.settle(before)
    ledger.settle(clock.moment())
    await settle()
    assert ledger.knows(message(1, []))
    assert not ledger.knows(message(2, []))
    assert list(hub.notes) == [1]
    ledger.settle(later(entry))
    await settle()
    assert not ledger.knows(message(1, []))
    assert hub.notes == {}
    await ledger.close()


async def test_an_answer_is_given_when_it_is_stored_and_not_before() -> None:
    """Else a kill in between would have the command run again, and answered otherwise."""
    hub = Journal()
    given: list[bytes] = []
    ledger = Ledger(hub, FakeClock())
    await ledger.open()
    hub.stores.clear()
    entry = ledger.enter(message(1, []), 0.0)
    await settle()
    ledger.answered(entry, b"done", lambda: given.append(hub.notes[entry.number]))
    await settle()
    assert given == []
    hub.stores.set()
    await settle()
    (note,) = given
    assert b"ZG9uZQ==" in note, "the answer is in it"
    await ledger.close()


async def test_a_flood_is_written_in_few_transactions_of_bounded_size() -> None:
    hub = Journal()
    told: list[int] = []
    ledger = Ledger(hub, FakeClock())
    await ledger.open()
    for number in range(1000):
        ledger.enter(message(number, told), 0.0)
    await ledger.close()
    assert told == list(range(1000))
    assert (len(hub.written), max(hub.written)) == (10, 100)


async def test_a_close_in_the_midst_of_a_transaction_forgets_nothing() -> None:
    hub = Journal()
    told: list[int] = []
    ledger = Ledger(hub, FakeClock())
    await ledger.open()
    hub.stores.clear()
    entry = ledger.enter(message(1, told), 0.0)
    await settle()
    ledger.strike_out(entry)
    ledger.settle(later(entry))
    closing = asyncio.create_task(ledger.close())
    await settle()
    hub.stores.set()
    await asyncio.wait_for(closing, 30)
    assert hub.notes == {}
    assert told == [1]


@pytest.mark.parametrize("answer", [None, b'{"result": "applied"}'])
async def test_an_entry_is_read_as_it_was_written(answer: bytes | None) -> None:
    hub, clock = FakeHub(), FakeClock()
    first = Ledger(hub, clock)
    await first.open()
    entry = first.enter(message(1, []), 4.5)
    if answer:
        first.answered(entry, answer, lambda: None)
    await first.close()
    second = Ledger(hub, clock)
    (read,) = await second.open()
    assert (read.message, read.taken, read.age_s, read.answer) == (entry.message, entry.taken, 4.5, answer)
    assert (read.is_resumed, entry.is_resumed) == (True, False)
    assert second.enter(message(2, []), None).number > read.number
    await second.close()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(["enter", "answer", "strike", "turn", "stall", "go"]), max_size=40))
def test_a_kill_at_any_moment_leaves_a_command_with_the_broker_or_in_the_store(steps: list[str]) -> None:
    async def play() -> None:
        hub, clock = FakeHub(), FakeClock()
        told: list[int] = []
        ledger = Ledger(hub, clock)
        await ledger.open()
        entries: list[Entry] = []
        done: set[int] = set()
        for step in steps:
            if step == "enter":
                entries.append(ledger.enter(message(len(entries) + 1, told), 0.0))
            elif step in {"answer", "strike"} and len(done) < len(entries):
                entry = entries[len(done)]
                ledger.answered(entry, b"answer", lambda: None)
                if step == "strike":
                    ledger.strike_out(entry)
                    done.add(entry.number)
            elif step in {"stall", "go"}:
                (hub.stores.clear if step == "stall" else hub.stores.set)()
            await settle(1 if step == "turn" else 0)
            left = {number for number in range(1, len(entries) + 1) if number not in done}
            assert left <= hub.notes.keys() | (left - set(told)), "killed now, each comes again or is noted"
        hub.stores.set()
        for entry in entries:
            if entry.number in done:
                ledger.settle(later(entry))
        await ledger.close()
        assert hub.notes.keys() == {entry.number for entry in entries} - done
        assert told == sorted(told) == [entry.number for entry in entries]

    asyncio.run(play())
