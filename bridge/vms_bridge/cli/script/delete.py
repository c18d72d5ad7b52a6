"""`vms-bridge script delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.events.changing import confirmed
from vms_bridge.cli.output import say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("delete")
@click.argument("name", shell_complete=scripts)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask before.")
@asks_the_bridge
def command(api: Api, *, name: str, is_sure: bool) -> None:
    """End a script at once, and remove its file, its approval, its state, its settings, its log and its entities."""
    path = f"/scripts/{segment(name)}"
    api.get(path)
    confirmed(f"Delete {name} for good?", is_sure=is_sure)
    api.delete(path)
    say(f"The script {name} is deleted.")
