"""Who asks for what, of whom, and what became of it: the values that pass between a door, the hub and a backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import CommandForbidden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vms_bridge.errors import CommandRejected, CommandUnverified
    from vms_bridge.model import EventRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a backend can be asked to do. There will be more of them: a backend refuses those that it does not know.

    Its values are those that sinks see; the hub puts the VMS's own words in (`CommandRow.named`).
    """


class TargetKind(StrEnum):
    """What a command is about."""

    BRIDGE = "bridge"
    SYSTEM = "system"
    MONITOR = "monitor"
    EVENT = "event"


class Level(StrEnum):
    """How far somebody may go; each level includes those above it in this list."""

    READ = "read"
    CONTROL = "control"
    ADMIN = "admin"

    def includes(self, other: Level) -> bool:
        """Say whether who has this level may do what needs the other."""
        levels = list(Level)
        return levels.index(self) >= levels.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a command is about, as sinks name it: a system, or one of its monitors by key, or one of its events.

    Without any of these it is about the bridge itself (`bridge.py`).
    """

    system: str = ""
    monitor: str | None = None
    event: EventRef | None = None

    @property
    def kind(self) -> TargetKind:
        """What it is."""
        if self.event is not None:
            return TargetKind.EVENT
        if not self.system:
            return TargetKind.BRIDGE
        return TargetKind.SYSTEM if self.monitor is None else TargetKind.MONITOR

    def __str__(self) -> str:
        if self.event is not None:
            return self.event.format()
        if not self.system:
            return "the bridge"
        return self.system if self.monitor is None else f"{self.system}/{self.monitor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmsTarget:
    """The same as a backend knows it, by the VMS's own ids: the system itself (both None), a monitor, or an event."""

    monitor_id: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a command comes from: the door, who came in by it (None: the door can't tell), and for whom he asks.

    `token` is the id of the token that he has shown, None where he has shown none.
    """

    door: str
    principal: str | None = None
    on_behalf_of: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action on a target.

    `name` is the public name that it was asked for by (`armed`, `function`, ...), given back in the ack. `level` is how far
    its origin may go, as the door knows it. `deadline` is the monotonic time until which it may begin, `refusal` why its door
    has found that it may not, or that nobody knows whether it was done before. None of these is part of what is asked for.
    """

    target: Target
    action: Action
    name: str
    origin: Origin
    level: Level = field(compare=False)
    request_id: str | None = None
    deadline: float | None = field(default=None, compare=False)
    refusal: CommandRejected | CommandUnverified | None = field(default=None, compare=False)

    def require(self, level: Level) -> None:
        """Raise CommandForbidden where its origin may not go that far: the only place where levels are checked."""
        if not self.level.includes(level):
            raise CommandForbidden("the configuration does not allow this", hint=f"it takes the level {level}")


class AckResult(StrEnum):
    """What became of a command; all but `running` are final."""

    RUNNING = "running"
    APPLIED = "applied"
    ACCEPTED = "accepted"
    """The VMS has taken it, and no state shows its effect."""
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The answer to a command, by what that has named: `applied` is the value in force, `code` and `hint` say what went wrong.

    `detail` is what was found out, for commands that ask for something, as JSON can say it.
    """

    target: Target
    name: str
    result: AckResult
    time: datetime
    request_id: str | None = None
    applied: str | None = None
    code: str | None = None
    hint: str | None = None
    detail: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        command: Command,
        result: AckResult,
        time: datetime,
        *,
        applied: str | None = None,
        code: str | None = None,
        hint: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Ack:
        """Return the answer to this command."""
        return cls(
            target=command.target,
            name=command.name,
            result=result,
            time=time,
            request_id=command.request_id,
            applied=applied,
            code=code,
            hint=hint,
            detail=detail,
        )
