"""What a configuration of pyzm says, be it YAML or an ini file with dictionaries of Python in it: plain values, bounded."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field

from vms_bridge.errors import ConfigError

_DEPTH = 16
_ITEMS = 5000
_TEXT = 4096
_DICTIONARIES = ("ml_sequence", "stream_sequence")
_TEMPLATE = re.compile(r"\{\{\s*([\w.-]{1,64})\s*\}\}")


@dataclass(frozen=True, slots=True)
class Source:
    """Plain values: what holds for all monitors, what for each by its id, and what could not be read, in words."""

    ml: Mapping[str, object] = field(default_factory=dict)
    stream: Mapping[str, object] = field(default_factory=dict)
    monitors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def of_values(values: Mapping[str, object]) -> Source:
    """Return what a YAML file says: `ml: {ml_sequence: …}`, or `ml_sequence` or its content at the top."""
    unread: list[str] = []
    names = {str(key): value for part in (values.get("general"), values.get("ml"), values) for key, value in _items(part)}
    plain = as_mapping(_Resolver({key: value for key, value in names.items() if isinstance(value, str)}, unread).of(values))
    within = {**plain, **as_mapping(plain.get("ml"))}
    ml = as_mapping(within.get("ml_sequence")) or (within if "object" in within else {})
    monitors = {str(key): as_mapping(value) for key, value in _items(plain.get("monitors"))}
    return Source(ml, as_mapping(within.get("stream_sequence")), monitors, tuple(unread))


def of_ini(text: str) -> Source:
    """Return what an ini file says. Raises ConfigError where it is none."""
    parser = RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of zones have capitals
    try:
        parser.read_string(text)
    except (Error, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(
            "is neither YAML nor an ini file", line=line, hint="name objectconfig.ini, or objectconfig.yml"
        ) from None
    unread: list[str] = []
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    names = {key: value or "" for section in sections.values() for key, value in section.items()}
    resolver = _Resolver(names, unread)
    plain: dict[str, dict[str, object]] = {}
    for name, section in sections.items():
        plain[name] = {
            key: resolver.of(_dictionary(key, value, name, unread) if key in _DICTIONARIES else value)
            for key, value in section.items()
        }
    top = {key: value for name, section in plain.items() if not name.startswith("monitor-") for key, value in section.items()}
    monitors = {name.removeprefix("monitor-"): section for name, section in plain.items() if name.startswith("monitor-")}
    return Source(as_mapping(top.get("ml_sequence")), as_mapping(top.get("stream_sequence")), monitors, tuple(unread))


def _dictionary(key: str, value: str | None, section: str, unread: list[str]) -> object:
    """Return a dictionary of Python as it is written in an ini file: literals only."""
    try:
        return ast.literal_eval((value or "").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        unread.append(f"[{section}] {key}: is no dictionary that can be read")
        return {}


class _Resolver:
    """Makes values plain: bounded, with `{{name}}` put in."""

    def __init__(self, names: Mapping[str, str], unread: list[str]) -> None:
        self._names, self._unread, self._left = names, unread, _ITEMS

    def of(self, value: object, depth: int = 0) -> object:
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            if self._left == -1 or depth > _DEPTH:
                self._unread.append("it is too deep or too large; not all of it was read")
            return None
        if isinstance(value, Mapping):
            return {str(key)[:128]: self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.of(inner, depth + 1) for inner in value]
        return value if value is None or isinstance(value, bool | int | float) else self._text(str(value))

    def _text(self, text: str) -> str:
        """Return the text with names put in, three deep: a path within a path."""
        for _ in range(3):
            text = _TEMPLATE.sub(lambda found: self._names.get(found[1], found[0]), text[:_TEXT])
        if left := _TEMPLATE.search(text):
            self._unread.append(f"{left[0]}: nothing of this name is said")
        return text[:_TEXT]


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a mapping, an empty one of what is none."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[object]:
    """Return a list, an empty one of what is none."""
    return value if isinstance(value, list) else []


def _items(value: object) -> list[tuple[object, object]]:
    return list(value.items()) if isinstance(value, Mapping) else []
