"""What is told of a ZoneMinder as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from tests.bridge.backends.zoneminder.support import MemoryFeed, config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.absence import Absence
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.backends.zoneminder.system import SystemCache, SystemReader

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.bridge.backends.zoneminder.support import FastClock

    from vms_bridge.backends.zoneminder.api import Api

pytestmark = pytest.mark.virtual_time


async def test_lag_is_that_of_events(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake, settings=config(fake.url, poll_interval=0.5)) as (_, feed):
        await feed.until(lambda: feed.system and feed.system.lag_s == 0.5)
        fake.fail("events", "500")
        await feed.until(lambda: feed.system and feed.system.lag_s is None)
        assert feed.system
        assert (feed.system.available, feed.system.detail) == (True, "events can't be read; see the log")
        fake.heal()
        await feed.until(lambda: feed.system and feed.system.lag_s == 0.5)
        assert feed.system.detail is None


class SlowApi:
    """Answers as things are when it is asked, the first time late."""

    def __init__(self) -> None:
        self.run_state = "Quiet"
        self.answers = asyncio.Event()
        self._asked = 0

    async def get(self, path: str, *, at: str | None = None) -> object:  # noqa: ARG002 - the contract's parameter
        if path != "states":
            return {}
        answer = {"states": [{"State": {"Name": self.run_state, "IsActive": 1}}]}
        self._asked += 1
        if self._asked == 1:
            await self.answers.wait()
        return answer


async def test_an_older_answer_undoes_no_newer_one() -> None:
    clock = FakeClock()
    api, cache = SlowApi(), SystemCache(absence=Absence("zm", clock))
    reader = SystemReader("zm", cast("Api", api), cache, clock, Allowance(1.0, clock))
    older = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    api.run_state = "default"
    newer = asyncio.create_task(reader.read())
    for _ in range(20):
        await asyncio.sleep(0)
    api.answers.set()
    await asyncio.gather(older, newer)
    assert cache.state.run_state == "default"


@pytest.mark.parametrize(
    ("path", "said"), [("states", "api/states: can't be read"), ("host/getTimeZone", "start and end of its events are unknown")]
)
async def test_what_fails_at_every_connection_is_told_seldom(
    path: str, said: str, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail(path, "500")
        backend = ZoneMinder("zm", config(fake.url), clock)
        for _ in range(3):
            feed = MemoryFeed()
            task = asyncio.create_task(backend.run(feed))
            await feed.until(lambda feed=feed: feed.snapshots)  # type: ignore[misc]  # bound per turn
            task.cancel()
            await asyncio.wait({task})
        assert caplog.text.count(said) == 1
