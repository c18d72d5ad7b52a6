"""`vms-bridge events note`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.changing import change
from vms_bridge.cli.options import form_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("note")
@click.argument("event", metavar="ID")
@click.argument("text")
@form_options
@asks_the_bridge
def command(api: Api, *, event: str, text: str, form: str | None) -> int:
    """Replace the notes of an event; an empty text clears them."""
    return change(api, (event,), "note", text, form)
