"""`vms-bridge zm storage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, size
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder

if TYPE_CHECKING:
    from vms_bridge.zoneminder import Storage

_COLUMNS = ("ID", "NAME", "PATH", "SCHEME", "USED", "OF", "SERVER")


@click.group("storage")
def command() -> None:
    """Show where events are kept, and how full it is."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List the storage areas."""
    rows = ask(ask.zm.storage.list())
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


def _row(row: Storage) -> tuple[object, ...]:
    used = None if row.used_bytes is None else size(row.used_bytes)
    total = None if row.total_bytes is None else size(row.total_bytes)
    return row.id, row.name, row.path, row.scheme, used, total, row.server_id
