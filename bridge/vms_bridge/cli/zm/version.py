"""`vms-bridge zm version`."""

from __future__ import annotations

import click

from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import show_fields, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.errors import VmsAuthFailed


@click.command("version")
@json_option
@asks_zoneminder
def command(ask: Ask, *, as_json: bool) -> None:
    """Show which ZoneMinder it is, in which time zone, and whether its daemons run; the login works where this is answered."""
    version, zone, is_running = ask(ask.zm.version()), ask(ask.zm.time_zone()), ask(ask.zm.is_running())
    try:
        load = ask(ask.zm.load())
    except VmsAuthFailed:
        load = None
    if as_json:
        show_json(said({"url": ask.zm.url, "version": version, "time_zone": zone, "is_running": is_running, "load": load}))
        return
    show_fields(
        (
            ("address", ask.zm.url),
            ("ZoneMinder", version.zoneminder),
            ("API", version.api),
            ("time zone", None if zone is None else zone.key),
            ("running", yes_or_no(is_running)),
            ("load", None if load is None else ", ".join(f"{each:.2f}" for each in load)),
        )
    )
