"""`vms-bridge script revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.output import say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("revoke")
@click.argument("name", shell_complete=scripts)
@asks_the_bridge
def command(api: Api, *, name: str) -> None:
    """Take a script's approval back, and end it at once, without its last handlers."""
    api.delete(f"/scripts/{segment(name)}/approval")
    say(f"The script {name} is not approved any more.")
