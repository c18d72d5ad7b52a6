"""`vms-bridge zm events note`."""

from __future__ import annotations

import click

from vms_bridge.cli.output import printable, say
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder


@click.command("note")
@click.argument("event", metavar="ID")
@click.argument("text")
@click.option("--name", "is_name", is_flag=True, help="Its name, in the place of its notes.")
@asks_zoneminder
def command(ask: Ask, *, event: str, text: str, is_name: bool) -> None:
    """Write TEXT into the notes of an event, in the place of what is there."""
    ask(ask.zm.events.rename(event, text) if is_name else ask.zm.events.note(event, text))
    say(printable(f"{event}: {text}"))
