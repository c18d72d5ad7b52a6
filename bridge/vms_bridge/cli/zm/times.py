"""Times that people say to a ZoneMinder: they are meant in its own time zone, which is not known before it is asked."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli import options
from vms_bridge.spoken_times import Listener, NotUnderstood

if TYPE_CHECKING:
    from vms_bridge.zoneminder import ZoneMinder

zone_option = click.option(
    "--time-zone",
    callback=options.read_zone,
    is_eager=True,
    metavar="NAME",
    help="Whose times are meant and shown: Europe/Berlin, say (default: ZoneMinder's).",
)


class Words(click.ParamType[str]):
    """A point in time as people say it, or a range of time: understood, but left as it is said."""

    name = "time"

    def __init__(self, *, is_range: bool = False) -> None:
        self._is_range = is_range

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's
        """Return what was said, if it is a time in whatever zone."""
        listener = Listener(now=datetime.now(UTC), zone=UTC)
        try:
            if self._is_range:
                listener.span(str(value))
            else:
                listener.point(str(value))
        except NotUnderstood as error:
            self.fail(str(error), param, ctx)
        return str(value)


async def zone_of(zm: ZoneMinder, chosen: tzinfo | None) -> tzinfo | None:
    """Return the zone that times are meant in: the one that was chosen, or ZoneMinder's, if it says. Raises VmsError."""
    return await zm.time_zone() if chosen is None else chosen
