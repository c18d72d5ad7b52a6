"""Detection as the rest of the bridge knows it: the one door into this package, for the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.detect.check import check, need_extra
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.detect.engine import Engine
from vms_bridge.detect.sink import NAME, Detection
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import Sink


def _settings(config: BaseModel) -> DetectionSettings:
    assert isinstance(config, DetectionSettings)  # noqa: S101  # the registry hands over what `config` below made
    return config


def _create(config: BaseModel, bridge: BridgeIdentity, clock: Clock) -> Sink:
    settings, home = _settings(config), bridge.data_dir

    def engine() -> Engine:
        need_extra()
        return Engine(settings.models, settings.run_by(home or Path()), clock)

    return Detection(settings, clock, engine=engine, folder=None if home is None else home / "detection")


async def _check(config: BaseModel, trial: Trial) -> Sequence[Finding]:
    settings = _settings(config)
    runtime = settings.run_by(trial.bridge.data_dir or Path())
    return await check(lambda: Engine(settings.models, runtime, trial.clock), trial)


KIND = SinkKind(
    name=NAME,
    section="detection",
    config=DetectionSettings,
    create=_create,
    is_durable=False,
    check=_check,
    remedy="write which models look at pictures, as in `detection: {models: {street: {file: models/yolo11n.xml}}}`",
)
