"""Settings of scripts: what a script declares that people may set, and which values that takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from vms_bridge.script.durations import seconds, written
from vms_bridge.script.set_by_people import LONGEST_TEXT, LONGEST_WORDS, MOST_OPTIONS, USUAL_TEXT
from vms_bridge.script_errors import StateRefused
from vms_bridge.steps import is_step, with_all_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Value: TypeAlias = float | str | bool | None
_HUGE = 1e15
_SECRET = "secret"  # noqa: S105 - how one is marked


class SettingKind(StrEnum):
    """What a setting can be."""

    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    SWITCH = "switch"
    SECRET = "secret"  # noqa: S105 - a kind, and no password
    DURATION = "duration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, as the script's header declares it. A duration is in seconds; a secret is shown to nobody but the script."""

    name: str
    kind: SettingKind
    default: Value = None
    title: str = ""
    help: str = ""
    unit: str = ""
    min: float | None = None
    max: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    max_length: int = USUAL_TEXT

    def checked(self, value: object) -> Value:
        """Return the value as the script gets it. Raises StateRefused for one that it does not take."""
        if value is None and self.kind is SettingKind.SECRET:
            return None
        return _CHECKS[self.kind](self, value)


def mistake_in(setting: Setting) -> str | None:
    """Return why there can be no such setting, in words; None where there can."""
    wrong = next((text for text, is_wrong in _RULES if is_wrong(setting)), None)
    if wrong is not None:
        return wrong
    try:
        setting.checked(setting.default)
    except StateRefused as error:
        return f"its default is none that it takes: {error}"
    return None


_RULES: tuple[tuple[str, Callable[[Setting], bool]], ...] = (
    (
        f"a title, a help or a unit has at most {LONGEST_WORDS} characters",
        lambda one: max(map(len, (one.title, one.help, one.unit))) > LONGEST_WORDS,
    ),
    ("min is above max", lambda one: one.min is not None and one.max is not None and one.min > one.max),
    ("step is above 0", lambda one: one.step is not None and one.step <= 0),
    (f"max_length is from 1 to {LONGEST_TEXT}", lambda one: not 1 <= one.max_length <= LONGEST_TEXT),
    (
        f"options are 1 to {MOST_OPTIONS} texts",
        lambda one: one.kind is SettingKind.CHOICE and not 1 <= len(one.options) <= MOST_OPTIONS,
    ),
    (
        f"an option has 1 to {USUAL_TEXT} characters",
        lambda one: not all(1 <= len(option) <= USUAL_TEXT for option in one.options),
    ),
)


def to_be_kept(schema: Sequence[Setting], values: Mapping[str, Value]) -> dict[str, object]:
    """Return these values as they are kept: secrets marked, so that no setting can show them that is none."""
    secrets = {setting.name for setting in schema if setting.kind is SettingKind.SECRET}
    return {name: {_SECRET: value} if name in secrets else value for name, value in values.items()}


def in_force(schema: Sequence[Setting], kept: Mapping[str, object]) -> dict[str, Value]:
    """Return the value of each setting: what was set where the setting takes it still, else its default."""
    values: dict[str, Value] = {}
    for setting in schema:
        values[setting.name] = setting.checked(setting.default)
        if setting.name in kept:
            try:
                values[setting.name] = setting.checked(_as_set(setting, kept[setting.name]))
            except StateRefused:
                continue
    return values


def is_set(setting: Setting, kept: Mapping[str, object]) -> bool:
    """Say whether somebody has set it to what it takes."""
    try:
        return setting.name in kept and setting.checked(_as_set(setting, kept[setting.name])) is not None
    except StateRefused:
        return False


def checked(schema: Sequence[Setting], changes: Mapping[str, object]) -> dict[str, Value]:
    """Return what is to be set, each value as its setting takes it. Raises StateRefused for the first that is none."""
    known = {setting.name: setting for setting in schema}
    stray = next((name for name in changes if name not in known), None)
    if stray is not None:
        raise StateRefused(f"there is no setting {stray[:60]!r}", hint=f"there are: {', '.join(known) or 'none'}")
    return {name: known[name].checked(value) for name, value in changes.items()}


def _as_set(setting: Setting, kept: object) -> object:
    return kept.get(_SECRET) if setting.kind is SettingKind.SECRET and isinstance(kept, dict) else kept


def _number(setting: Setting, value: object) -> Value:
    """Return the number, a whole one as such where the setting has whole steps."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_HUGE <= value <= _HUGE:
        raise _refusal(setting, "takes a number")
    _within(setting, value)
    if setting.step is not None:
        least = setting.min or 0
        if not is_step(value, least, setting.step):
            raise _refusal(setting, f"takes steps of {with_all_digits(setting.step)} from {with_all_digits(least)} on")
        if float(setting.step).is_integer() and float(least).is_integer():
            return round(value)
    return value


def _duration(setting: Setting, value: object) -> Value:
    try:
        found = seconds(value)  # type: ignore[arg-type]  # it looks at the type itself
    except (TypeError, ValueError):
        raise _refusal(setting, "takes a duration", "in seconds, or as in 30s, 5m, 1h30m; a year at most") from None
    return _within(setting, found)


def _within(setting: Setting, value: float) -> float:
    if (setting.min is not None and value < setting.min) or (setting.max is not None and value > setting.max):
        said = written if setting.kind is SettingKind.DURATION else with_all_digits
        low, high = ("" if end is None else said(end) for end in (setting.min, setting.max))
        raise _refusal(
            setting, f"takes {low} to {high}" if low and high else f"takes {'at least' if low else 'at most'} {low or high}"
        )
    return value


def _text(setting: Setting, value: object) -> Value:
    most = LONGEST_TEXT if setting.kind is SettingKind.SECRET else setting.max_length
    if not isinstance(value, str) or not all(character.isprintable() or character == "\n" for character in value):
        raise _refusal(setting, "takes a text of characters that can be shown")
    if len(value) > most:
        raise _refusal(setting, f"takes at most {most} characters, and not {len(value)}")
    return value


def _choice(setting: Setting, value: object) -> Value:
    if value not in setting.options:
        raise _refusal(setting, "takes one of its options", f"they are: {', '.join(setting.options)}")
    return str(value)


def _switch(setting: Setting, value: object) -> Value:
    if not isinstance(value, bool):
        raise _refusal(setting, "takes true or false")
    return value


def _refusal(setting: Setting, text: str, hint: str = "") -> StateRefused:
    return StateRefused(f"{setting.name} {text}", hint=hint)


_CHECKS = {
    SettingKind.NUMBER: _number,
    SettingKind.TEXT: _text,
    SettingKind.CHOICE: _choice,
    SettingKind.SWITCH: _switch,
    SettingKind.SECRET: _text,
    SettingKind.DURATION: _duration,
}
