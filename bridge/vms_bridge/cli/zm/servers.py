"""`vms-bridge zm servers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, size
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder

if TYPE_CHECKING:
    from vms_bridge.zoneminder import ServerRow

_COLUMNS = ("ID", "NAME", "ADDRESS", "STATUS", "LOAD", "CPU", "MEMORY FREE")


@click.group("servers")
def command() -> None:
    """Show the servers of a ZoneMinder that has several, and how they are."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List the servers; where there is one only, it mostly has no row."""
    rows = ask(ask.zm.servers.list())
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


def _row(row: ServerRow) -> tuple[object, ...]:
    port = "" if row.port is None else f":{row.port}"
    return (
        row.id,
        row.name,
        f"{row.protocol or 'http'}://{row.hostname}{port}" if row.hostname else None,
        row.status,
        None if row.load is None else f"{row.load:.2f}",
        None if row.cpu_percent is None else f"{row.cpu_percent:.0f} %",
        None if row.free_bytes is None or row.total_bytes is None else f"{size(row.free_bytes)} of {size(row.total_bytes)}",
    )
