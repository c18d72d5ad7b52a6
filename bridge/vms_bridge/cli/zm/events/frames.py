"""`vms-bridge zm events frames`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.times import zone_of, zone_option

if TYPE_CHECKING:
    from datetime import tzinfo


@click.command("frames")
@click.argument("event", metavar="ID")
@zone_option
@form_options
@asks_zoneminder
def command(ask: Ask, *, event: str, form: str | None, time_zone: tzinfo | None) -> None:
    """List the frames of an event, with their scores: not every frame has a row."""
    zone = ask(zone_of(ask.zm, time_zone))
    rows = ask(ask.zm.events.frames(event))
    columns = ("FRAME", "KIND", "TIME", "AFTER", "SCORE")
    with Listing(
        form, columns, lambda row: (row.number, row.kind, shown_time(row.time, zone), f"{row.delta_s or 0:.2f} s", row.score)
    ) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])
