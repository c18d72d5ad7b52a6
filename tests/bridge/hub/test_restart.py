"""A restart is applied when it has happened, and not because it was asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import served
from tests.fakes.backend import START, ScriptedBackend, snapshot, state
from tests.fakes.clock import settle
from tests.fakes.commands import ask as command
from tests.fakes.commands import within

from vms_bridge.commands import COMMANDS, Ack, AckResult, Restart, Seen
from vms_bridge.model import MonitorState, StateUpdate, SystemLost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Changes = dict[str, object]
A, B, NAMELESS = Changes(capture="run A"), Changes(capture="run B"), Changes(capture=None)
GONE, BACK, UNKNOWN = Changes(connected=False), Changes(connected=True), Changes(connected=None)

HAPPENED: list[tuple[str, Sequence[Changes]]] = [
    ("another run", [A, B]),
    ("another run that needs a moment", [A, {**B, **GONE}, {**B, **BACK}]),
    ("gone and back", [NAMELESS, {**NAMELESS, **GONE}, {**NAMELESS, **BACK}]),
    ("gone, unknown, back", [NAMELESS, {**NAMELESS, **GONE}, {**NAMELESS, **UNKNOWN}, {**NAMELESS, **BACK}]),
    ("a dead camera's daemon", [{**A, **GONE}, {**B, **GONE}]),
    ("a camera on demand", [{**A, **UNKNOWN}, {**B, **UNKNOWN}]),
    ("a run that got its name for this", [NAMELESS, {**A, **GONE}, {**B, **BACK}]),
    ("a name that was away", [A, NAMELESS, B]),
]
NOT_HAPPENED: list[tuple[str, Sequence[Changes]]] = [
    ("nothing", [A, {**A, "observed": START.replace(year=2027)}]),
    ("a newer look", [NAMELESS, {**NAMELESS, "observed": START.replace(year=2027)}]),
    ("gone", [NAMELESS, {**NAMELESS, **GONE}]),
    ("another run, not back", [A, {**B, **GONE}]),
    ("gone and back, the same run", [A, {**A, **GONE}, {**A, **BACK}]),
    ("a run that got its name for this, gone and back", [NAMELESS, {**A, **GONE}, {**A, **BACK}]),
    ("a name that went", [A, NAMELESS]),
    ("a name that went and came back", [A, NAMELESS, A]),
    ("a name that came", [NAMELESS, A]),
    ("unknown and back", [NAMELESS, {**NAMELESS, **UNKNOWN}, {**NAMELESS, **BACK}]),
]


def shows(states: Sequence[Changes]) -> bool:
    before, *seen = [state(**changes) for changes in states]
    effect = COMMANDS.row_of(Restart()).effect
    assert effect is not None
    shown, system = effect(Restart(), before), snapshot().system
    assert not shown(Seen(system, before))
    return [shown(Seen(system, each)) for each in seen][-1]


@pytest.mark.parametrize("states", [states for _, states in HAPPENED], ids=[name for name, _ in HAPPENED])
def test_it_has_happened(states: Sequence[Changes]) -> None:
    assert shows(states)


@pytest.mark.parametrize("states", [states for _, states in NOT_HAPPENED], ids=[name for name, _ in NOT_HAPPENED])
def test_it_has_not_happened(states: Sequence[Changes]) -> None:
    assert not shows(states)


class Silent(ScriptedBackend):
    """Accepts everything, and lets the test say what is seen."""

    def tell(self, told: MonitorState) -> None:
        assert self.feed
        self.feed.emit(StateUpdate(monitor_id="1", state=told))


async def asked(backend: Silent, path: Path, *, limit_s: float = 5.0) -> Sequence[Ack]:
    """Return the answer, and what was said before it."""
    told: list[Ack] = []
    async with served(path, backend, table=within(limit_s, Restart)) as hub:
        told.append(await hub.submit(command(Restart()), told.append))
    return told


async def test_the_hub_waits_for_what_happens(tmp_path: Path) -> None:
    backend = Silent(obey=False)

    def look() -> None:
        match backend.looks:
            case 1:
                backend.tell(state())
            case 2:
                backend.tell(state(connected=False))
            case 3:
                backend.tell(state(connected=False, capture="another run"))
            case 4:
                backend.tell(state(capture="another run"))

    backend.on_refresh = look
    told = await asked(backend, tmp_path)
    assert [ack.result for ack in told] == [AckResult.RUNNING, AckResult.APPLIED]
    assert backend.looks == 4


async def test_nothing_that_happens_is_no_restart(tmp_path: Path) -> None:
    backend = Silent(obey=False)
    backend.on_refresh = lambda: backend.tell(state(observed=START.replace(year=2027)))
    told = await asked(backend, tmp_path, limit_s=0.5)
    assert told[-1].result is AckResult.TIMEOUT


async def test_a_system_that_is_lost_and_back_is_no_restart(tmp_path: Path) -> None:
    backend = Silent(obey=False, first=snapshot(m1=state(capture=None)))

    def look() -> None:
        assert backend.feed
        backend.feed.emit(SystemLost(detail="cut"))
        asyncio.get_running_loop().call_later(0.05, backend.feed.emit, backend.first)

    backend.on_refresh = look
    told = await asked(backend, tmp_path, limit_s=0.5)
    assert told[-1].result is AckResult.TIMEOUT
    await settle()
