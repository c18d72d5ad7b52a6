"""What several verbs take: the configuration file, a form of output, and values that click has no type for."""

from __future__ import annotations

import functools
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.spoken_times import Listener, NotUnderstood, Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DEFAULT_FILE = "vms-bridge.yaml"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_ZONE = "vms_bridge.zone"

config_option: Decorator = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_FILE),
    metavar="FILE",
    help=f"The configuration (default: {DEFAULT_FILE}).",
)
json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def form_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb that lists something its forms of output, as `form`."""
    verb = click.option("--ndjson", "form", flag_value="ndjson", help="Print a line of JSON for each, as soon as it is there.")(
        verb
    )
    return click.option("--json", "form", flag_value="json", default=None, help="Print a JSON array, for programs.")(verb)


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
    """A point in time as people say it, of the zone that `--time-zone` names or else of this machine's, as a time in UTC.

    `is_ahead` is for what is still to come: `2h` is then in two hours, and else two hours ago.
    """

    name = "time"

    def __init__(self, *, is_ahead: bool) -> None:
        self._is_ahead = is_ahead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's
        """Return the time, in UTC."""
        try:
            return _listener(ctx).point(str(value), ahead=self._is_ahead)
        except NotUnderstood as error:
            self.fail(str(error), param, ctx)


class Range(click.ParamType[Span]):
    """A range of time as people say it, of the same zone as a `Moment`."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Span:  # noqa: ANN401 - click's
        """Return the range, in UTC."""
        try:
            return _listener(ctx).span(str(value))
        except NotUnderstood as error:
            self.fail(str(error), param, ctx)


def time_options(what: str) -> Decorator:
    """Return the options that say from when to when, as `since` and `until`, and in which `time_zone` that is meant."""

    def add(verb: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(verb)
        def within(*, since: datetime | None, until: datetime | None, during: Span | None, **options: Any) -> Any:  # noqa: ANN401
            if during is not None:
                if since is not None or until is not None:
                    raise click.UsageError("name --during, or --since and --until, and not both")
                since, until = during.since, during.until
            return verb(since=since, until=until, **options)

        options = (
            zone_option,
            click.option(
                "--during", type=Range(), metavar="RANGE", help=f"{what} in that time: 'yesterday 8pm to 10pm', 'last week'."
            ),
            click.option("--until", type=Moment(is_ahead=False), metavar="TIME", help=f"{what} before that."),
            click.option(
                "--since",
                type=Moment(is_ahead=False),
                metavar="TIME",
                help=f"{what} then or later: 2h, '1 hour ago', 'yesterday 8pm', 2026-11-20T11:00.",
            ),
        )
        limited: Callable[..., Any] = within
        for option in options:
            limited = option(limited)
        return limited

    return add


def read_zone(context: click.Context, parameter: click.Parameter, value: str | None) -> tzinfo | None:
    """Return the zone of this name, and keep it for the times that are said: it is read before them."""
    if value is None:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # for who needs it

    try:
        zone = ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"there is no time zone {value!r}: write one as Europe/Berlin", context, parameter) from None
    context.meta[_ZONE] = zone
    return zone


zone_option: Decorator = click.option(
    "--time-zone",
    callback=read_zone,
    is_eager=True,
    metavar="NAME",
    help="Whose times are meant and shown: Europe/Berlin, say (default: this machine's).",
)


def _listener(context: click.Context | None) -> Listener:
    return Listener(now=datetime.now(UTC), zone=None if context is None else context.meta.get(_ZONE))
