"""The tags of events: no row of an event has them, and only versions from 1.37.44 on have any."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.connection import Connection as LibraryConnection
from vms_bridge.zoneminder.events.tags import Tags
from vms_bridge.zoneminder.values import VersionInfo

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.facts import Facts

FIRST_VERSION = (1, 37, 44)
_LOG = logging.getLogger(__name__)
_MOST_KNOWN = 10_000


class KnownTags:
    """The tags that were read, by event: as many as there is use of."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[str, ...]] = OrderedDict()

    def of(self, event: int) -> tuple[str, ...] | None:
        """Return the event's tags as they were read last, None where they were not."""
        return self._known.get(event)

    def note(self, event: int, tags: tuple[str, ...]) -> None:
        """Note the tags of an event."""
        self._known[event] = tags
        self._known.move_to_end(event)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def tags_of(connection: Connection, facts: Facts) -> Tags:
    """Return the library's tags over the connection of a session, which knows already what the library would ask for."""

    async def version() -> VersionInfo:
        return VersionInfo(zoneminder=".".join(map(str, facts.version)))

    async def time_zone() -> ZoneInfo | None:
        return None

    async def server_api(_server_id: str | None) -> str | None:
        return None

    return Tags(
        LibraryConnection(
            client=connection.api,
            url=connection.config.url,
            clock=connection.clock,
            log=_LOG,
            version=version,
            time_zone=time_zone,
            server_api=server_api,
        )
    )
