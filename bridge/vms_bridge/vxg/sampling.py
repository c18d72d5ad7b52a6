"""The rate at which VXG makes pictures of live video: a setting of the channel that all who look at it share.

Whoever wants more pictures raises it and puts back what was there; nobody's rate is lowered, and what somebody else has set
meanwhile stays. Who may be killed in between has a `Keep`, and restores by what was kept.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vms_bridge.errors import BridgeError
from vms_bridge.vxg.fields import mapping, number
from vms_bridge.vxg.refusals import WrongValue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence

    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH = "/api/v4/images/generation/live/"


@dataclass(frozen=True, slots=True)
class Sampling:
    """A rate that was raised: what was there before, and what was set, in seconds a picture; None for no pictures."""

    channel_id: int
    before_s: float | None
    ours_s: float


class Keep(Protocol):
    """Whoever remembers, over the end of the program, what is to be put back."""

    async def began(self, sampling: Sampling) -> None:
        """Keep it, in the place of what was kept of this channel: it is set as soon as this returns."""

    async def ended(self, sampling: Sampling) -> None:
        """Forget it: it was put back, or is somebody else's now."""


@dataclass(slots=True)
class _Raised:
    """What is set of one channel, for all who sample it here."""

    before_s: float | None
    ours_s: set[float] = field(default_factory=set)
    """What was set from here; more than one where it is not known which of them took effect."""
    wishes: dict[object, float] = field(default_factory=dict)
    keeps: list[Keep] = field(default_factory=list)
    told: Sampling | None = None
    """What these keep."""

    def has_set(self, period_s: float | None) -> bool:
        """Say whether this is ours, and nobody's else."""
        return any(_same(period_s, each) for each in self.ours_s)


class Pace:
    """The rates of an account's or a group's channels, as far as they are raised from here."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._raised: dict[int, _Raised] = {}
        self._turns: dict[int, asyncio.Lock] = {}

    async def read(self, channel: ChannelRow | int) -> float | None:
        """Return how many seconds a picture takes; None where none are made. Raises VmsError."""
        answer = mapping(await self._session.ask_of(channel, "GET", _PATH))
        found = number(answer.get("image_generation_period"))
        return found if found is not None and found > 0 else None

    async def put(self, channel: ChannelRow | int, period_s: float | None) -> None:
        """Set it, whatever was there. Raises VmsError."""
        await self._session.ask_of(channel, "PUT", _PATH, body={"image_generation_period": period_s})

    @asynccontextmanager
    async def raised(self, channel_id: int, every_s: float, keep: Keep | None) -> AsyncIterator[None]:
        """Have pictures be made at least so often meanwhile. Raises VmsError."""
        async with self.all_raised([channel_id], every_s, keep) as refused:
            for error in refused.values():
                raise error
            yield

    @asynccontextmanager
    async def all_raised(
        self, channels: Sequence[int], every_s: float, keep: Keep | None
    ) -> AsyncIterator[Mapping[int, BridgeError]]:
        """Raise those of many channels, as many at a time as may be asked; gives whose could not be, and why."""
        wish = object()
        try:
            begun = await _all(self._begin(each, every_s, keep, wish) for each in channels)
            yield {each: error for each, error in zip(channels, begun, strict=True) if error is not None}
        finally:
            await asyncio.shield(self._end_all(channels, wish))

    async def restore(self, sampling: Sampling) -> bool:
        """Put back what was there before; False where it is not ours any more. Raises WrongValue or VmsError."""
        async with self._turn(sampling.channel_id):
            known = self._raised.get(sampling.channel_id)
            if known is not None and known.wishes:
                raise WrongValue(f"channel {sampling.channel_id} is sampled now", hint="its rate is put back when that ends")
            if not _same(await self.read(sampling.channel_id), sampling.ours_s):
                return False
            await self.put(sampling.channel_id, sampling.before_s)
            return True

    async def close(self) -> None:
        """Put back what is raised for iterators that nobody has closed: they end too late to ask anything."""
        for channel_id, raised in list(self._raised.items()):
            for wish in list(raised.wishes):
                with suppress(BridgeError):  # who keeps it puts it back later
                    await self._end(channel_id, wish)

    async def _begin(self, channel_id: int, every_s: float, keep: Keep | None, wish: object) -> None:
        async with self._turn(channel_id):
            known = self._raised.get(channel_id)
            now_s = await self.read(channel_id)
            if now_s is not None and now_s <= every_s:
                if known is not None:
                    known.wishes[wish] = every_s
                return
            if known is None:
                known = self._raised[channel_id] = _Raised(now_s)
            elif not known.has_set(now_s):
                known.before_s = now_s
            # Before it is set: whether it was is not known where that fails.
            known.wishes[wish] = every_s
            if keep is not None and keep not in known.keeps:
                known.keeps.append(keep)
            await self._set(channel_id, known, every_s)

    async def _end_all(self, channels: Sequence[int], wish: object) -> None:
        for error in filter(None, await _all(self._end(each, wish) for each in channels)):
            raise error

    async def _end(self, channel_id: int, wish: object) -> None:
        async with self._turn(channel_id):
            known = self._raised.get(channel_id)
            if known is None or known.wishes.pop(wish, None) is None:
                return
            now_s, before_s = await self.read(channel_id), known.before_s
            fastest_s = min(known.wishes.values(), default=None)
            if fastest_s is not None and (before_s is None or fastest_s < before_s):
                if known.has_set(now_s) and not _same(now_s, fastest_s):
                    await self._set(channel_id, known, fastest_s)
                return
            if known.has_set(now_s):
                await self.put(channel_id, before_s)
            # Only now: what could not be put back is by the next one who samples.
            del self._raised[channel_id]
            if known.told is not None:
                for keep in known.keeps:
                    await keep.ended(known.told)

    async def _set(self, channel_id: int, raised: _Raised, period_s: float) -> None:
        raised.told = Sampling(channel_id, raised.before_s, period_s)
        for keep in raised.keeps:
            await keep.began(raised.told)
        raised.ours_s.add(period_s)
        await self.put(channel_id, period_s)
        raised.ours_s = {period_s}

    def _turn(self, channel_id: int) -> asyncio.Lock:
        return self._turns.setdefault(channel_id, asyncio.Lock())


async def _all(works: Iterable[Coroutine[None, None, None]]) -> list[BridgeError | None]:
    """Have all be done, whatever becomes of the others, and return why each could not be. Raises what is no BridgeError."""
    done = await asyncio.gather(*works, return_exceptions=True)
    for error in done:
        if error is not None and not isinstance(error, BridgeError):
            raise error
    return [error for error in done if error is None or isinstance(error, BridgeError)]


def _same(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) < 0.001
