"""Entities of the script's own: they show in Home Assistant, and with everything else that speaks MQTT discovery."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.checks import check_number, check_text, check_texts
from vms_bridge.script.declared import DECLARED
from vms_bridge.script.plain import plain_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.script.asked import Asked

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CATEGORIES = ("config", "diagnostic")
_LONGEST_TEXT = 255
_MOST_OPTIONS = 64


class Entity:
    """An entity of the script's: `count.set(3)`. Commands come to `@on.entity("its_key")`."""

    __slots__ = ("key", "kind")

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key

    def set(self, value: str | float | None, attributes: Mapping[str, object] | None = None) -> Asked[None]:
        """Say what its value is now: a number, a text, True or False; None where it is not known."""
        if self.kind in {"button", "event"}:
            raise TypeError(f"{self.key}: a {self.kind} has no value" + ("; fire() it" if self.kind == "event" else ""))
        return self._say(value, attributes)

    def fire(self, event_type: str, attributes: Mapping[str, object] | None = None) -> Asked[None]:
        """Have an event entity tell one of its types."""
        if self.kind != "event":
            raise TypeError(f"{self.key} is a {self.kind}: only an event entity can be fired; set() its value")
        return self._say(check_text(event_type, "event_type", _LONGEST_TEXT), attributes)

    def withdraw(self) -> Asked[None]:
        """Take it away from Home Assistant."""
        DECLARED.entities.pop(self.key, None)
        return ask("entity.withdraw", {"key": self.key}, nothing)

    def _say(self, value: object, attributes: Mapping[str, object] | None) -> Asked[None]:
        if value is not None and not isinstance(value, bool | int | float | str):
            raise TypeError(f"{self.key}: a value is a number, a text, True, False or None, and not {value!r}"[:300])
        words = given(attributes=None if attributes is None else plain_words(attributes, "attributes"))
        return ask("entity.state", {"key": self.key, "value": value, **words}, nothing)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.key}>"


class Entities:
    """Makes entities, at the top level or later: `count = entity.sensor("count", name="People")`.

    Each needs a key of its own, of small letters, figures and `_`. Needs `permissions(entities=True)`.
    """

    __slots__ = ()

    def sensor(
        self,
        key: str,
        *,
        name: str = "",
        unit: str | None = None,
        device_class: str | None = None,
        icon: str | None = None,
        category: str | None = None,
    ) -> Entity:
        """Make one that shows a number or a text."""
        return _made("sensor", key, name, icon, category, unit=unit, device_class=device_class)

    def binary_sensor(
        self,
        key: str,
        *,
        name: str = "",
        device_class: str | None = None,
        icon: str | None = None,
        category: str | None = None,
    ) -> Entity:
        """Make one that is on or off."""
        return _made("binary_sensor", key, name, icon, category, device_class=device_class)

    def switch(self, key: str, *, name: str = "", icon: str | None = None, category: str | None = None) -> Entity:
        """Make one that people switch on and off: the handler of `@on.entity(key)` sets its value."""
        return _made("switch", key, name, icon, category)

    def button(self, key: str, *, name: str = "", icon: str | None = None, category: str | None = None) -> Entity:
        """Make one that people press."""
        return _made("button", key, name, icon, category)

    def number(
        self,
        key: str,
        *,
        name: str = "",
        min: float = 0,  # noqa: A002
        max: float = 100,  # noqa: A002
        step: float = 1,
        unit: str | None = None,
        icon: str | None = None,
        category: str | None = None,
    ) -> Entity:
        """Make one that people set to a number."""
        check_number(step, "step", 1e-6, 1e9)
        if not min < max:
            raise ValueError(f"min is less than max, and not {min!r} and {max!r}")
        return _made("number", key, name, icon, category, min=min, max=max, step=step, unit=unit)

    def select(
        self, key: str, options: Sequence[str], *, name: str = "", icon: str | None = None, category: str | None = None
    ) -> Entity:
        """Make one of which people choose one of these options."""
        return _made("select", key, name, icon, category, options=_options(options, "options"))

    def text(self, key: str, *, name: str = "", icon: str | None = None, category: str | None = None) -> Entity:
        """Make one into which people write a text."""
        return _made("text", key, name, icon, category)

    def event(
        self, key: str, types: Sequence[str], *, name: str = "", icon: str | None = None, category: str | None = None
    ) -> Entity:
        """Make one that tells events of these types: `doorbell.fire("ring")`."""
        return _made("event", key, name, icon, category, options=_options(types, "types"))


entity = Entities()


def _made(kind: str, key: str, name: str, icon: str | None, category: str | None, **more: object) -> Entity:
    if not _KEY.fullmatch(check_text(key, "the key of an entity")):
        raise ValueError(f"the key of an entity begins with a small letter, and has 40 of these, figures and _: not {key[:60]!r}")
    if category is not None and category not in _CATEGORIES:
        raise ValueError(f"category is {' or '.join(_CATEGORIES)}, and not {category!r}")
    shown = check_text(name or key.replace("_", " ").capitalize(), "name", _LONGEST_TEXT)
    said: dict[str, Any] = {"kind": kind, "key": key, "name": shown}
    said |= given(icon=icon, category=category, **more)
    for word, longest in (("icon", 64), ("unit", 20), ("device_class", 40)):
        if word in said:
            check_text(said[word], word, longest)
    if not DECLARED.declare_entity(said):
        ask("entity.declare", {"entity": said}, nothing)
    return Entity(kind, key)


def _options(options: Sequence[str], name: str) -> list[str]:
    found = check_texts(options, name, _LONGEST_TEXT, most=_MOST_OPTIONS)
    if isinstance(found, str) or not found:
        raise TypeError(f"{name} is a list of texts, and not {options!r}")
    return list(found)
