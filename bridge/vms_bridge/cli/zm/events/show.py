"""`vms-bridge zm events show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said, shown_time, yes_or_no
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import duration, show_fields, show_json, size
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.times import zone_of, zone_option
from vms_bridge.errors import MediaUnavailable

if TYPE_CHECKING:
    from datetime import tzinfo


@click.command("show")
@click.argument("event", metavar="ID")
@click.option("--raw", is_flag=True, help="Its whole row as ZoneMinder has it, as JSON.")
@zone_option
@json_option
@asks_zoneminder
def command(ask: Ask, *, event: str, raw: bool, as_json: bool, time_zone: tzinfo | None) -> None:
    """Show all that is known of one event, and where it is on ZoneMinder's disk."""
    row = ask(ask.zm.events.get(event))
    if raw:
        show_json(said(row.raw))
        return
    try:
        path = str(ask(ask.zm.events.path(row)))
    except MediaUnavailable:  # who may see no storage areas does not know
        path = None
    if as_json:
        show_json({**said(row), "path": path})
        return
    zone = ask(zone_of(ask.zm, time_zone))
    monitor = ask(ask.zm.monitors.find(id=row.monitor_id))
    show_fields(
        (
            ("id", row.id),
            ("name", row.name),
            ("monitor", f"{row.monitor_id} {monitor.name}" if monitor else row.monitor_id),
            ("began", shown_time(row.start, zone)),
            ("ended", "goes on" if row.end is None else shown_time(row.end, zone)),
            ("lasted", duration(row.length_s)),
            ("cause", row.cause),
            ("notes", row.notes),
            ("frames", row.frames),
            ("alarmed frames", row.alarm_frames),
            ("total score", row.total_score),
            ("average score", row.average_score),
            ("highest score", row.max_score),
            ("archived", yes_or_no(row.archived)),
            ("locked", yes_or_no(row.locked)),
            ("picture", f"{row.width} x {row.height}" if row.width else None),
            ("video", row.video),
            ("on disk", None if row.disk_bytes is None else size(row.disk_bytes)),
            ("folder", path),
        )
    )
