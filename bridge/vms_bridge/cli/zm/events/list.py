"""`vms-bridge zm events list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.direct.showing import said, shortened, shown_time
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, duration, say
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.filters import filters, found
from vms_bridge.cli.zm.times import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from vms_bridge.zoneminder import EventRow

_MOST = 50
_COLUMNS = ("BEGAN", "LASTED", "MONITOR", "CAUSE", "ALARM FRAMES", "SCORE", "NOTES", "ID")


@click.command("list")
@filters
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option("--oldest-first", is_flag=True, help="The oldest first.")
@click.option("--tags", "with_tags", is_flag=True, help="With their tags, from ZoneMinder 1.38 on.")
@form_options
@asks_zoneminder
def command(
    ask: Ask,
    *,
    limit: int,
    is_all: bool,
    oldest_first: bool,
    with_tags: bool,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options of `filters`
) -> None:
    """List events, the newest first. They are printed as they come, and as many as there are need no memory."""
    zone = ask(zone_of(ask.zm, time_zone))
    names = {row.id: row.name for row in ask(ask.zm.monitors.list())} if form is None else {}
    most = None if is_all else limit
    count = 0
    with Listing(form, _COLUMNS, lambda row: _row(row, names, zone)) as listing:
        for rows in found(ask, asked, time_zone, most=most, newest_first=not oldest_first, with_tags=with_tags):
            listing.add(rows if form is None else [said(row) for row in rows])
            count += len(rows)
    if form is None and count == most:
        say(f"There may be more than these {limit}: --limit and --all show them.", err=True)


def _row(row: EventRow, names: Mapping[str, str], zone: tzinfo | None) -> tuple[object, ...]:
    notes = shortened(row.notes)
    return (
        shown_time(row.start, zone),
        "goes on" if row.end is None else duration(row.length_s),
        names.get(row.monitor_id, row.monitor_id),
        row.cause,
        row.alarm_frames,
        row.max_score,
        notes if row.tags is None else ", ".join([*row.tags, *([notes] if notes else [])]),
        row.id,
    )
