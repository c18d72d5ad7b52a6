"""Names of hosts made addresses for aiohttp: where others say whom to ask, no name leads where nobody may go.

What was checked is what is connected to: there is no second answer of the name server that could be another one.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver, ResolveResult

from vms_bridge.errors import VmsError
from vms_bridge.http_addresses import refusal
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.http_addresses import Address

    Resolve = Callable[[str, int], Sequence[str]]


class AddressRefused(VmsError):
    """An address that others have named leads where nobody may be led: into this machine, or a private network."""

    code = "refused"


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Return a host's addresses as the system knows them; blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def as_results(host: str, port: int, family: socket.AddressFamily, addresses: Sequence[Address]) -> list[ResolveResult]:
    """Return these addresses of a host in aiohttp's words, those that are of this family."""
    families = {4: socket.AF_INET, 6: socket.AF_INET6}
    return [
        ResolveResult(
            hostname=host,
            host=str(address),
            port=port,
            family=families[address.version],
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_NUMERICHOST,
        )
        for address in addresses
        if family in {socket.AF_UNSPEC, families[address.version]}
    ]


class CheckedResolver(AbstractResolver):
    """Refuses addresses that nobody may be led to; private ones too, but of hosts that `is_named` says are meant."""

    def __init__(self, is_named: Callable[[str], bool], *, resolve: Resolve = resolve_by_system) -> None:
        self._is_named, self._resolve = is_named, resolve

    def check(self, host: str) -> None:
        """Look at a host that may be an address itself, which is never resolved. Raises AddressRefused."""
        try:
            address = ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return
        self._check(host, address)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Return the host's addresses, all of them checked. Raises AddressRefused, or OSError where there are none."""
        try:
            texts = await in_thread("http-resolve", lambda: self._resolve(host, port))
            found = [ip_address(text.partition("%")[0]) for text in texts]
        except ValueError:
            raise OSError("it has no address that can be used") from None
        for address in found:
            self._check(host, address)
        return as_results(host, port, family, found)

    def _check(self, host: str, address: Address) -> None:
        if (why := refusal(address, is_named=self._is_named(host))) is not None:
            raise AddressRefused(
                f"nothing is asked of {host}: it {why}", hint="name the host where hosts are listed, if it is meant"
            )

    async def close(self) -> None:
        """Have nothing to close."""
