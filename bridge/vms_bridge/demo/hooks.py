"""Where tests reach into the embedded broker: each hook is asked at one point, and the defaults do as they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vms_bridge.demo.packets import Connect, Packet, Publish


class Hooks(Protocol):
    """What can be decided from outside."""

    def admit(self, connect: Connect) -> int:
        """Return the reason code that answers this CONNECT; 0 accepts."""

    def receives(self, client_id: str, packet: Packet) -> bool:
        """Say whether the broker is to handle this packet at all."""

    def acknowledges(self, client_id: str, publish: Publish) -> bool:
        """Say whether to acknowledge this now; else it counts as unacknowledged until `Broker.release`."""

    def may_publish(self, client_id: str, topic: str) -> bool:
        """Say whether the client has the right."""

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        """Say whether the client has the right."""

    def changed(self) -> None:
        """Take note that something happened: a client came or went, subscribed or published."""


class Obedient:
    """The hooks of a broker that does everything as it should."""

    def admit(self, connect: Connect) -> int:
        """Accept."""
        del connect
        return 0

    def receives(self, client_id: str, packet: Packet) -> bool:
        """Handle."""
        del client_id, packet
        return True

    def acknowledges(self, client_id: str, publish: Publish) -> bool:
        """Acknowledge."""
        del client_id, publish
        return True

    def may_publish(self, client_id: str, topic: str) -> bool:
        """Allow."""
        del client_id, topic
        return True

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        """Allow."""
        del client_id, topic_filter
        return True

    def changed(self) -> None:
        """Do nothing."""
