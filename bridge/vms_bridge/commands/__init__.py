"""Commands: what can be asked for, who asks, and what became of it.

`monitor.py`, `system.py` and `event.py` have each action that a backend can be asked for, and `detection.py` those that are for
the part that looks at pictures, `ptz.py` those for cameras that move, each with its row in the words of `row.py`:
topics, refusals, levels, time limits and the table in docs/mqtt.md derive from that, by `table.py`. `bridge.py` has what is asked
of the bridge itself. `values.py` has what passes between a door, the hub and a backend, `request.py` what a client may say.
"""

from __future__ import annotations

from vms_bridge.commands.detection import (
    DetectEvent,
    DetectNow,
    SetDetectionProfile,
    SetDetectionThreshold,
    SetObjectDetection,
)
from vms_bridge.commands.event import AddTag, DeleteEvent, RemoveTag, SetArchived, SetLocked, SetNote
from vms_bridge.commands.monitor import EndAlarm, Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection
from vms_bridge.commands.ptz import GoToPreset, MoveCamera, SetPreset
from vms_bridge.commands.request import Request
from vms_bridge.commands.row import CommandRow, Seen
from vms_bridge.commands.settings import SetSetting
from vms_bridge.commands.system import SetRunState
from vms_bridge.commands.table import COMMANDS, CommandTable
from vms_bridge.commands.values import Ack, AckResult, Action, Command, Level, Origin, Target, TargetKind, VmsTarget

__all__ = [
    "COMMANDS",
    "Ack",
    "AckResult",
    "Action",
    "AddTag",
    "Command",
    "CommandRow",
    "CommandTable",
    "DeleteEvent",
    "DetectEvent",
    "DetectNow",
    "EndAlarm",
    "GoToPreset",
    "Level",
    "MoveCamera",
    "Origin",
    "RemoveTag",
    "Request",
    "Restart",
    "Seen",
    "SetAlarm",
    "SetArchived",
    "SetArmed",
    "SetDetectionProfile",
    "SetDetectionThreshold",
    "SetLocked",
    "SetMode",
    "SetMotionDetection",
    "SetNote",
    "SetObjectDetection",
    "SetPreset",
    "SetRunState",
    "SetSetting",
    "Target",
    "TargetKind",
    "VmsTarget",
]
