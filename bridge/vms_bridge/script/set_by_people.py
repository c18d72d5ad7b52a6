"""Settings: what people can change about a script without touching it, declared at its top level."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NoReturn

from vms_bridge.script.checks import check_number, check_text, check_texts, suggestion
from vms_bridge.script.declared import DECLARED
from vms_bridge.script.durations import Duration as Lasting
from vms_bridge.script.durations import seconds
from vms_bridge.script.link import SEAT
from vms_bridge.script.plain import plain_words
from vms_bridge.steps import is_step, with_all_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_SETTINGS = 64
MOST_OPTIONS = 64
LONGEST_TEXT = 4_000
"""How long a text may be at most, whatever the script says."""
LONGEST_WORDS = 500
"""How long a title or an explanation may be."""
USUAL_TEXT = 255
_HUGE = 1e15


class Setting:
    """What a setting is: made by `Number`, `Text`, `Choice`, `Switch`, `Duration` and `Secret`."""

    __slots__ = ("default", "schema")

    def __init__(self, kind: str, default: object, title: str, help: str, **more: object) -> None:  # noqa: A002 - the authors' word
        self.default = default
        self.schema: dict[str, Any] = {"type": kind, "default": default}
        for name, text in (("title", title), ("help", help)):
            if text:
                self.schema[name] = check_text(text, name, LONGEST_WORDS)
        self.schema |= {name: value for name, value in more.items() if value is not None}

    def __repr__(self) -> str:
        return f"<{self.schema['type']} {self.default!r}>"


def Number(  # noqa: N802 - as the types of settings are called in many places
    default: float,
    *,
    min: float | None = None,  # noqa: A002
    max: float | None = None,  # noqa: A002
    step: float | None = None,
    unit: str = "",
    title: str = "",
    help: str = "",  # noqa: A002
) -> Setting:
    """Declare a number between `min` and `max`, in steps of `step` (1: whole numbers), shown with its `unit`."""
    least, most = check_number(min, "min", -_HUGE, _HUGE), check_number(max, "max", -_HUGE, _HUGE)
    low, high = -_HUGE if least is None else least, _HUGE if most is None else most
    check_number(low, "min", -_HUGE, high)
    if default is None:
        raise TypeError("a Number has a default, as Number(0.5)")
    check_number(default, "the default", low, high)
    if step is not None and not step > 0:
        raise ValueError(f"step is more than nothing, and not {step!r}")
    if step is not None and not is_step(default, least or 0, step):
        steps = f"steps of {with_all_digits(step)} from {with_all_digits(least or 0)} on"
        raise ValueError(f"the default is in {steps}, and not {default!r}")
    return Setting("number", default, title, help, min=least, max=most, step=step, unit=unit or None)


def Text(default: str = "", *, max_length: int = USUAL_TEXT, title: str = "", help: str = "") -> Setting:  # noqa: N802, A002
    """Declare a text of at most `max_length` characters."""
    check_number(max_length, "max_length", 1, LONGEST_TEXT)
    if default != "":
        check_text(default, "the default", max_length)
        if not all(character.isprintable() or character == "\n" for character in default):
            raise ValueError("the default has characters that can't be shown")
    return Setting("text", default, title, help, max_length=max_length)


def Choice(default: str, *, options: Sequence[str], title: str = "", help: str = "") -> Setting:  # noqa: N802, A002
    """Declare one of these texts."""
    found = check_texts(options, "options", USUAL_TEXT, most=MOST_OPTIONS)
    if isinstance(found, str) or not found:
        raise TypeError(f"options is a list of texts, and not {options!r}")
    if default not in found:
        raise ValueError(f"the default is one of {', '.join(found)}, and not {default!r}{suggestion(str(default), found)}")
    return Setting("choice", default, title, help, options=list(options))


def Switch(default: bool = False, *, title: str = "", help: str = "") -> Setting:  # noqa: N802, A002, FBT001, FBT002
    """Declare what is on or off: True or False."""
    if not isinstance(default, bool):
        raise TypeError(f"a Switch is True or False, and not {default!r}")
    return Setting("switch", default, title, help)


def Duration(  # noqa: N802
    default: Lasting,
    *,
    min: Lasting | None = None,  # noqa: A002
    max: Lasting | None = None,  # noqa: A002
    title: str = "",
    help: str = "",  # noqa: A002
) -> Setting:
    """Declare how long: "30s", "5m", "1h30m", or a number of seconds. The script gets seconds."""
    least = None if min is None else seconds(min, "min")
    most = None if max is None else seconds(max, "max")
    default_s = seconds(default, "the default")
    if not (least or 0.0) <= default_s <= (_HUGE if most is None else most):
        raise ValueError(f"the default is between min and max, and not {default!r}")
    return Setting("duration", default_s, title, help, min=least, max=most)


def Secret(*, title: str = "", help: str = "") -> Setting:  # noqa: N802, A002
    """Declare a text that the script sees and nobody else is shown, such as a PIN. None until somebody has set it."""
    return Setting("secret", None, title, help)


class Settings:
    """The settings: `settings(threshold=Number(0.5))` declares them, `settings["threshold"]` is the value now.

    They are declared at the top level, with values written out: the bridge reads them before it runs the script.
    """

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def __call__(self, **declared: Setting) -> None:
        """Declare them, by their names."""
        if DECLARED.is_closed:
            raise RuntimeError("settings are declared at the top level of the script")
        if len(declared) + len(DECLARED.settings) > MOST_SETTINGS:
            raise ValueError(f"a script has at most {MOST_SETTINGS} settings")
        for name, setting in declared.items():
            if not isinstance(setting, Setting):
                raise TypeError(f"{name} is a Number, Text, Choice, Switch, Duration or Secret, and not {setting!r}")
            DECLARED.settings[name] = plain_words(setting.schema, name)
            if name not in self._values:
                self._values[name] = setting.default

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - by the setting's type
        if name not in self._values:
            raise KeyError(f"there is no setting {name!r}{suggestion(str(name), self._values)}")
        return self._values[name]

    if not TYPE_CHECKING:  # an editor tells it by itself

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"a setting is settings[{name!r}], and not settings.{name}")

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return the value, or `default` where there is no such setting."""
        return self._values.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of all values."""
        return copy.deepcopy(self._values)

    def __repr__(self) -> str:
        return f"<settings {', '.join(self._values)}>" if SEAT.link is not None else "<settings>"


settings = Settings()


def take(values: Mapping[str, Any]) -> None:
    """Have these be the values from now on: for the worker, and for tests."""
    settings._values.update(values)  # noqa: SLF001 - its own module; authors get no method for it
