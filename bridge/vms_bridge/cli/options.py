"""What several verbs take: the configuration file, and values that click has no type for."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_FILE = "vms-bridge.yaml"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONG_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}

config_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_FILE),
    metavar="FILE",
    help=f"The configuration (default: {DEFAULT_FILE}).",
)
json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


class Duration(click.ParamType[float]):
    """`30`, `30s`, `5m` or `1.5h`, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        """Return the seconds."""
        found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smh]?)", str(value))
        if not found or float(found[1]) <= 0:
            self.fail(f"expected a time such as 30s, 5m or 1h, not {value!r}", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Number(click.FloatRange):
    """A number within limits, which `nan` is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"expected a number, not {value!r}", param, ctx)
        return number


class Moment(click.ParamType[datetime]):
    """A point in time: a date, a date and time (of this machine's zone, unless it names one), or a time from now.

    `direction` is -1 where `2h` is two hours ago, and 1 where it is in two hours.
    """

    name = "time"

    def __init__(self, direction: int) -> None:
        self._direction = direction

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's
        """Return the time, in UTC."""
        text = str(value)
        if found := re.fullmatch(r"([0-9]{1,5})([mhdw])", text):
            apart = timedelta(seconds=int(found[1]) * _LONG_UNITS[found[2]])
            return datetime.now(UTC) + self._direction * apart
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"expected 2026-11-20, 2026-11-20T11:00, or a time such as 30m, 2h, 7d or 4w, not {value!r}", param, ctx)
