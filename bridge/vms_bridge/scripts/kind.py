"""Scripts as the rest of the bridge knows them: the one door into this package, for the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.scripts.check import check
from vms_bridge.scripts.config import ScriptsConfig
from vms_bridge.scripts.sink import NAME, ScriptsSink
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import Sink


def _settings(config: BaseModel) -> ScriptsConfig:
    assert isinstance(config, ScriptsConfig)  # noqa: S101  # the registry hands over what `config` below made
    return config


def _create(config: BaseModel, bridge: BridgeIdentity, clock: Clock) -> Sink:
    return ScriptsSink(_settings(config), clock, (bridge.data_dir or Path()) / NAME)


async def _check(config: BaseModel, trial: Trial) -> Sequence[Finding]:
    return await check(_settings(config), trial)


KIND = SinkKind(
    name=NAME,
    section="scripts",
    config=ScriptsConfig,
    create=_create,
    is_durable=False,
    check=_check,
    ends_first=True,  # what scripts do at last, they do by MQTT and on the VMSs
    remedy="write `scripts: {}` to run the scripts in `data_dir/scripts` that an administrator has approved",
)
"""What the registry looks for, under this name."""
