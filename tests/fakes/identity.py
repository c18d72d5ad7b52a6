"""Who the bridge of a test is, and the sinks that it is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.config import SinkConfig
from vms_bridge.mqtt.kind import KIND as MQTT
from vms_bridge.sinks import BridgeIdentity

if TYPE_CHECKING:
    from vms_bridge.mqtt.config import MqttConfig

HOME = BridgeIdentity(instance="home", name="Home", version="1")


def over(mqtt: MqttConfig | None) -> dict[str, SinkConfig]:
    """Return what a configuration says of sinks that has this of MQTT."""
    return {} if mqtt is None else {"mqtt": SinkConfig(kind=MQTT, settings=mqtt)}
