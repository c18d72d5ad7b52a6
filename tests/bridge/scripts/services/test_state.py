"""State, as scripts ask for it: each has its own, bounded in size and rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid, TooManyRequests
from vms_bridge.script_errors import StateRefused
from vms_bridge.scripts.services import state
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.store import MOST_STATE_BYTES, ScriptStore
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@dataclass(frozen=True)
class FakeAsker:
    name: str = "gate"
    permissions: Permissions = field(default_factory=Permissions)

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        return undo


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[ScriptStore]:
    store = ScriptStore(tmp_path / "scripts.db", clock)
    yield store
    await store.close()


@pytest.fixture
def services(store: ScriptStore, clock: FakeClock) -> Services:
    return Services(state.rows(store, lambda *_: None), clock)


async def test_a_script_keeps_its_own(services: Services, store: ScriptStore, clock: FakeClock) -> None:
    gate, bell = FakeAsker(), FakeAsker("bell")
    await services.answer(gate, "state.set", {"key": "a", "value": {"x": [1, None]}})
    await services.answer(bell, "state.set", {"key": "a", "value": 2, "ttl_s": 60})
    assert await store.values("gate") == {"a": {"x": [1, None]}}
    assert (await services.answer(gate, "state.delete", {"key": "a"})).words == {"was_there": True}
    assert (await services.answer(gate, "state.delete", {"key": "a"})).words == {"was_there": False}
    assert await store.values("bell") == {"a": 2}
    await clock.advance(60)
    assert await store.values("bell") == {}
    await services.answer(gate, "state.set", {"key": "b", "value": 1})
    assert (await services.answer(gate, "state.clear", {})).words == {"count": 1}


@pytest.mark.parametrize(
    "words",
    [
        {"key": "", "value": 1},
        {"key": "a" * 201, "value": 1},
        {"key": "a"},
        {"key": "a", "value": 1, "ttl_s": -1},
        {"key": "a", "value": 1, "ttl_s": float("inf")},
        {"key": "a", "value": 1, "script": "bell"},
        {"key": 3, "value": 1},
    ],
)
async def test_what_is_asked_wrongly_is_refused(services: Services, words: dict[str, object]) -> None:
    with pytest.raises(BodyInvalid):
        await services.answer(FakeAsker(), "state.set", words)


async def test_100_mb_are_refused(services: Services, store: ScriptStore) -> None:
    with pytest.raises(StateRefused, match="100000002 bytes"):
        await services.answer(FakeAsker(), "state.set", {"key": "a", "value": "x" * 100_000_000})
    assert await store.values("gate") == {}


async def test_a_flood_is_held(services: Services) -> None:
    for number in range(100):
        await services.answer(FakeAsker(), "state.set", {"key": "a", "value": number})
    with pytest.raises(TooManyRequests):
        await services.answer(FakeAsker(), "state.set", {"key": "a", "value": 100})


async def test_others_are_told_what_was_kept_and_by_whom(store: ScriptStore, clock: FakeClock) -> None:
    told: list[tuple[object, ...]] = []
    services = Services(state.rows(store, lambda *what: told.append(what)), clock)
    gate = FakeAsker()
    await services.answer(gate, "state.set", {"key": "a", "value": [1]})
    await services.answer(gate, "state.delete", {"key": "a"})
    await services.answer(gate, "state.set", {"key": "b", "value": 1})
    await services.answer(gate, "state.clear", {})
    with pytest.raises(StateRefused):
        await services.answer(gate, "state.set", {"key": "c", "value": "x" * MOST_STATE_BYTES})
    assert told == [
        (gate, "gate", {"a": [1]}, ()),
        (gate, "gate", {}, ("a",)),
        (gate, "gate", {"b": 1}, ()),
        (gate, "gate", {}, ["b"]),
    ]
