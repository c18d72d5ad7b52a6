"""How often somebody may ask: a bucket of tries for each token and address, which fills up again with time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock

_MOST_BUCKETS = 4_096


class Buckets:
    """Those of one kind: everybody may do something `burst` times at once, and then `rate` times a second."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """How much is left to whom, and since when; the one that was not asked for longest first."""

    def take(self, who: str) -> float:
        """Take one try, and return 0; or take none, and return after how many seconds there is one."""
        now = self._clock.monotonic()
        left, since = self._filled.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._rate
        self._filled[who] = (left if wait_s else left - 1, now)
        if len(self._filled) > _MOST_BUCKETS:
            self._filled.popitem(last=False)
        return wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """All that is limited: requests by token and, of those without one, by address; and wrong tokens and links by address."""

    by_token: Buckets
    by_link: Buckets
    """Of those who come by links, by address: they take nothing from the token that made these."""
    strangers: Buckets
    wrong: Buckets

    @classmethod
    def of(cls, requests: float, clock: Clock) -> Rates:
        """Return limits by which a token may make so many requests a second, and twice as many at once."""
        return cls(
            by_token=Buckets(clock, rate=requests, burst=2 * requests),
            by_link=Buckets(clock, rate=requests, burst=2 * requests),
            strangers=Buckets(clock, rate=2, burst=20),
            wrong=Buckets(clock, rate=0.2, burst=5),
        )


def neighbourhood(address: str) -> str:
    """Return what counts as one place: an address or, in IPv6, where anybody has as many as he likes, its /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address
