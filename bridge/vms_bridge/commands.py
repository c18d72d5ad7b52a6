"""What a sink asks for, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from vms_bridge.model import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArmed:
    """Start or stop detecting; `restore` holds the modes to go back to, filled in by the hub from its memory."""

    on: bool
    restore: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlarm:
    """Force an alarm, or cancel it; with `seconds` the hub cancels it by itself after that time."""

    on: bool
    cause: str = "Forced"
    text: str = ""
    score: int = 255
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetection:
    """Pause or go on with detection, without a change of mode."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode:
    """Set one of the monitor's `modes` to one of its legal values."""

    mode: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRunState:
    """Bring the whole system into one of its run states."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Restart what captures this monitor."""


Action = SetArmed | SetAlarm | SetDetection | SetMode | SetRunState | Restart

NEEDS: Mapping[type, Capability] = {
    SetArmed: Capability.ARM,
    SetAlarm: Capability.FORCE_ALARM,
    SetDetection: Capability.DETECTION,
    SetMode: Capability.MODES,
    SetRunState: Capability.RUN_STATE,
    Restart: Capability.RESTART,
}
"""The capability that each action asks of its target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action on a system (`monitor` None) or on one of its monitors, by public keys.

    `name` is the command's public name (`armed`, `function`, ...), given back in the ack. `deadline` is the monotonic time
    until which it may begin; it is no part of what is asked for.
    """

    system: str
    action: Action
    name: str
    monitor: str | None = None
    request_id: str | None = None
    origin: str = ""
    deadline: float | None = field(default=None, compare=False)


class AckResult(StrEnum):
    """What became of a command; all but `running` are final."""

    RUNNING = "running"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The answer to a command: `applied` is the value now in force, `code` and `hint` say what went wrong."""

    command: Command
    result: AckResult
    time: datetime
    applied: str | None = None
    code: str | None = None
    hint: str | None = None
