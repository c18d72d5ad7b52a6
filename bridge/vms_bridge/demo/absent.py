"""What the embedded broker keeps for a client that has gone, until it is back or its session has expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.demo.outgoing import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.demo.packets import Message
    from vms_bridge.demo.topics import Grant


class Absent:
    """Stands in for a client as a subscriber: keeps `most` messages of QoS 1, and drops what comes then."""

    def __init__(self, filters: Mapping[str, Grant], kept: list[Kept], *, expires: float, most: int) -> None:
        self.filters = dict(filters)
        self.kept = kept
        self.expires = expires
        self._most = most

    def deliver(self, message: Message, grant: Grant, *, retained: bool = False) -> None:
        """Keep a message, as the subscription says."""
        if min(message.qos, grant.qos) and len(self.kept) < self._most:
            self.kept.append(Kept(message=message, retain=retained or (message.retain and grant.retain_as_published)))
