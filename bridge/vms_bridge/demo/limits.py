"""What the embedded broker bears, and where it is as odd as a real one may be."""

from __future__ import annotations

from dataclasses import dataclass

from vms_bridge.demo.packets import MQTT_3_1_1, MQTT_5


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """What the broker bears. `versions` are protocol levels: 4 is MQTT 3.1.1.

    A client whose queue of `max_queued_…` is full gets no newer message until it has read some of the older ones.
    Who sends a packet above `max_packet_bytes` is disconnected; whether it was told so before is `announces_packet_bytes`. A
    payload above `max_payload_bytes` is dropped, and refused where the protocol allows it, as mosquitto does by its
    `message_size_limit`. With `user_is_client_id` (mosquitto: `use_username_as_clientid`) each user has one connection.
    RabbitMQ does not show what is retained to a subscription with a wildcard (`shows_retained_by_wildcard`). A broker may
    not tell by MQTT 5 either that a message which comes live is retained (`flags_retained`).
    """

    receive_maximum: int = 1_000
    max_packet_bytes: int = 16 * 1024 * 1024
    announces_packet_bytes: bool = True
    max_payload_bytes: int | None = None
    user_is_client_id: bool = False
    shows_retained_by_wildcard: bool = True
    flags_retained: bool = True
    max_queued_messages: int = 100_000
    max_queued_bytes: int = 64 * 1024 * 1024
    max_retained: int = 100_000
    max_connections: int = 1_000
    max_sessions: int = 1_000
    max_session_expiry_s: int = 24 * 3600
    keeps_qos_0: bool = False
    versions: frozenset[int] = frozenset({MQTT_3_1_1, MQTT_5})
