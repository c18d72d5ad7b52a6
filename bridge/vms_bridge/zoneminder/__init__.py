"""ZoneMinder for programs: all that its API can do, its answers as values, and its shared memory; 1.34 to 1.39.

    async with ZoneMinder("https://host/zm", "user", "password") as zm:
        for monitor in await zm.monitors.list():
            print(monitor.id, monitor.name)

`vms_bridge.zoneminder.sync` has the same without an event loop. No bridge is needed for it. A `Client` alone needs no HTTP
library either: what it asks goes by a `Transport`, which whoever uses it brings along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.auth import Authenticator
from vms_bridge.zoneminder.client import JSON_LIMIT_BYTES, Client, segments
from vms_bridge.zoneminder.memory import Force, MonitorMemory, Sample, TriggerData, Unusable, Version
from vms_bridge.zoneminder.refusals import (
    DatabaseDown,
    EmptyAnswer,
    GatewayFailed,
    LoginWanted,
    NotDone,
    NotThere,
    PermissionMissing,
    ServerFailed,
    WrongValue,
)
from vms_bridge.zoneminder.shared_memory import Causes, SharedMemory
from vms_bridge.zoneminder.transport import Answer, Clock, Stream, Transport
from vms_bridge.zoneminder.values import (
    MOTION,
    AlarmState,
    EventRow,
    LogRow,
    MonitorRow,
    RunState,
    Storage,
    VersionInfo,
    Zone,
)

if TYPE_CHECKING:
    from vms_bridge.zoneminder.events.bulk import BulkOutcome
    from vms_bridge.zoneminder.events.events import Events
    from vms_bridge.zoneminder.events.filters import FilterRefused, Filters
    from vms_bridge.zoneminder.events.frames import FrameRow
    from vms_bridge.zoneminder.events.query import EventQuery
    from vms_bridge.zoneminder.events.tags import TagRow
    from vms_bridge.zoneminder.ptz_values import Capabilities, Direction, Preset, PtzMode
    from vms_bridge.zoneminder.resources import Config, DaemonStatus, Group, ServerRow, User
    from vms_bridge.zoneminder.zoneminder import Options, ZoneMinder

__all__ = [
    "JSON_LIMIT_BYTES",
    "MOTION",
    "AlarmState",
    "Answer",
    "Authenticator",
    "BulkOutcome",
    "Capabilities",
    "Causes",
    "Client",
    "Clock",
    "Config",
    "DaemonStatus",
    "DatabaseDown",
    "Direction",
    "EmptyAnswer",
    "EventQuery",
    "EventRow",
    "Events",
    "FilterRefused",
    "Filters",
    "Force",
    "FrameRow",
    "GatewayFailed",
    "Group",
    "LogRow",
    "LoginWanted",
    "MonitorMemory",
    "MonitorRow",
    "NotDone",
    "NotThere",
    "Options",
    "PermissionMissing",
    "Preset",
    "PtzMode",
    "RunState",
    "Sample",
    "ServerFailed",
    "ServerRow",
    "SharedMemory",
    "Storage",
    "Stream",
    "TagRow",
    "Transport",
    "TriggerData",
    "Unusable",
    "User",
    "Version",
    "VersionInfo",
    "WrongValue",
    "Zone",
    "ZoneMinder",
    "segments",
]

_LATER = {
    **dict.fromkeys(("Capabilities", "Direction", "Preset", "PtzMode"), "vms_bridge.zoneminder.ptz_values"),
    "BulkOutcome": "vms_bridge.zoneminder.events.bulk",
    "EventQuery": "vms_bridge.zoneminder.events.query",
    "Events": "vms_bridge.zoneminder.events.events",
    "FilterRefused": "vms_bridge.zoneminder.events.filters",
    "Filters": "vms_bridge.zoneminder.events.filters",
    "FrameRow": "vms_bridge.zoneminder.events.frames",
    "TagRow": "vms_bridge.zoneminder.events.tags",
    **dict.fromkeys(("Config", "DaemonStatus", "Group", "ServerRow", "User"), "vms_bridge.zoneminder.resources"),
    **dict.fromkeys(("Options", "ZoneMinder"), "vms_bridge.zoneminder.zoneminder"),
}
"""Where the rest is: it is loaded when it is first wanted, since it brings the HTTP library along."""

if not TYPE_CHECKING:  # types are checked by what is imported above

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
