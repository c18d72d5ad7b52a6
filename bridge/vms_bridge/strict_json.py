"""JSON as its standard has it, and nothing that only Python takes for it. Standard library only: scripts' workers load this."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any


def decode(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what this JSON says, and nothing that only Python takes for JSON. Raises ValueError and RecursionError."""
    return _DECODER.decode(text)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # 1e999
        raise ValueError(f"{text[:20]} is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
