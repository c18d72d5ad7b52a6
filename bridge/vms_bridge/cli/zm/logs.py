"""`vms-bridge zm logs`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, Styled
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.times import Words, zone_of, zone_option
from vms_bridge.spoken_times import Listener

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.zoneminder import LogRow

_LEVELS = {"error": -2, "warning": -1, "info": 0}
_NAMES = {-4: ("panic", "bold red"), -3: ("fatal", "bold red"), -2: ("error", "red"), -1: ("warning", "yellow"), 0: ("info", "")}


@click.command("logs")
@click.option("--limit", type=click.IntRange(1, 5000), default=100, show_default=True, help="How many: the newest ones.")
@click.option("--component", metavar="NAME", help="Of this program only, as zmc_m1 or zmwatch.")
@click.option("--level", type=click.Choice(list(_LEVELS)), help="This bad, and worse.")
@click.option(
    "--from", "--since", "since", type=Words(), metavar="TIME", help="Then or later: 2h, '1 hour ago', 'yesterday 8pm'."
)
@zone_option
@form_options
@asks_zoneminder
def command(
    ask: Ask,
    *,
    limit: int,
    component: str | None,
    level: str | None,
    since: str | None,
    time_zone: tzinfo | None,
    form: str | None,
) -> None:
    """Show ZoneMinder's log, the oldest line first, as far as it is in its database."""
    zone = ask(zone_of(ask.zm, time_zone))
    begin = None if since is None else Listener(now=datetime.now(UTC), zone=zone).point(since)
    worst = None if level is None else _LEVELS[level]
    rows = (ask(ask.zm.logs.list(limit, component=component, worst=worst, since=begin)))[::-1]
    with Listing(form, ("TIME", "COMPONENT", "LEVEL", "MESSAGE"), lambda row: _row(row, zone)) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


def _row(row: LogRow, zone: tzinfo | None) -> tuple[object, ...]:
    name, style = _NAMES.get(row.level, (f"debug {row.level}", "dim"))
    return shown_time(row.time, zone), row.component, Styled(name, style), row.message
