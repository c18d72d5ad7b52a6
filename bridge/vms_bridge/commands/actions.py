"""What a backend can be asked to do. The values are those that sinks see; the hub puts the VMS's own words in (`CommandRow.named`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do; there will be more of them, so a backend refuses those that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArmed(Action):
    """Start or stop detecting; `restore` holds the modes to go back to, filled in by the hub from its memory."""

    on: bool
    restore: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlarm(Action):
    """Force an alarm, or end one that was forced; with `seconds` the hub ends it by itself after that time."""

    on: bool
    cause: str = "Forced"
    text: str = ""
    score: int = 255
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAlarm(Action):
    """End whatever alarm there is, forced or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetection(Action):
    """Pause or go on with detection, without a change of mode."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode(Action):
    """Set one of the monitor's `modes` to one of its legal values."""

    mode: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRunState(Action):
    """Bring the whole system into one of its run states."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Action):
    """Restart what captures this monitor."""
