"""`vms-bridge zm users`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder

if TYPE_CHECKING:
    from vms_bridge.zoneminder import User

_COLUMNS = ("ID", "NAME", "ENABLED", "API", "PERMISSIONS", "MONITORS")


@click.group("users")
def command() -> None:
    """Show the users and their permissions, of ZoneMinder from 1.36 on."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List the users, and what they may."""
    rows = ask(ask.zm.users.list())
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


def _row(row: User) -> tuple[object, ...]:
    held = ", ".join(f"{area} {level}" for area, level in row.permissions.items() if level != "None")
    return (
        row.id,
        row.name,
        yes_or_no(row.is_enabled),
        yes_or_no(row.has_api),
        held or "none",
        ", ".join(row.monitor_ids) or "all",
    )
