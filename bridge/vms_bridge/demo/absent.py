"""What the embedded broker keeps for a client that has gone, until it is back or its session has expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.demo.outgoing import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.demo.packets import Message
    from vms_bridge.demo.topics import Grant


class Absent:
    """Stands in for a client as a subscriber: keeps `most` messages, and drops what comes then.

    Those of QoS 0 too with `keeps_qos_0`, as some brokers do.
    """

    def __init__(
        self, filters: Mapping[str, Grant], kept: list[Kept], *, expires: float, most: int, keeps_qos_0: bool = False
    ) -> None:
        self.filters = dict(filters)
        self.kept = kept
        self.expires = expires
        self._most = most
        self._keeps_qos_0 = keeps_qos_0

    def deliver(self, message: Message, grant: Grant, *, retained: bool = False) -> None:
        """Keep a message, as the subscription says."""
        qos = min(message.qos, grant.qos)
        if (qos or self._keeps_qos_0) and len(self.kept) < self._most:
            self.kept.append(Kept(message=message, retain=retained or (message.retain and grant.retain_as_published), qos=qos))
