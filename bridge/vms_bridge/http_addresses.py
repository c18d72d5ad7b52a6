"""Which addresses HTTP may lead to where others say so: public ones, and local ones where somebody has named them as such."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network
METADATA = frozenset(map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254")))
"""Where clouds tell a machine its own secrets: nobody means these."""


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(map(ip_network, texts))


_NOWHERE = _networks(
    *("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4", "::/128", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "ff00::/8", "fec0::/10"),
)
"""Nobody, everybody, and what is kept free for examples and other uses."""
_DISGUISED = _networks("::ffff:0:0/96", "::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0:0/96")
"""IPv4 in the clothes of IPv6 (mapped, compatible, local NAT64, 6to4, Teredo, SIIT): it may lead where that would not."""
_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_LOCAL = _networks(
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "198.18.0.0/15"),
    *("fc00::/7", "fe80::/10"),
)
_NAT64 = IPv6Network("64:ff9b::/96")
"""By which a network without IPv4 reaches what has nothing else: as good as the address in it."""


def never(address: Address) -> str | None:
    """Say why nobody may go there, whoever has allowed it; None where one may."""
    if address in METADATA:
        return "is where clouds tell a machine its own secrets"
    if _is_in(address, _NOWHERE):
        return "is the address of nobody, or of many"
    if isinstance(address, IPv6Address) and address not in _LOOPBACK[1]:
        if _is_in(address, _DISGUISED):
            return "is an IPv4 address in IPv6's form"
        if address in _NAT64:
            return never(IPv4Address(int(address) & 0xFFFFFFFF))
    return None


def is_local(address: Address) -> bool:
    """Say whether this leads to this machine, or into a network that the world does not see."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return is_local(IPv4Address(int(address) & 0xFFFFFFFF))
    return _is_in(address, _LOOPBACK) or _is_in(address, _LOCAL) or not address.is_global


def refusal(address: Address, *, is_named: bool) -> str | None:
    """Say why one may not go to this address; None where it may. `is_named`: a local one is meant."""
    if (why := never(address)) is not None:
        return why
    if is_local(address) and not is_named:
        return "is on this machine" if _is_in(address, _LOOPBACK) else "is in a private network"
    return None


def _is_in(address: Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)
