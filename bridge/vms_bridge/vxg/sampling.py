"""The rate at which VXG makes pictures of live video: a setting of the channel that all who look at it share.

Whoever wants more pictures raises it and puts back what was there; nobody's rate is lowered, and what somebody else has set
meanwhile stays. Who may be killed in between has a `Keep`, and restores by what was kept.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vms_bridge.vxg.refusals import WrongValue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Read = Callable[[int], Awaitable[float | None]]
    Put = Callable[[int, float | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sampling:
    """A rate that was raised: what was there before, and what was set, in seconds a picture; None for no pictures."""

    channel_id: int
    before_s: float | None
    ours_s: float


class Keep(Protocol):
    """Whoever remembers, over the end of the program, what is to be put back."""

    async def began(self, sampling: Sampling) -> None:
        """Keep it: it is set as soon as this returns."""

    async def ended(self, sampling: Sampling) -> None:
        """Forget it: it was put back, or is somebody else's now."""


@dataclass(slots=True)
class _Raised:
    """What is set of one channel, for all who sample it here."""

    before_s: float | None
    ours_s: float
    wishes: dict[object, float]


class Pace:
    """The rates of an account's or a group's channels, as far as they are raised from here."""

    def __init__(self, read: Read, put: Put) -> None:
        self._read, self._put = read, put
        self._raised: dict[int, _Raised] = {}
        self._turns: dict[int, asyncio.Lock] = {}

    @asynccontextmanager
    async def raised(self, channel_id: int, every_s: float, keep: Keep | None) -> AsyncIterator[None]:
        """Have pictures be made at least so often meanwhile. Raises VmsError."""
        wish = object()
        await self._begin(channel_id, every_s, keep, wish)
        try:
            yield
        finally:
            await asyncio.shield(self._end(channel_id, keep, wish))

    async def restore(self, sampling: Sampling) -> bool:
        """Put back what was there before; False where it is not ours any more. Raises VmsError."""
        if sampling.channel_id in self._raised:
            raise WrongValue(f"channel {sampling.channel_id} is sampled now", hint="its rate is put back when that ends")
        async with self._turn(sampling.channel_id):
            if not _same(await self._read(sampling.channel_id), sampling.ours_s):
                return False
            await self._put(sampling.channel_id, sampling.before_s)
            return True

    async def _begin(self, channel_id: int, every_s: float, keep: Keep | None, wish: object) -> None:
        async with self._turn(channel_id):
            known = self._raised.get(channel_id)
            now_s = await self._read(channel_id)
            if now_s is not None and now_s <= every_s:
                if known is not None:
                    known.wishes[wish] = every_s
                return
            before_s = known.before_s if known is not None and _same(now_s, known.ours_s) else now_s
            sampling = Sampling(channel_id, before_s, every_s)
            if keep is not None:
                await keep.began(sampling)
            await self._put(channel_id, every_s)
            wishes = {} if known is None else known.wishes
            self._raised[channel_id] = _Raised(before_s, every_s, {**wishes, wish: every_s})

    async def _end(self, channel_id: int, keep: Keep | None, wish: object) -> None:
        async with self._turn(channel_id):
            known = self._raised.get(channel_id)
            if known is None or known.wishes.pop(wish, None) is None:
                return
            fastest_s = min(known.wishes.values(), default=None)
            is_last = fastest_s is None
            try:
                if _same(await self._read(channel_id), known.ours_s):
                    await self._put(channel_id, known.before_s if fastest_s is None else fastest_s)
                    known.ours_s = known.ours_s if fastest_s is None else fastest_s
            finally:
                if is_last:
                    del self._raised[channel_id]
            if is_last and keep is not None:
                await keep.ended(Sampling(channel_id, known.before_s, known.ours_s))

    def _turn(self, channel_id: int) -> asyncio.Lock:
        return self._turns.setdefault(channel_id, asyncio.Lock())


def _same(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) < 0.001
