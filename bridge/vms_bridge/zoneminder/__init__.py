"""ZoneMinder for programs: its API's client, its answers as values, and its shared memory; 1.34 to 1.39.

Nothing of the bridge is needed but its errors. What a `Client` asks goes by a `Transport`, which whoever uses it brings along.
"""

from __future__ import annotations

from vms_bridge.zoneminder.auth import Authenticator
from vms_bridge.zoneminder.client import JSON_LIMIT_BYTES, Client, segments
from vms_bridge.zoneminder.memory import Force, MonitorMemory, Sample, TriggerData, Unusable, Version
from vms_bridge.zoneminder.refusals import (
    DatabaseDown,
    EmptyAnswer,
    GatewayFailed,
    LoginWanted,
    NotThere,
    PermissionMissing,
    ServerFailed,
)
from vms_bridge.zoneminder.shared_memory import Causes, SharedMemory
from vms_bridge.zoneminder.transport import Answer, Clock, Stream, Transport
from vms_bridge.zoneminder.values import MOTION, AlarmState, EventRow, LogRow, MonitorRow, RunState, Storage, Zone

__all__ = [
    "JSON_LIMIT_BYTES",
    "MOTION",
    "AlarmState",
    "Answer",
    "Authenticator",
    "Causes",
    "Client",
    "Clock",
    "DatabaseDown",
    "EmptyAnswer",
    "EventRow",
    "Force",
    "GatewayFailed",
    "LogRow",
    "LoginWanted",
    "MonitorMemory",
    "MonitorRow",
    "NotThere",
    "PermissionMissing",
    "RunState",
    "Sample",
    "ServerFailed",
    "SharedMemory",
    "Storage",
    "Stream",
    "Transport",
    "TriggerData",
    "Unusable",
    "Version",
    "Zone",
    "segments",
]
