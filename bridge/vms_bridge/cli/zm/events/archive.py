"""`vms-bridge zm events archive`."""

from __future__ import annotations

import click

from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.changing import change_each


@click.command("archive")
@click.argument("events", nargs=-1, required=True, metavar="ID...")
@click.option("--remove", "is_off", is_flag=True, help="Take them out of the archive.")
@asks_zoneminder
def command(ask: Ask, *, events: tuple[str, ...], is_off: bool) -> int:
    """Put events into the archive, which no filter of ZoneMinder's deletes, or take them out."""
    what = "not archived" if is_off else "archived"
    return change_each(ask, events, lambda event: ask.zm.events.archive(event, on=not is_off), lambda _: what)
