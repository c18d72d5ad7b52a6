"""The loop that keeps a backend running."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.fakes.backend import ScriptedBackend, snapshot
from tests.fakes.clock import FakeClock, settle
from tests.fakes.memory import FeedMemory

from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.errors import BridgeError, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.model import Enrichment, EventBatch, FullState, Resume, SystemLost

if TYPE_CHECKING:
    from vms_bridge.backends.base import Feed
    from vms_bridge.model import Update


class Failing(ScriptedBackend):
    """Fails at each start, or after its first snapshot."""

    def __init__(self, error: BaseException | None, *, after_snapshot: bool = False) -> None:
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
    assert heard.updates[0] == SystemLost(detail="no answer: is it on?", code="unreachable")


async def test_a_backend_keeps_texts_and_gets_ids_through_the_supervisors_feed() -> None:
    class Keeping(Failing):
        async def run(self, feed: Feed) -> None:
            await feed.keep("zone", f"{await feed.kept('zone')} again")
            await feed.mint("1", "12:00:00")
            await super().run(feed)

    heard = await run_for(Keeping(VmsUnreachable("no answer")), 0.6)
    assert heard.texts == {"zone": "None again again"}
    assert len(heard.minted) == 1


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


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("a defect"),
        BridgeError("the store failed"),
        asyncio.CancelledError("by its own library"),
        SystemExit(1),
        GeneratorExit(),
        BaseExceptionGroup("some", [SystemExit(1), asyncio.CancelledError()]),
    ],
    ids=repr,
)
async def test_even_a_defect_or_a_plain_end_leads_to_a_new_start(error: BaseException | None) -> None:
    backend = Failing(error, after_snapshot=True)
    heard = await run_for(backend, 1)
    assert backend.starts == 2
    assert [type(update) for update in heard.updates] == [FullState, SystemLost] * 2


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


async def in_a_task_group(*errors: Exception) -> None:
    async def fail(error: Exception) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            raise error

    async with asyncio.TaskGroup() as group:
        for error in errors:
            group.create_task(fail(error))


class Grouped(Failing):
    """Serves by tasks of a group, as most clients of the world do."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(None)
        self.errors = errors

    async def run(self, feed: Feed) -> None:
        await super().run(feed)
        async with asyncio.TaskGroup() as outer:
            outer.create_task(in_a_task_group(*self.errors))


@pytest.mark.parametrize(
    ("errors", "detail", "code"),
    [
        ((VmsUnreachable("no answer", hint="is it on?"),), "no answer: is it on?", "unreachable"),
        ((VmsUnreachable("cut"), VmsUnreachable("cut too")), "cut", "unreachable"),
        ((VmsUnreachable("cut"), VmsProtocolError("nonsense")), "nonsense", "protocol"),
        ((VmsUnreachable("cut"), VmsAuthFailed("wrong password")), "wrong password", "auth"),
        ((ValueError("a defect"), VmsUnreachable("cut")), "cut", "unreachable"),
    ],
)
async def test_a_task_group_does_not_hide_the_reason(
    errors: tuple[Exception, ...], detail: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard = await run_for(Grouped(*errors), 0.1)
    assert heard.updates == [SystemLost(detail=detail, code=code)]
    assert ("Traceback" in caplog.text) is isinstance(errors[0], ValueError)


async def test_a_refused_login_in_a_task_group_keeps_its_pause() -> None:
    backend = Grouped(VmsUnreachable("cut"), VmsAuthFailed("wrong password"))
    await run_for(backend, 600)
    assert 10 < backend.starts < 30


async def test_a_run_that_is_over_is_heard_no_more() -> None:
    class Leaving(Failing):
        async def run(self, feed: Feed) -> None:
            self.feeds.append(feed)
            await super().run(feed)

        feeds: ClassVar[list[Feed]] = []

    heard = await run_for(Leaving(VmsUnreachable("cut")), 0.1)
    (feed,) = Leaving.feeds
    feed.emit(snapshot())
    with pytest.raises(VmsError, match="over"):
        await feed.record(EventBatch(events=()))
    with pytest.raises(VmsError, match="over"):
        await feed.mint("1", "12:00:00")
    with pytest.raises(VmsError, match="over"):
        await feed.enrich("1", Enrichment(labels=("cat",)))
    assert heard.updates == [SystemLost(detail="cut", code="unreachable")]


async def test_another_thread_is_told_to_use_the_loop() -> None:
    class Threaded(Failing):
        async def run(self, feed: Feed) -> None:
            self.starts += 1
            await asyncio.to_thread(feed.emit, snapshot())

    clock, heard = FakeClock(), Heard()
    backend = Threaded(None)
    task = asyncio.create_task(Supervisor("zm", backend, heard, clock).run())
    while not heard.updates:
        await asyncio.to_thread(lambda: None)
    assert heard.updates == [
        SystemLost(
            detail="internal error: RuntimeError: emit is to be called on the event loop: by loop.call_soon_threadsafe from"
            " another thread: this is a defect of that kind of system: the log has more, please report it",
            code="error",
        )
    ]
    task.cancel()
    await asyncio.wait([task])


async def test_a_backend_that_does_not_end_holds_up_no_reload() -> None:
    lets_go = asyncio.Event()

    class Deaf(Failing):
        async def run(self, feed: Feed) -> None:
            feed.emit(snapshot())
            while not lets_go.is_set():
                try:
                    await lets_go.wait()
                except asyncio.CancelledError:
                    feed.emit(snapshot())

    clock, heard = FakeClock(), Heard()
    task = asyncio.create_task(Supervisor("zm", Deaf(None), heard, clock).run())
    await settle()
    task.cancel()
    await clock.advance(1)
    assert task.done()
    lets_go.set()
    await settle()
