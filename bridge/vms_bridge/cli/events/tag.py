"""`vms-bridge events tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.changing import change, ids_argument
from vms_bridge.cli.options import form_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("tag")
@click.argument("tag")
@ids_argument
@click.option("--off", is_flag=True, help="Take it away from them.")
@form_options
@asks_the_bridge
def command(api: Api, *, tag: str, events: tuple[str, ...], off: bool, form: str | None) -> int:
    """Give events a tag beside those that they have."""
    return change(api, events, "untag" if off else "tag", tag, form)
