"""`vms-bridge events list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.filters import filters, found
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, duration, local_time, say

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.cli.client import Api

_MOST = 50
_COLUMNS = ("BEGAN", "LASTED", "MONITOR", "KIND", "LABELS", "SCORE", "ZONES", "CAUSE", "ID")


@click.command("list")
@filters
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@form_options
@asks_the_bridge
def command(
    api: Api,
    *,
    limit: int,
    is_all: bool,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options of `filters`
) -> None:
    """List events, the newest first. Of several values of an option any will do, of several options each must."""
    count = 0
    with Listing(form, _COLUMNS, lambda event: _row(event, time_zone)) as listing:
        for events in found(api, asked, most=None if is_all else limit):
            listing.add(events)
            count += len(events)
    if form is None and not is_all and count == limit:
        say(f"There may be more than these {limit}: --limit and --all show them.", err=True)


def _row(event: dict[str, Any], zone: tzinfo | None) -> tuple[object, ...]:
    score = event["score"]
    return (
        local_time(event["start"], zone),
        "goes on" if event["end_reason"] is None else duration(event["duration"]),
        event["monitor_name"] or f"{event['system']}/{event['monitor']}",
        event["kind"],
        ", ".join(event["labels"]),
        None if score is None else f"{score:.2f}",
        ", ".join(event["zones"]),
        event["cause"],
        event["id"],
    )
