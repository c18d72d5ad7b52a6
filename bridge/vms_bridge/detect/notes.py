"""Writes what was found into the VMS's notes of events that are over: before their end the VMS writes there itself."""

from __future__ import annotations

import logging
import re
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.archive import EventQuery
from vms_bridge.commands import AckResult, Command, Level, Origin, SetNote, Target
from vms_bridge.detect.results import in_a_line
from vms_bridge.errors import BridgeError
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.detect.values import Looked
    from vms_bridge.index import IndexedEvent
    from vms_bridge.model import Event, EventRef
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
MOST_WAITING = 500
SETTLES_S = 10.0
"""So long after its end a VMS may still write to an event's notes."""
_LOOK_S = 1.0
_BEGINS = "detected: "
_OURS = re.compile(r"\s*\[detected: [^\]]*\]")


@dataclass(frozen=True, slots=True)
class _Note:
    event: EventRef
    text: str
    due: float


class Notes:
    """What is to be written, the oldest first; too much is dropped."""

    def __init__(self, hub: HubView, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self._waiting: deque[_Note] = deque(maxlen=MOST_WAITING)
        self._trouble = Trouble(_LOGGER, "what was found is not written into notes", clock.monotonic)

    def add(self, event: EventRef, best: Looked) -> None:
        """Have this written, in a while: the event is over."""
        self._waiting.append(_Note(event, in_a_line(best.new), self._clock.monotonic() + SETTLES_S))

    async def run(self) -> NoReturn:
        """Write until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_S)
            while self._waiting and self._waiting[0].due <= self._clock.monotonic():
                await self._write(self._waiting.popleft())

    async def _write(self, note: _Note) -> None:
        """Read the notes as they are now, and write them with ours behind, in place of what was ours before."""
        system = self._hub.system(note.event.system)
        if system is None or Capability.EVENT_NOTE not in system.state.capabilities:
            self._trouble.report(
                f"system {note.event.system} takes no notes",
                hint="may the bridge's user there edit events? Else write_notes: is of no use",
                code="none",
            )
            return
        try:
            found = await self._hub.indexed(note.event)
        except BridgeError as error:
            self._trouble.report(error, hint=error.hint, code=error.code)
            return
        if found is None or found.event.deleted or not found.event.is_over:
            return
        text = with_ours((await self._as_it_is(found)).notes, note.text)
        ack = await self._hub.submit(
            Command(
                target=Target(system=note.event.system, event=note.event),
                action=SetNote(text=text),
                name="note",
                origin=Origin(door="detection"),
                level=Level.ADMIN,
            )
        )
        if ack.result in {AckResult.APPLIED, AckResult.ACCEPTED, AckResult.UNCHANGED}:
            self._trouble.over()
        else:
            self._trouble.report(ack.hint or ack.result, code=ack.code or "")

    async def _as_it_is(self, found: IndexedEvent) -> Event:
        """Return the event as its VMS has it now: somebody may have written into its notes since it was told last."""
        ref, start = found.ref, found.event.start
        if start is None:
            return found.event
        query = EventQuery(since=start, until=start + timedelta(seconds=1), monitors=frozenset({found.monitor}))
        try:
            page = await self._hub.recorded(ref.system, query)
        except BridgeError:  # it can't be asked for it: what was told last is what is known
            return found.event
        return next((each.event for each in page.events if each.ref == ref), found.event)


def with_ours(notes: str, text: str) -> str:
    """Return the notes with what was found at their end, in place of what stood there of an earlier time."""
    plain = " ".join(_OURS.sub("", notes).split())
    ours = f"[{_BEGINS}{text.replace(']', ')')}]"
    return f"{plain} {ours}" if plain else ours
