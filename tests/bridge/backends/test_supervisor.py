"""The loop that keeps a backend running."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import ScriptedBackend, snapshot
from tests.fakes.clock import FakeClock, settle
from tests.fakes.memory import FeedMemory

from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.errors import BridgeError, VmsAuthFailed, VmsUnreachable
from vms_bridge.model import EventBatch, Resume, Snapshot, SystemLost

if TYPE_CHECKING:
    from vms_bridge.backends.base import Feed
    from vms_bridge.model import Update


class Failing(ScriptedBackend):
    """Fails at each start, or after its first snapshot."""

    def __init__(self, error: Exception | None, *, after_snapshot: bool = False) -> None:
        super().__init__()
        self.error = error
        self.after_snapshot = after_snapshot
        self.starts = 0

    async def run(self, feed: Feed) -> None:
        self.starts += 1
        assert feed.resume == Resume()
        if self.after_snapshot:
            feed.emit(snapshot())
            await feed.record(EventBatch(events=()))
        if self.error:
            raise self.error


class Heard(FeedMemory):
    """A feed that keeps what it hears."""

    resume = Resume()

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[Update] = []

    def shows(self, monitor_id: str, name: str) -> bool:  # noqa: ARG002 - the contract's parameters
        return True

    def emit(self, update: Update) -> None:
        self.updates.append(update)

    async def record(self, batch: EventBatch) -> None:
        pass


async def run_for(backend: Failing, seconds: float, clock: FakeClock | None = None) -> Heard:
    clock = clock or FakeClock()
    heard = Heard()
    task = asyncio.create_task(Supervisor("zm", backend, heard, clock, jitter=lambda: 1.0).run())
    await clock.advance(seconds)
    task.cancel()
    await asyncio.wait([task])
    return heard


async def test_a_lost_system_is_told_and_tried_again_ever_more_slowly_up_to_5_s() -> None:
    backend = Failing(VmsUnreachable("no answer", hint="is it on?"))
    heard = await run_for(backend, 0.5 + 1 + 2 + 4 + 5 * 10)
    assert backend.starts == 1 + 4 + 10
    assert heard.updates[0] == SystemLost(detail="no answer: is it on?")


async def test_a_backend_keeps_texts_through_the_supervisors_feed() -> None:
    class Keeping(Failing):
        async def run(self, feed: Feed) -> None:
            await feed.keep("zone", f"{await feed.kept('zone')} again")
            await super().run(feed)

    heard = await run_for(Keeping(VmsUnreachable("no answer")), 0.6)
    assert heard.texts == {"zone": "None again again"}


async def test_wrong_credentials_are_not_tried_like_a_storm() -> None:
    backend = Failing(VmsAuthFailed("wrong password"))
    await run_for(backend, 600)
    assert backend.starts < 30


async def test_credentials_that_were_good_a_moment_ago_are_tried_again_soon_for_a_while() -> None:
    backend = Failing(VmsAuthFailed("wrong password"), after_snapshot=True)
    clock = FakeClock()
    heard = Heard()
    task = asyncio.create_task(Supervisor("zm", backend, heard, clock, jitter=lambda: 1.0).run())
    await clock.advance(0.5)
    backend.after_snapshot = False
    before = backend.starts
    await clock.advance(120)
    soon = backend.starts - before
    assert soon > 20
    await clock.advance(120)
    assert backend.starts - before - soon < 6
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("error", [None, ValueError("a defect"), BridgeError("the store failed")])
async def test_even_a_defect_or_a_plain_end_leads_to_a_new_start(error: Exception | None) -> None:
    backend = Failing(error, after_snapshot=True)
    heard = await run_for(backend, 1)
    assert backend.starts == 2
    assert [type(update) for update in heard.updates] == [Snapshot, SystemLost] * 2


async def test_a_trouble_is_logged_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    backend = Failing(VmsUnreachable("no answer", hint="is it on?"))
    clock = FakeClock()
    heard = Heard()
    task = asyncio.create_task(Supervisor("zm", backend, heard, clock, jitter=lambda: 1.0).run())
    await clock.advance(60)
    assert len(caplog.records) == 1
    assert "system zm is lost" in caplog.text
    assert "Is it on?" in caplog.text
    backend.after_snapshot = True
    await clock.advance(5)
    await settle()
    assert "works again" in caplog.text
    task.cancel()
    await asyncio.wait([task])


async def test_a_defect_that_comes_again_and_again_leaves_one_traceback(caplog: pytest.LogCaptureFixture) -> None:
    heard = await run_for(Failing(ValueError("http://vms/?token=abc123")), 60)
    assert len(caplog.records) == 2  # the traceback, and the loss
    assert "Traceback" in caplog.text
    lost = heard.updates[0]
    assert isinstance(lost, SystemLost)
    assert "ValueError" in lost.detail
    assert "abc123" not in lost.detail  # it is published
