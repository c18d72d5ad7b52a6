"""`vms-bridge events archive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.changing import change, ids_argument
from vms_bridge.cli.options import form_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("archive")
@ids_argument
@click.option("--off", is_flag=True, help="Let them go like any other again.")
@form_options
@asks_the_bridge
def command(api: Api, *, events: tuple[str, ...], off: bool, form: str | None) -> int:
    """Keep events when the VMS makes room."""
    return change(api, events, "archived", "OFF" if off else "ON", form)
