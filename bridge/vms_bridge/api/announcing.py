"""Announces the API by zeroconf, so that clients find it: what is said, for how long, and what becomes of failures.

What is heard so is an offer only: anybody can say it (docs/api.md, "Whom a client believes").
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from vms_bridge.api.route import BASE
from vms_bridge.errors import DoorClosed
from vms_bridge.logs import Trouble
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.api.config import HttpConfig
    from vms_bridge.clock import Clock
    from vms_bridge.sinks import BridgeIdentity

_LOGGER = logging.getLogger(__name__)
LIBRARIES = frozenset({"zeroconf", "ifaddr"})
"""What the extra brings."""
LOOK_S = 30.0
"""How often is looked whether the machine has other addresses now, and how soon a failure is tried again."""
_GOODBYE_S = 2.0
MISSING = "the API is not announced by zeroconf, for that needs more than is installed"
REMEDY = "install vms-bridge[zeroconf], or set http.zeroconf to false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is announced: the API of one bridge, on one port of these addresses."""

    bridge_id: str
    version: str
    is_tls: bool
    port: int
    addresses: tuple[str, ...]

    @property
    def properties(self) -> Mapping[str, str]:
        """What its TXT record says."""
        return {"id": self.bridge_id, "version": self.version, "tls": "true" if self.is_tls else "false", "path": BASE}


class Announced(Protocol):
    """An announcement at work."""

    @property
    def name(self) -> str:
        """Under which name: another one than was wanted where somebody had that already."""

    async def close(self) -> None:
        """Say goodbye, and answer no more."""


class Multicast(Protocol):
    """Who can speak multicast DNS."""

    def addresses(self, listening: Sequence[str]) -> tuple[str, ...]:
        """Return the addresses by which others reach who listens on these; `0.0.0.0` and `::` stand for all there are now."""

    async def announce(self, service: Service, listening: Sequence[str]) -> Announced:
        """Announce it where these addresses are. Raises DoorClosed."""


class Announcer:
    """Announces the API for as long as it is open; `load` imports who can, and raises ImportError where that is not there."""

    def __init__(self, config: HttpConfig, bridge: BridgeIdentity, clock: Clock, load: Callable[[], Multicast]) -> None:
        self._config, self._bridge, self._clock, self._load = config, bridge, clock, load
        self._trouble = Trouble(_LOGGER, "the API is not announced by zeroconf", clock.monotonic)
        self._is_told = False
        """Whether it was said that there is nobody who can."""

    async def run(self, bridge_id: str, places: Sequence[tuple[str, int]]) -> None:
        """Announce what listens there until cancelled, and say goodbye then; at once nothing where it is not wanted."""
        listening = [host for host, _ in places]
        if not is_wanted(self._config, listening):
            return
        multicast = await self._multicast()
        while multicast is not None:
            service = Service(
                bridge_id=bridge_id,
                version=self._bridge.version,
                is_tls=self._config.tls is not None,
                port=places[0][1],
                addresses=multicast.addresses(listening),
            )
            try:
                if service.addresses:
                    await self._announce(multicast, service, listening)
                    continue
            except DoorClosed as error:
                self._trouble.report(error, hint=error.hint)
            await self._clock.sleep(LOOK_S)

    async def _multicast(self) -> Multicast | None:
        try:
            return await in_thread("zeroconf", self._load)
        except ImportError as missing:
            if not self._is_told:
                level = logging.INFO if self._config.zeroconf is None else logging.WARNING
                _LOGGER.log(level, "%s (%s): %s", MISSING, missing, REMEDY)
            self._is_told = True
            return None

    async def _announce(self, multicast: Multicast, service: Service, listening: Sequence[str]) -> None:
        """Announce it until cancelled, or until the machine has other addresses. Raises DoorClosed."""
        announced = await multicast.announce(service, listening)
        try:
            self._trouble.over()
            _LOGGER.info("the API is announced by zeroconf as %s, at %s", announced.name, ", ".join(service.addresses))
            while multicast.addresses(listening) == service.addresses:
                await self._clock.sleep(LOOK_S)
        finally:
            try:
                async with self._clock.timeout(_GOODBYE_S):
                    await announced.close()
            except TimeoutError:
                _LOGGER.warning("zeroconf's goodbye was not said in time")


def is_wanted(config: HttpConfig, listening: Sequence[str]) -> bool:
    """Say whether to announce it: where nothing is said of that, if others than this machine can reach it."""
    if config.zeroconf is not None:
        return config.zeroconf
    return not all(ip_address(host).is_loopback for host in listening)
