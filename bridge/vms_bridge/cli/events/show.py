"""`vms-bridge events show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.options import json_option, zone_option
from vms_bridge.cli.output import duration, local_time, show_fields, show_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.cli.client import Api


@click.command("show")
@click.argument("event", metavar="ID")
@zone_option
@json_option
@asks_the_bridge
def command(api: Api, *, event: str, time_zone: tzinfo | None, as_json: bool) -> None:
    """Show all that is known of one event; its id is in the list."""
    found = api.get(f"/events/{segment(event)}")
    if as_json:
        show_json(found)
        return
    show_fields(
        (
            ("id", found["id"]),
            ("monitor", f"{found['system']}/{found['monitor']}"),
            ("name", found["monitor_name"]),
            ("kind", found["kind"]),
            ("began", local_time(found["start"], time_zone)),
            ("ended", "goes on" if found["end_reason"] is None else local_time(found["end"], time_zone)),
            ("end reason", found["end_reason"]),
            ("lasted", duration(found["duration"])),
            ("cause", found["cause"]),
            ("notes", found.get("notes")),
            *((name, ", ".join(found.get(name) or ())) for name in ("labels", "zones", "plates", "faces", "tags")),
            ("score", found["score"]),
            ("alarm frames", found["alarm_frames"]),
            ("highest score", found["max_score"]),
            *((name, _yes_or_no(found.get(name))) for name in ("archived", "locked")),
            ("picture", _yes_or_no(found["snapshot_ready"])),
            ("clip", _yes_or_no(found["clip_ready"])),
        )
    )


def _yes_or_no(value: bool | None) -> str | None:  # noqa: FBT001 - it is the value
    return None if value is None else ("yes" if value else "no")
