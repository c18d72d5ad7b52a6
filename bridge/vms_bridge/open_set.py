"""Sets of words that will have more of them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self


class OpenSet(StrEnum):
    """Words of which there will be more: one that is not known here yet, of a newer plugin or store, is taken as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not re.fullmatch("[a-z][a-z0-9_]{0,31}", value):
            return None
        word = str.__new__(cls, value)
        word._name_, word._value_ = value.upper(), value
        return word
