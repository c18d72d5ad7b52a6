"""Commands: what can be asked for, who asks, and what became of it.

`actions.py` has what a backend is asked to do, `values.py` what passes between a door, the hub and a backend, `request.py` what a
client may say. `table.py` has one row for each command, in the words of `row.py` and `effects.py`: topics, refusals, levels,
time limits, the schema and the table in docs/mqtt.md derive from it.
"""

from __future__ import annotations

from vms_bridge.commands.actions import (
    Action,
    EndAlarm,
    Restart,
    SetAlarm,
    SetArmed,
    SetDetection,
    SetMode,
    SetRunState,
)
from vms_bridge.commands.request import Request
from vms_bridge.commands.row import CommandRow
from vms_bridge.commands.table import COMMANDS, CommandTable
from vms_bridge.commands.values import Ack, AckResult, Command, Level, Origin, Target, TargetKind

__all__ = [
    "COMMANDS",
    "Ack",
    "AckResult",
    "Action",
    "Command",
    "CommandRow",
    "CommandTable",
    "EndAlarm",
    "Level",
    "Origin",
    "Request",
    "Restart",
    "SetAlarm",
    "SetArmed",
    "SetDetection",
    "SetMode",
    "SetRunState",
    "Target",
    "TargetKind",
]
