"""Texts as backends bring them, made fit to be stored, published and shown: this is the only door for what others have named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from operator import is_
from typing import Any, TypeVar

_T = TypeVar("_T")
NAME_CHARACTERS = 256
PROSE_CHARACTERS = 1_000
_LONGEST = {
    "detail": PROSE_CHARACTERS,
    "source_reason": PROSE_CHARACTERS,
    "notes": 4_000,
    "message": 4_000,
    "text": PROSE_CHARACTERS,
}
"""What people read as sentences; all else is a name."""
_AS_THEY_ARE = frozenset({"id", "monitor_id", "event_id", "cursor", "after", "track", "modes", "run_state", "run_states"})
"""By these the VMS is asked again: they need only be storable. Choices become labels elsewhere (`labels.Labels`)."""
_WITHOUT_TEXT = frozenset({type(None), bool, int, float, datetime})
_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What turns the direction of all that follows, has no width or fills a place with nothing."""


def clean(value: _T) -> _T:
    r"""Return the value with each text in it, however deep, fit to be stored and shown.

    A lone surrogate, which JSON can carry (`"\ud83d"`), is no Unicode character: neither SQLite nor our own JSON takes it.
    Terminal codes, line breaks and what turns the direction of writing go from names and sentences, and both have an end.
    """
    cleaned: _T = _clean(value, NAME_CHARACTERS)
    return cleaned


def shown(text: str, most: int = NAME_CHARACTERS) -> str:
    """Return the text on one line, without what can't be seen or does harm, and no longer than that."""
    if len(text) <= most and text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text
    text = storable(text[: 4 * most])  # so that millions of them are not looked through
    return _GAPS.sub(" ", _INVISIBLE.sub("", text)).strip()[:most].rstrip()


def storable(text: str) -> str:
    """Return the text with each lone surrogate replaced by a question mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def without(value: _T, strike: Callable[[str], str], *names: str) -> _T:
    """Return a dataclass with the texts of these fields struck by `strike`; the same one where nothing changes."""
    before = {name: getattr(value, name) for name in names}
    after = {name: strike(text) if isinstance(text, str) else text for name, text in before.items()}
    return value if after == before else replace(value, **after)  # type: ignore[type-var]  # who calls knows that it is one


def _clean(value: Any, most: int | None) -> Any:  # noqa: ANN401  # any value of the model in, one of its kind out
    """Return the same object where nothing has to be changed: so it nearly always is, for thousands of monitors."""
    kind: type[object] = type(value)
    if kind is str:
        return storable(value) if most is None else shown(value, most)
    if kind in _WITHOUT_TEXT:
        return value
    if isinstance(value, tuple):
        items = [_clean(one, most) for one in value]
        return value if all(map(is_, items, value)) else tuple(items)
    if isinstance(value, Mapping):
        pairs = [(_clean(key, None), _clean(one, most)) for key, one in value.items()]
        return value if all(key in value and value[key] is one for key, one in pairs) else dict(pairs)
    changes = {}
    for name, longest in _texts(kind):  # type: ignore[arg-type]  # mypy takes its instances' `__hash__` for the class's own
        before = getattr(value, name)
        after = _clean(before, None if most is None else longest)
        if after is not before:
            changes[name] = after
    return replace(value, **changes) if changes else value


@cache
def _texts(kind: type) -> tuple[tuple[str, int | None], ...]:
    """Return a dataclass's fields with how long their texts may be, None for those that are only to be storable."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else []
    return tuple((name, None if name in _AS_THEY_ARE else _LONGEST.get(name, NAME_CHARACTERS)) for name in names)
