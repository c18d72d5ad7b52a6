"""`vms-bridge zm events tag`."""

from __future__ import annotations

import click

from vms_bridge.cli.direct.showing import flat
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.changing import change_each


@click.command("tag")
@click.argument("tag")
@click.argument("events", nargs=-1, required=True, metavar="ID...")
@click.option("--remove", "is_off", is_flag=True, help="Take it off.")
@asks_zoneminder
def command(ask: Ask, *, tag: str, events: tuple[str, ...], is_off: bool) -> int:
    """Give events a TAG, or take it off, from ZoneMinder 1.38 on."""
    change = ask.zm.events.untag if is_off else ask.zm.events.tag
    return change_each(ask, events, lambda event: change(event, tag), lambda tags: f"tagged {flat(tags) or 'with nothing'}")
