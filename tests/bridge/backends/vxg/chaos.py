"""Hours of bad luck for one backend, in seconds: a seed makes a life of a simulated VXG, and a judge who sees its world looks on.

    python -m tests.bridge.backends.vxg.chaos --seeds 500          # from seed 1 on; says what was wrong, and with which seed
    python -m tests.bridge.backends.vxg.chaos --first 42 --seeds 1 --tell

Nothing may be lost, told twice as new, or told otherwise than it is; what is wrong has 10 s to become right once VXG answers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.bridge.backends.vxg.judging import Judge, JudgingFeed
from tests.bridge.backends.vxg.support import backend_of
from tests.fakes.virtual_time import VirtualClock, VirtualLoop
from tests.fakes.vxg import FakeVxg

from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.commands import VmsTarget

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.backend import VxgBackend

LASTS_S = 400.0
_MOST_KEPT = 150
_PATHS = (
    *("/api/", "/api/v2/storage/events/", "/api/v5/channels/", "/api/v2/cameras/", "/api/v2/server/time/", "/api/v4/"),
    "/api/v2/storage/meta/filter/",
)
_KINDS = (
    *("429", "429-after", "500-html", "502", "503", "400", "401", "403", "404"),
    *("truncated", "cut", "close", "garbage", "empty", "list", "hang", "slow", "away", "next-away", "login"),
)
_NAMES = ("motion", "motion", "linecross", "object_and_scene_detection", "net")


@dataclass(slots=True)
class Life:
    """One seed's."""

    seed: int
    clock: VirtualClock
    fake: FakeVxg
    says: list[str] = field(default_factory=list)
    dice: random.Random = field(init=False)
    """Decides what happens and when."""
    chance: random.Random = field(init=False)
    """Decides what happens in the middle of what the backend does: it is not asked as often each time."""
    feed: JudgingFeed = field(init=False)
    judge: Judge = field(init=False)
    hold_s: float = field(init=False)
    backend: VxgBackend = field(init=False)
    running: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - no secret
        self.chance = random.Random(self.seed)  # noqa: S311 - no secret
        self.hold_s = self.dice.choice([3.0, 10.0, 20.0])
        self.judge = Judge(self.fake, timedelta(seconds=self.hold_s))
        self.feed = JudgingFeed(self.judge, self.chance)

    async def live(self, seconds: float) -> None:
        """Live it: so long things happen."""
        fake, dice = self.fake, self.dice
        fake.most_rows = dice.choice([4, 15, 1000])
        fake.world.clock_ahead_s = dice.choice([0.0, 0.0, 0.4, -3_600.0, 7_200.0])
        self.judge.began = self.judge.now
        fake.between = self._meanwhile
        for _ in range(dice.randrange(4)):
            fake.world.happen(dice.choice(fake.group.channels), ago_s=dice.uniform(0, 100))
        await self.start()
        await asyncio.sleep(15)
        happening = asyncio.create_task(self._happen(random.Random(-self.seed)))  # noqa: S311 - no secret
        seeing = asyncio.create_task(self._see(random.Random(self.seed + 1)))  # noqa: S311 - no secret
        try:
            while self.clock.elapsed < seconds:
                await asyncio.sleep(dice.uniform(1, 15))
                await self._strike()
                await asyncio.sleep(12)
                self.judge.look(self.feed, f"after {self.says[-1]}")
        finally:
            happening.cancel()
            seeing.cancel()
            fake.between = None
        await asyncio.sleep(80 + self.hold_s)
        self.judge.look(self.feed, "in the end")
        self.judge.conclude(self.feed)
        await self.stop()

    async def start(self) -> None:
        """Start the backend, as the bridge does."""
        self.backend = backend_of(self.fake, self.clock, hold=self.hold_s, channels_interval=5, timeout=4)
        supervisor = Supervisor("cloud", self.backend, self.feed, self.clock, jitter=self.chance.random)
        self.running = asyncio.create_task(supervisor.run())

    async def stop(self) -> None:
        """Stop it, in the middle of whatever it does."""
        assert self.running is not None
        self.running.cancel()
        await asyncio.wait({self.running})
        self.feed.lose()

    async def _happen(self, dice: random.Random) -> None:
        world = self.fake.world
        while True:
            await asyncio.sleep(dice.expovariate(1 / 4.0))
            late_s = dice.choice([0.0, 1.0, 3.0, dice.uniform(0, 20), dice.uniform(20, 50)])
            world.happen(
                dice.choice(list(world.channels)),
                dice.choice(_NAMES),
                late_s=late_s,
                thumb_s=dice.choice([None, 0.0, dice.uniform(0, 20)]),
                meta_s=dice.choice([0.0, dice.uniform(0, 20)]),
                meta=dice.choice([{}, {"person": "2"}, {"car": "1", "checked": "yes"}]),
            )

    async def _see(self, dice: random.Random) -> None:
        """Have AI engines write what they see, some late, between garbage and documents of the bridge's own."""
        world, numbers = self.fake.world, itertools.count(1)
        while True:
            await asyncio.sleep(dice.expovariate(1 / 4.0))
            odd: dict[str, Any] = dice.choice([{}, {}, {"long": "garbage"}, {"raw_data": {"a": [1]}}])
            engine = dice.choice(["", "engine", "another", "vms_bridge"])
            said = {"label": f"{engine or 'somebody'} {next(numbers)}", **({"source": engine} if engine else {})}
            late_s = dice.choice([0.0, 1.0, dice.uniform(0, 20), dice.uniform(20, 50)])
            world.note(dice.choice(list(world.channels)), late_s=late_s, string=said, **odd)

    def _meanwhile(self, method: str, path: str) -> None:
        """Between two pages something comes, and what has been kept long enough goes."""
        if method != "GET" or not path.startswith("/api/v2/storage/events/") or self.chance.random() < 0.9:
            return
        world = self.fake.world
        kept = [each for each in world.events.values() if each.listed_at <= world.now()]
        if kept and self.chance.random() < 0.5:
            gone = min(kept, key=lambda each: each.time)
            del world.events[gone.id]
            self.judge.forget(gone)
        else:
            if len(kept) > _MOST_KEPT:
                return
            ago_s = self.chance.uniform(0, 5)
            world.happen(self.chance.choice(list(world.channels)), ago_s=ago_s, late_s=ago_s)

    async def _strike(self) -> None:
        """Have one thing go wrong."""
        kinds = (self._fail, self._fail, self._spoil, self._restart, self._rotate, self._regroup, self._switch, self._ask)
        await self.dice.choice(kinds)()

    async def _spoil(self) -> None:
        """Have one camera answer wrongly, or not at all: nothing else may suffer by it."""
        number, kind, seconds = self.dice.choice(self.fake.group.channels), self.dice.choice(_KINDS), self.dice.uniform(5, 90)
        self._say(f"{kind} at camera {number} for {seconds:.1f} s")
        self.fake.faults.add(f"/api/v2/cameras/{number}/", kind, seconds=self.dice.uniform(1, 8))
        if self.dice.random() < 0.5:
            self.judge.trouble_begins()
            await self.stop()
            await self.start()
            self.judge.trouble_ends()
        await asyncio.sleep(seconds)
        self.judge.look(self.feed, f"within {self.says[-1]}")
        self.fake.faults.heal()

    async def _fail(self) -> None:
        path, kind, seconds = self.dice.choice(_PATHS), self.dice.choice(_KINDS), self.dice.uniform(1, 60)
        self._say(f"{kind} at {path} for {seconds:.1f} s")
        self.judge.trouble_begins()
        self.fake.faults.add(path, kind, seconds=self.dice.uniform(1, 8))
        await asyncio.sleep(seconds)
        self.fake.faults.heal()
        is_refused = kind in {"401", "403", "login"}
        self.judge.trouble_ends(is_refused=is_refused)
        if is_refused:
            await asyncio.sleep(30)  # who was refused asks again after half a minute

    async def _restart(self) -> None:
        seconds = self.dice.choice([0.0, self.dice.uniform(0, 5), self.dice.uniform(5, 150)])
        self._say(f"a restart of {seconds:.1f} s")
        self.judge.trouble_begins()
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()
        self.judge.trouble_ends()

    async def _rotate(self) -> None:
        """Have another token; the old one is good for a while, or no more."""
        fake, dice = self.fake, self.dice
        self._say("a new token")
        old = fake.group
        self.judge.trouble_begins()
        if dice.random() < 0.5:
            fake.mint.revoke(old.token)
            old.token = fake.mint.of_group(old.id)
        else:
            del fake.world.groups[old.id]
            fake.add_group(old.name, old.channels)
        await asyncio.sleep(dice.uniform(0, 40))
        await self.stop()
        await self.start()
        self.judge.trouble_ends()

    async def _regroup(self) -> None:
        """Have a channel come, or one of those that come and go, go."""
        fake = self.fake
        wandering = [number for number in fake.group.channels if number not in self.judge.steady]
        if wandering and self.dice.random() < 0.5:
            number = self.dice.choice(wandering)
            fake.group.channels.remove(number)
            self._say(f"channel {number} went")
        else:
            number = fake.add_channel(f"Camera {len(fake.world.channels)}").id
            fake.group.channels.append(number)
            self._say(f"channel {number} came")
            if self.dice.random() < 0.5:
                fake.world.happen(number)

    async def _ask(self) -> None:
        """Have somebody want to know how it is now, again and again, and wait for no answer."""
        self._say("refreshes that are given up")
        for _ in range(10):
            with suppress(TimeoutError):
                async with asyncio.timeout(self.dice.uniform(0, 0.5)):
                    await self.backend.refresh(VmsTarget())
            await asyncio.sleep(self.dice.uniform(0, 2))

    async def _switch(self) -> None:
        channel = self.dice.choice(list(self.fake.world.channels.values()))
        channel.status = "inactive" if channel.status == "active" else "active"
        self._say(f"channel {channel.id} is {channel.status}")

    def _say(self, what: str) -> None:
        self.says.append(what)
        self.judge.notes.append(f"{self.clock.elapsed:7.1f}  {what}")


async def lived(seed: int, clock: VirtualClock, seconds: float = LASTS_S) -> Life:
    """Return the life of this seed, lived."""
    async with FakeVxg(channels=3, clock=clock) as fake:
        life = Life(seed, clock, fake)
        await life.live(seconds)
        return life


def main() -> int:
    """Live as many lives as are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bridge.backends.vxg.chaos", description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--tell", action="store_true", help="say what has happened in each life")
    wanted = parser.parse_args()
    failed = told = 0
    for seed in range(wanted.first, wanted.first + wanted.seeds):

        async def one(seed: int = seed) -> Life:
            return await lived(seed, VirtualClock())

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            life = runner.run(one())
        told += len(life.feed.told)
        if wanted.seeds > 1:
            print(f"seed {seed}: {len(life.feed.told)} events", flush=True)
        if wanted.tell:
            print("\n".join(life.judge.notes))
        if life.judge.wrong:
            failed += 1
            print(f"seed {seed}: " + "\n    ".join(life.judge.wrong[:8]), flush=True)
    print(f"{wanted.seeds} lives of {LASTS_S:.0f} s and more, {told} events told: {failed or 'none'} went wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
