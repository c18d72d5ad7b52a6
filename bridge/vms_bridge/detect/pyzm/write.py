"""Plain values as YAML that people go on with: each text in quotes, what could not be said as comments above."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.detect.pyzm.convert import Conversion


def as_yaml(conversion: Conversion, origin: str) -> str:
    """Return the section, as it belongs into the bridge's configuration; `origin` says what it was made of."""
    lines = [f"# Made by `vms-bridge detect import` of {_comment(origin)}. Look at it before you use it."]
    if conversion.notes:
        lines += ["#", "# What could not be said here, or is to be looked at:"]
        lines += [f"# - {_comment(note)}" for note in conversion.notes]
    return "\n".join([*lines, "detection:", *_block(conversion.section, 1)]) + "\n"


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _block(value: Mapping[str, object], depth: int) -> list[str]:
    lines: list[str] = []
    for key, inner in value.items():
        begin = f"{'  ' * depth}{_scalar(key)}:"
        if isinstance(inner, Mapping) and inner and depth < 4:
            lines += [begin, *_block(inner, depth + 1)]
        else:
            lines.append(f"{begin} {_flow(inner)}")
    return lines


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Return a text in quotes where it needs them: JSON's are YAML's."""
    if isinstance(value, str):
        is_plain = value.isascii() and value.replace("_", "a").isalnum() and not value[0].isdecimal()
        is_word = value.lower() in {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
        return value if is_plain and not is_word else f'"{"".join(map(_letter, value))}"'
    return json.dumps(value)


def _letter(letter: str) -> str:
    """Return a letter as it is written in quotes; what can't be seen by its number."""
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
