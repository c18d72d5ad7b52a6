"""`vms-bridge events lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.changing import change, ids_argument
from vms_bridge.cli.options import form_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("lock")
@ids_argument
@click.option("--off", is_flag=True, help="End that.")
@form_options
@asks_the_bridge
def command(api: Api, *, events: tuple[str, ...], off: bool, form: str | None) -> int:
    """Protect events from being deleted."""
    return change(api, events, "locked", "OFF" if off else "ON", form)
