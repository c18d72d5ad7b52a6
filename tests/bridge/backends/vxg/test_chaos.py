"""One life of bad luck each, and one that is lied about: `chaos` has many more of the first kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.vxg.chaos import lived
from tests.bridge.backends.vxg.judging import Judge, JudgingFeed
from tests.bridge.backends.vxg.support import backend_of, running
from tests.fakes.vxg import FakeVxg

from vms_bridge.backends.vxg.parse import OWN_SOURCE
from vms_bridge.model import AlarmState, Enrichment

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock


_OF_DOCUMENTS = ("'cat' of 101", "'cat' was told 2 times", "own document 'dog' was told", "'cat' was seen in it")


@pytest.mark.parametrize("seed", [6, 42])
@pytest.mark.timeout(120)  # a second or two, on a machine that has other work
async def test_nothing_is_lost_or_untrue_whatever_happens(clock: VirtualClock, seed: int) -> None:
    life = await lived(seed, clock, 120)
    assert life.feed.told
    assert life.feed.detections
    assert life.feed.enrichments
    assert not life.judge.wrong, "\n".join([*life.judge.notes, *life.judge.wrong])


async def test_the_judge_notices_what_is_wrong(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        judge = Judge(fake, timedelta(seconds=10))
        feed = JudgingFeed(judge)
        async with running(backend_of(fake, clock, hold=10), feed):
            await feed.until(lambda: not feed.is_lost)
            seen, hidden = fake.world.happen(101), fake.world.happen(102, meta={"person": "1"})
            fake.world.note(101, string={"label": "cat"})
            fake.world.note(101, string={"label": "dog", "source": OWN_SOURCE})
            await feed.until(lambda: len(feed.told) == 2 and feed.detections and feed.enrichments, 10)
            judge.look(feed, "now")
            await feed.until(lambda: all(event.is_over for event in feed.told.values()), 30)
            await feed.until(lambda: all(state.alarm is AlarmState.IDLE for state in feed.states.values()), 10)
            judge.look(feed, "then")
            judge.conclude(feed)
            assert judge.wrong == []
            told_rightly, feed.detections[:] = tuple(feed.detections), []
            feed.enrichments.clear()
            judge.conclude(feed)
            feed.detections += [*told_rightly, *told_rightly]
            feed.enrichments[str(hidden.id)] = Enrichment(labels=("dog",))
            judge.conclude(feed)
            feed.states["101"] = replace(feed.states["101"], connected=False)
            judge.look(feed, "now")
            del feed.told[seen.id]
            feed.told[hidden.id] = replace(feed.told[hidden.id], tags=(), end=fake.world.now())
            judge.conclude(feed)
    for words in ("told as connected: False", "lost is event", "has tags", "has its end told as", *_OF_DOCUMENTS):
        assert any(words in each for each in judge.wrong), words
