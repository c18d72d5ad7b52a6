"""How often somebody may ask: a bucket of tries for each token and address, which fills up again with time."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from vms_bridge.buckets import Buckets

if TYPE_CHECKING:
    from vms_bridge.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """All that is limited: requests by token and, of those without one, by address; and wrong tokens and links by address.

    `hooks` is for calls of receivers: by address and by the token that is named, before its secret is looked at.
    """

    by_token: Buckets
    by_link: Buckets
    """Of those who come by links, by address: they take nothing from the token that made these."""
    strangers: Buckets
    wrong: Buckets
    hooks: Buckets
    clock: Clock
    told: Buckets
    """How often it is told that somebody comes with wrong tokens."""

    @classmethod
    def of(cls, requests: float, clock: Clock) -> Rates:
        """Return limits by which a token may make so many requests a second, and twice as many at once."""
        return cls(
            by_token=Buckets(clock, rate=requests, burst=2 * requests),
            by_link=Buckets(clock, rate=requests, burst=2 * requests),
            strangers=Buckets(clock, rate=2, burst=20),
            wrong=Buckets(clock, rate=0.2, burst=5),
            hooks=Buckets(clock, rate=20, burst=100),
            clock=clock,
            told=Buckets(clock, rate=1 / 60, burst=1),
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
