"""`vms-bridge zm groups`."""

from __future__ import annotations

import click

from vms_bridge.cli.direct.showing import said
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder


@click.group("groups")
def command() -> None:
    """Show the groups of monitors."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List all groups with the ids of their monitors."""
    rows = ask(ask.zm.groups.list())
    columns = ("ID", "NAME", "IN", "MONITORS")
    with Listing(form, columns, lambda row: (row.id, row.name, row.parent_id, ", ".join(row.monitor_ids))) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])
