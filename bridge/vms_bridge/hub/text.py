"""Texts as backends bring them, made fit to be stored and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

_T = TypeVar("_T")


def clean(value: _T) -> _T:
    r"""Return the value with each lone surrogate in its texts, however deep, replaced by a question mark.

    JSON can carry one (`"\ud83d"`), but it is no Unicode character: neither SQLite nor our own JSON takes it.
    """
    cleaned: _T = _clean(value)
    return cleaned


def _clean(value: Any) -> Any:  # noqa: ANN401  # any value of the model in, one of its kind out
    if isinstance(value, str):
        return value if _is_clean(value) else value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(_clean(one) for one in value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(one) for key, one in value.items()}
    if not is_dataclass(value) or isinstance(value, type):
        return value
    before = {each.name: getattr(value, each.name) for each in fields(value)}
    after = {name: _clean(one) for name, one in before.items()}
    return value if after == before else replace(value, **after)


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
