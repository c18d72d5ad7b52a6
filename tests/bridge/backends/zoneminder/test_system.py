"""What is told of a ZoneMinder as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bridge.backends.zoneminder.support import config
from tests.fakes.zoneminder import FakeZoneMinder, World

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve


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
