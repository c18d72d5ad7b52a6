"""What administrators decide: whatever a store does, nothing runs that was taken away, and in the end all of it is kept."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock

from vms_bridge.errors import StoreError
from vms_bridge.scripting import Approval
from vms_bridge.scripts.decisions import Decisions
from vms_bridge.scripts.store import Kept

if TYPE_CHECKING:
    import pytest

    from vms_bridge.scripts.decisions import What
    from vms_bridge.scripts.store import ScriptStore

APPROVAL = Approval(permissions={}, sha256="a" * 64, time=START, by="Ann")
_WAYS_TO_GO: tuple[What, ...] = ("revoked", "stopped", "forgotten")
_STEPS = st.tuples(st.sampled_from(("approve", "enable", *_WAYS_TO_GO)), st.sampled_from(("gate", "bell")), st.booleans())


class FailingStore:
    """Implements what is used of `ScriptStore`."""

    def __init__(self) -> None:
        self.approvals: dict[str, Approval] = {}
        self.stopped: set[str] = set()
        self.fails = False

    def _try(self) -> None:
        if self.fails:
            raise StoreError("disk is full")

    async def kept(self) -> Kept:
        self._try()
        return Kept(dict(self.approvals), frozenset(self.stopped))

    async def approve(self, name: str, approval: Approval, _text: str) -> None:
        self._try()
        self.approvals[name] = approval

    async def revoke(self, name: str) -> None:
        self._try()
        self.approvals.pop(name, None)

    async def enable(self, name: str, *, is_enabled: bool) -> None:
        self._try()
        (self.stopped.discard if is_enabled else self.stopped.add)(name)

    async def forget(self, name: str) -> None:
        self._try()
        self.approvals.pop(name, None)
        self.stopped.discard(name)


async def decide(decisions: Decisions, what: str, name: str) -> None:
    if what == "approve":
        await decisions.approve(name, APPROVAL, "x = 1")
    elif what == "enable":
        await decisions.enable(name)
    else:
        way = next(each for each in _WAYS_TO_GO if each == what)
        decisions.take_away(name, way)
        await decisions.keep(name)


@given(st.lists(_STEPS, max_size=12))
async def test_what_is_taken_away_holds_and_what_is_granted_is_kept(steps: list[tuple[str, str, bool]]) -> None:
    store = FailingStore()
    decisions = Decisions(cast("ScriptStore", store), FakeClock())
    await decisions.read()
    for what, name, fails in steps:
        store.fails = fails
        with suppress(StoreError):
            await decide(decisions, what, name)
        kept = decisions.kept
        assert kept is not None
        assert what not in {"revoked", "forgotten"} or name not in kept.approvals
        assert what != "stopped" or name in kept.stopped
        assert what != "approve" or fails or name in kept.approvals
        assert set(kept.approvals) <= set(store.approvals), "what would be gone after a restart is not granted"
    store.fails = False
    await decisions.settle()
    kept = decisions.kept
    assert kept is not None
    assert kept == await store.kept()
    await decisions.read()
    assert decisions.kept == kept


async def test_a_store_that_can_not_be_read_is_told_once_and_when_it_can(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store, clock = FailingStore(), FakeClock()
    store.fails = True
    decisions = Decisions(cast("ScriptStore", store), clock)
    for _ in range(60):  # as the keeper does, each second
        await decisions.read()
        await clock.advance(1.0)
    before = decisions.kept
    assert caplog.text.count("which scripts are approved is not known, so none is started: disk is full") == 1
    store.fails = False
    await decisions.read()
    assert (before, decisions.kept) == (None, await store.kept())
    assert "works again" in caplog.text
