"""The event log as the rest of the bridge knows it: the one door into this package."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.event_log.check import findings
from vms_bridge.event_log.config import EventLogConfig
from vms_bridge.event_log.files import LogFile
from vms_bridge.event_log.output import StandardOutput
from vms_bridge.event_log.sink import NAME, EventLog
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.event_log.output import Output
    from vms_bridge.findings import Finding
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import Sink

_MB = 1_000_000


def _create(config: BaseModel, bridge: BridgeIdentity, clock: Clock) -> Sink:
    del bridge
    assert isinstance(config, EventLogConfig)  # noqa: S101  # the registry hands over what `config` below made
    output: Output = StandardOutput()
    if config.file is not None:
        output = LogFile(config.file, most_bytes=config.file_mb * _MB, most_files=config.files)
    return EventLog(output, clock, states=config.states)


async def _check(config: BaseModel, trial: Trial) -> Sequence[Finding]:
    del trial
    assert isinstance(config, EventLogConfig)  # noqa: S101  # the same
    return await asyncio.to_thread(findings, config.file)


KIND = SinkKind(
    name=NAME,
    section="event_log",
    config=EventLogConfig,
    create=_create,
    is_durable=False,
    check=_check,
    remedy="write where the lines go, as in `event_log: {file: log/events.jsonl}`, or `event_log: {}` for standard output",
)
"""What the registry looks for, under this name."""
