"""MQTT as the rest of the bridge knows it: the one door into this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.mqtt.check import check
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.events import SINK
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import Sink


def _create(config: BaseModel, bridge: BridgeIdentity, clock: Clock) -> Sink:
    assert isinstance(config, MqttConfig)  # noqa: S101  # the registry hands over what `config` below made
    return MqttSink(config=config, bridge=bridge, clock=clock)


async def _check(config: BaseModel, trial: Trial) -> Sequence[Finding]:
    assert isinstance(config, MqttConfig)  # noqa: S101  # the same
    return await check(config, trial)


KIND = SinkKind(
    name=SINK,
    section="mqtt",
    config=MqttConfig,
    create=_create,
    is_durable=True,
    check=_check,
    remedy='write how to reach the broker, as in `mqtt: {url: "mqtt://127.0.0.1"}`',
)
"""What the registry looks for, under this name."""
