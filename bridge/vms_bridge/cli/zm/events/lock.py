"""`vms-bridge zm events lock`."""

from __future__ import annotations

import click

from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.changing import change_each


@click.command("lock")
@click.argument("events", nargs=-1, required=True, metavar="ID...")
@click.option("--remove", "is_off", is_flag=True, help="Unlock them.")
@asks_zoneminder
def command(ask: Ask, *, events: tuple[str, ...], is_off: bool) -> int:
    """Lock events, so that nobody deletes them, or unlock them."""
    what = "unlocked" if is_off else "locked"
    return change_each(ask, events, lambda event: ask.zm.events.lock(event, on=not is_off), lambda _: what)
