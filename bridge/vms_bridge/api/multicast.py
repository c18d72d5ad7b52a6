"""Multicast DNS: the one place that knows the library zeroconf, and where its faults end. Imported where it is of use."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING

import ifaddr
import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from vms_bridge.errors import DoorClosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from vms_bridge.api.announcing import Service

_LOGGER = logging.getLogger(__name__)
TYPE = "_vms-bridge._tcp.local."
_ALL = {"0.0.0.0": {4}, "::": {4, 6}}  # noqa: S104 - nothing is opened here
_HINT = (
    "has the bridge a network, and may others than avahi use port 5353 (`disallow-other-stacks`)? Or set http.zeroconf to false"
)


class MulticastDns:
    """Announces by multicast DNS."""

    def addresses(self, listening: Sequence[str]) -> tuple[str, ...]:
        """Return the addresses by which others reach who listens on these."""
        wanted = {version for host in listening for version in _ALL.get(host, ())}
        found = {host for host in listening if host not in _ALL}
        found |= {str(each) for each in _own() if each.version in wanted and _leads_here(each)}
        return tuple(sorted(found))

    async def announce(self, service: Service, listening: Sequence[str]) -> Announcement:
        """Announce it where these addresses are. Raises DoorClosed."""
        gone = set(listening) - _ALL.keys() - {str(each) for each in _own()}
        if gone:  # the library would leave a socket open
            raise DoorClosed(f"multicast DNS can't be spoken: {', '.join(gone)} is no address of this machine", hint=_HINT)
        is_everywhere = any(host in _ALL for host in listening)
        try:
            speaker = AsyncZeroconf(interfaces=zeroconf.InterfaceChoice.All if is_everywhere else list(listening))
        except Exception as error:
            raise _closed(error) from error
        announced = Announcement(speaker, service)
        try:
            await announced.tell()
        except BaseException:
            await announced.close()
            raise
        return announced


class Announcement:
    """A service that is announced, by who answers for it from then on."""

    def __init__(self, speaker: AsyncZeroconf, service: Service) -> None:
        self._speaker = speaker
        self._telling: asyncio.Future[None] | None = None
        self._info = AsyncServiceInfo(
            TYPE,
            f"{service.bridge_id}.{TYPE}",
            port=service.port,
            properties=dict(service.properties),
            server=f"vms-bridge-{service.bridge_id[:12]}.local.",
            parsed_addresses=list(service.addresses),
        )

    async def tell(self) -> None:
        """Find out whether somebody has the name, take another one then, and announce it. Raises DoorClosed."""
        try:
            self._telling = asyncio.ensure_future(await self._speaker.async_register_service(self._info, allow_name_change=True))
        except Exception as error:
            raise _closed(error) from error

    @property
    def name(self) -> str:
        """Under which name."""
        return self._info.name

    async def close(self) -> None:
        """Say goodbye, and answer no more."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        try:
            await self._speaker.async_close()
        except Exception as error:  # noqa: BLE001 - the border: what is over is over
            _LOGGER.debug("zeroconf's end went wrong: %s", error)


def _own() -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses that this machine has now."""
    try:
        adapters = list(ifaddr.get_adapters())
    except OSError as error:
        _LOGGER.debug("the machine does not say its addresses: %s", error)
        return
    for adapter in adapters:
        for each in adapter.ips:
            yield ip_address(each.ip if isinstance(each.ip, str) else each.ip[0].partition("%")[0])


def _leads_here(address: IPv4Address | IPv6Address) -> bool:
    """Say whether others can come by it; those of IPv6 that are of one link only mean nothing without its name."""
    return not address.is_loopback and not (address.version == 6 and address.is_link_local)


def _closed(error: Exception) -> DoorClosed:
    return DoorClosed(f"multicast DNS can't be spoken: {str(error) or type(error).__name__}", hint=_HINT)
