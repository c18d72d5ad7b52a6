"""Commands that were taken over and are not answered yet: kept in the store, so that a kill leaves none unanswered."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from vms_bridge.clock import Moment
from vms_bridge.mqtt.events import SINK
from vms_bridge.mqtt.wire import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 100


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """One command: when it was taken, how old it may have been then (None: that is not known), and its final answer."""

    number: int
    message: Message
    taken: Moment
    age_s: float | None
    answer: bytes | None = None
    is_resumed: bool = False
    """Whether an earlier run has taken it, and may have carried it out."""
    given: Moment | None = None
    """When whoever asked had his answer."""
    is_fit: bool = False
    """Whether it was found young enough; it grows no older for us while its system is awaited."""

    def waited_s(self, now: Moment) -> float | None:
        """Return for how long it has been here; None where that is not known."""
        return self.taken.until(now)

    def is_expired(self, now: Moment) -> bool:
        """Say whether the time is over that its sender has set for it."""
        waited_s = self.waited_s(now)
        return self.message.expiry_s is not None and (waited_s is None or waited_s >= self.message.expiry_s)


class _Note(BaseModel):
    """An entry as it is in the store."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None
    correlation: bytes | None
    expiry_s: int | None
    taken: Moment
    age_s: float | None
    answer: bytes | None


class Ledger:
    """Enters each command before the broker is informed that it need not send it again, and strikes out what is answered.

    What changes in one turn of the loop, or while the store is at work, is written in one transaction, a hundred at most.
    """

    def __init__(self, hub: HubView, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._last = 0
        self._changed: dict[int, tuple[Entry | None, Callable[[], None] | None]] = {}
        self._stored: set[int] = set()
        self._unsafe: dict[int, Entry] = {}
        self._entries: dict[int, Entry] = {}
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_safe(self) -> bool:
        """Whether everything that was entered would survive a kill."""
        return not self._unsafe

    async def open(self) -> list[Entry]:
        """Return what earlier runs have left, in the order in which it came, and write from now on what changes."""
        notes = await self._hub.unanswered(SINK)
        entries = [entry for number, data in notes.items() if (entry := _read(number, data)) is not None]
        self._entries = {entry.number: entry for entry in entries}
        self._stored = set(notes)
        self._last = max(self._stored, default=0)
        for number in self._stored - {entry.number for entry in entries}:
            self._change(number, None)
        self._writer = asyncio.create_task(self._write(), name="mqtt-ledger")
        return entries

    async def close(self) -> None:
        """Write what has changed last."""
        async with self._writing:  # not in the midst of a transaction: its outcome would not be known
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.wait({self._writer})
        await self._flush()

    def enter(self, message: Message, age_s: float | None) -> Entry:
        """Enter a command that has just come, and acknowledge it once that is stored."""
        self._last += 1
        entry = Entry(number=self._last, message=message, taken=self._clock.moment(), age_s=age_s)
        self._unsafe[entry.number] = self._entries[entry.number] = entry
        self._change(entry.number, entry)
        return entry

    def answered(self, entry: Entry, answer: bytes, give: Callable[[], None]) -> None:
        """Note the command's final answer, and give it then: after a kill there is no other one."""
        entry.answer = answer
        if self._writer is None:
            give()
        else:
            self._change(entry.number, entry, give)

    def knows(self, message: Message) -> bool:
        """Say whether this command is entered, so that it is sent again because the broker does not know of that."""
        return any(entry.message == message for entry in self._entries.values())

    def strike_out(self, entry: Entry) -> None:
        """Note that whoever asked has his answer."""
        entry.given = self._clock.moment()

    def settle(self, alive: Moment) -> None:
        """Forget what was over before the link was alive then: the broker does not send it again."""
        over = [number for number, entry in self._entries.items() if entry.given and (entry.given.until(alive) or 0.0) > 0.0]
        for number in over:
            del self._entries[number]
            self._change(number, None)

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            self._news.clear()
            while self._changed:
                await self._write_some()

    async def _write_some(self) -> None:
        numbers = list(islice(self._changed, _AT_ONCE))
        changed = {number: self._changed.pop(number) for number in numbers}
        notes = {
            number: None if entry is None else _note(entry)
            for number, (entry, _) in changed.items()
            if entry is not None or number in self._stored
        }
        if notes:
            await self._hub.note_unanswered(SINK, notes)
        for number, (entry, then) in changed.items():
            if entry is None:
                self._stored.discard(number)
            else:
                self._stored.add(number)
            safe = self._unsafe.pop(number, None)
            if safe is not None:
                safe.message.acknowledge()
            if then is not None:
                then()

    def _change(self, number: int, entry: Entry | None, then: Callable[[], None] | None = None) -> None:
        self._changed[number] = entry, then
        self._news.set()


def _note(entry: Entry) -> bytes:
    message = entry.message
    note = _Note(
        topic=message.topic,
        payload=message.payload,
        retained=message.retained,
        response_topic=message.response_topic,
        correlation=message.correlation,
        expiry_s=message.expiry_s,
        taken=entry.taken,
        age_s=entry.age_s,
        answer=entry.answer,
    )
    return note.model_dump_json().encode()


def _read(number: int, data: bytes) -> Entry | None:
    """Return the entry of an earlier run, None if this is none."""
    try:
        note = _Note.model_validate_json(data)
    except ValidationError:
        _LOGGER.warning("a note on a command that was not answered can't be read: it stays unanswered")
        return None
    message = Message(
        topic=note.topic,
        payload=note.payload,
        retained=note.retained,
        response_topic=note.response_topic,
        correlation=note.correlation,
        expiry_s=note.expiry_s,
    )
    return Entry(number=number, message=message, taken=note.taken, age_s=note.age_s, answer=note.answer, is_resumed=True)
