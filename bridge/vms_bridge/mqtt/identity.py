"""Who this bridge is to the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.sinks import ApiAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this bridge is to the world, and what it does over MQTT."""

    config: MqttConfig
    instance: str
    name: str
    version: str
    client_id: str
    api: ApiAddress | None = None
    previous_instance: str | None = None
