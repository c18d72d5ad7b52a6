"""Triggers as a worker declares them, which is foreign: held to what there is, and to what the script may hear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.foreign import mistakes_in
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.permissions import require_listen, require_webhook
from vms_bridge.scripts.triggers.errors import TriggerRefused
from vms_bridge.scripts.triggers.kinds import KINDS, WILDCARDS
from vms_bridge.scripts.triggers.schedule import check_schedule
from vms_bridge.scripts.values import Trigger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vms_bridge.scripts.triggers.kinds import Kind
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.values import Permissions

MOST_TRIGGERS = 200
MOST_GLOB_CHARACTERS = 5_000
"""Of all names with wildcards of a script's triggers."""
MOST_SECONDS = 7 * 86_400.0
MOST_TIMEOUT_S = 86_400.0
WAITABLE = frozenset({"event", "alarm", "detection", "monitor_state", "system_state", "notice", "mqtt", "webhook"})
"""The kinds that a running handler can wait for."""
_Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
_TIMES = {"for_s": "for_", "debounce_s": "debounce", "once_per_s": "once_per"}
"""How authors call what the worker says."""


class _Said(BaseModel):
    """A trigger, in the words of the worker."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[int, Field(ge=0, lt=2**31)] = 0
    kind: Annotated[str, Field(max_length=60)]
    handler: Annotated[str, Field(max_length=200)] = "wait_for"
    line: Annotated[int, Field(ge=0, lt=2**31)] = 0
    filters: Annotated[dict[str, Any], Field(max_length=20)] = Field(default_factory=dict)
    debounce_s: _Seconds = 0.0
    for_s: _Seconds = 0.0
    once_per_s: _Seconds = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=MOST_TIMEOUT_S, allow_inf_nan=False)] = 10.0
    concurrent: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a trigger is declared, for whoever has to mend it."""

    handler: str
    line: int

    def refuse(self, what: str, hint: str = "") -> TriggerRefused:
        where = f"line {self.line}: {self.handler}" if self.line else self.handler
        return TriggerRefused(f"{where}: {what}", hint=hint, line=self.line)


def read_triggers(said: object, permissions: Permissions, site: Site) -> tuple[Trigger, ...]:
    """Return the triggers that a worker declares. Raises TriggerRefused, which names handler, line and option."""
    if not isinstance(said, list | tuple):
        raise TriggerRefused("the worker declares no list of triggers")
    if len(said) > MOST_TRIGGERS:
        raise TriggerRefused(f"a script has at most {MOST_TRIGGERS} triggers, and not {len(said)}")
    found = tuple(read_trigger(one, permissions, site) for one in said)
    if len({one.id for one in found}) != len(found):
        raise TriggerRefused("two triggers have the same number")
    if sum(len(name) for one in found for name in _wild(one)) > MOST_GLOB_CHARACTERS:
        raise TriggerRefused(
            f"the names with wildcards of all triggers have {MOST_GLOB_CHARACTERS} characters together at most",
            hint="name monitors by one pattern, or all of them and look at `monitor` in the handler",
        )
    return found


def _wild(trigger: Trigger) -> Iterable[str]:
    names = (*trigger.filters.get("monitor", ()), *trigger.filters.get("system", ()))
    return (name for name in names if not WILDCARDS.isdisjoint(name))


def read_trigger(said: object, permissions: Permissions, site: Site) -> Trigger:
    """Return one trigger. Raises TriggerRefused."""
    place = _place(said)
    try:
        read = _Said.model_validate(said)
    except ValidationError as error:
        where, why = mistakes_in(error)[0]
        option = _TIMES.get(where, where)
        near = _near(option, _Said.model_fields) if "not permitted" in why else ""
        raise place.refuse(f"{option}: {why}" if option else why, near) from None
    kind = KINDS.get(read.kind)
    if kind is None:
        raise place.refuse(f"there are no triggers of the kind {read.kind!r}", _near(read.kind, KINDS))
    filters = _filters(place, read.kind, kind, read.filters)
    _check_times(place, read, kind)
    _check_permissions(place, read.kind, filters, permissions)
    try:
        check_schedule(read.kind, filters, site)
    except ValueError as error:
        raise place.refuse(f"{read.kind}: {error}") from None
    return Trigger(**{**dict(read), "filters": filters})


def read_wait(said: object, permissions: Permissions, site: Site) -> Trigger:
    """Return the trigger that a handler waits for once. Raises TriggerRefused."""
    kind = said.get("kind") if isinstance(said, Mapping) else None
    if isinstance(kind, str) and kind in KINDS and kind not in WAITABLE:
        raise _place(said).refuse(f"nobody can wait for {kind}", f"but for {', '.join(sorted(WAITABLE))}")
    return read_trigger(said, permissions, site)


def _filters(place: _Place, name: str, kind: Kind, said: Mapping[str, Any]) -> dict[str, Any]:
    filters = {}
    for option, value in said.items():
        if value is None and option != "to":
            continue
        read = kind.filters.get(option)
        if read is None:
            known = {*kind.filters, *_TIMES.values()} if kind.comes else kind.filters
            raise place.refuse(f"{name} has no option {option[:60]!r}", _near(option, known))
        try:
            filters[option] = read(value)
        except ValueError as error:
            raise place.refuse(f"{option}: {error}") from None
    for option in kind.needs:
        if option not in filters:
            raise place.refuse(f"{name} needs {option}=")
    return filters


def _check_times(place: _Place, read: _Said, kind: Kind) -> None:
    if read.for_s and not kind.lasts:
        raise place.refuse(f"for_: {read.kind} happens, and does not last", "use debounce=, or leave it out")
    if not kind.comes and (read.debounce_s or read.once_per_s):
        option = "debounce" if read.debounce_s else "once_per"
        raise place.refuse(f"{option}: {read.kind} comes when it is due, and no more often", "leave it out")
    if read.for_s and read.debounce_s:
        raise place.refuse("for_ and debounce can't be had together", "for_ waits until it has been so for so long")


def _check_permissions(place: _Place, kind: str, filters: Mapping[str, Any], permissions: Permissions) -> None:
    """Refuse what the header does not ask for. Monitors that may not be seen are simply never heard of."""
    try:
        for topic in filters["topic"] if kind == "mqtt" else ():
            require_listen(permissions, topic)
        if kind == "webhook":
            require_webhook(permissions, filters["name"])
    except PermissionMissing as missing:
        raise place.refuse(str(missing), missing.hint) from None


def _place(said: object) -> _Place:
    """Return where something is declared that may be no trigger at all."""
    words = said if isinstance(said, Mapping) else {}
    handler, line = words.get("handler"), words.get("line")
    name = handler[:60] if isinstance(handler, str) and handler.isprintable() else ""
    return _Place(name or "a trigger", line if isinstance(line, int) and 0 < line < 2**31 else 0)


def _near(name: str, known: Iterable[str]) -> str:
    """Return what may be meant by a name that there is not."""
    names: Collection[str] = sorted(known)
    near = get_close_matches(name[:60], names, n=1)
    return f"is {near[0]!r} meant?" if near else f"there are {', '.join(names)}" if names else "it takes none"
