"""What a row of the command table can say (monitor.py, system.py and event.py have the rows)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from vms_bridge.commands.values import Action, Level
from vms_bridge.model import Event, MonitorState, SystemState

if TYPE_CHECKING:
    from vms_bridge.commands.request import Request
    from vms_bridge.commands.values import TargetKind
    from vms_bridge.model import Capability, Monitor

A = TypeVar("A", bound=Action)


@dataclass(frozen=True, slots=True)
class Seen:
    """How the target of a command is now: the states of its system and of the monitor, or the event as it was recorded last.

    `monitor` is None for a command that is not about one, `event` also where nothing was recorded of it yet.
    """

    system: SystemState
    monitor: MonitorState | None = None
    event: Event | None = None


Shows: TypeAlias = Callable[[Seen], bool]
"""Says whether an effect shows in what is seen.

It is asked at each state that is seen since the command was sent: some effects show in what happens in between.
"""
Effect: TypeAlias = Callable[[A, MonitorState | None], Shows]
"""Made before the command is sent, from the action and the monitor's state then."""


def in_state(holds: Callable[[A, MonitorState], bool]) -> Effect[A]:
    """Return the effect that shows when this holds of the monitor's state, whatever was before."""

    def effect(action: A, _before: MonitorState | None) -> Shows:
        return lambda seen: seen.monitor is not None and holds(action, seen.monitor)

    return effect


def in_event(holds: Callable[[A, Event], bool]) -> Effect[A]:
    """Return the effect that shows when this holds of the event, which is still there."""

    def effect(action: A, _before: MonitorState | None) -> Shows:
        return lambda seen: seen.event is not None and not seen.event.deleted and holds(action, seen.event)

    return effect


def _no_reason(_action: Action, _system: SystemState, _monitor: Monitor | None) -> str | None:
    return None


def _at_once(_action: Action) -> float:
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommandRow(Generic[A]):
    """One command: how it is asked for, who may, how long it takes, and how its effect shows. A row equals itself only.

    `payload` and `meaning` are for docs/mqtt.md.
    """

    name: str
    action: type[A]
    target: TargetKind
    needs: Capability
    """What its target must be able to do."""
    level: Level = Level.CONTROL
    """How far one must be allowed to go to ask for it."""
    timeout_s: float
    """How long it may take from its turn on, the VMS's own time included."""
    is_long: bool = False
    """Whether `running` is reported meanwhile."""
    names: tuple[str, ...] = ()
    """By what other names it goes, too."""
    per_mode: bool = False
    """Whether it goes by the name of each mode that the monitor has, and by its own name where that is only one."""
    details: tuple[str, ...] = ()
    """The fields of a `Request` that it takes besides the value."""
    parse: Callable[[Request, str], A]
    """Makes the action of a request that came under this name. Raises CommandRejected."""
    value: Callable[[A], str]
    """The value in force once it is applied, as it is written in a payload."""
    refusal: Callable[[A, SystemState, Monitor | None], str | None] = field(default=_no_reason)
    """Says why this can't be asked of its target, None where it can."""
    effect: Effect[A] | None
    """How it shows that it was done. None: no state shows it, so that it is over when the VMS has accepted it."""
    can_be_so_already: bool = True
    """Whether nothing needs to be done where its effect shows before."""
    shows_after_s: Callable[[A], float] = field(default=_at_once)
    """A refresh before that would be in vain."""
    is_seen_alone: bool = False
    """Whether its effect shows only in a refresh of its monitor or event, not in one of the whole system."""
    named: Callable[[A, Callable[[str], str]], Action] = field(default=lambda action, _choice: action)
    """Puts the VMS's own words for choices (modes, run states) in place of their labels."""
    payload: str
    meaning: str
