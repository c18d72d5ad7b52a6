"""`vms-bridge script restart`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.output import say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("restart")
@click.argument("name", shell_complete=scripts)
@asks_the_bridge
def command(api: Api, *, name: str) -> None:
    """Start a script anew: one that runs, is stopped, or was given up for it crashed too often."""
    path = f"/scripts/{segment(name)}"
    if not api.get(path)["is_enabled"]:
        api.put(f"{path}/enabled", {"is_enabled": True})
    else:
        api.post(f"{path}/restart", {})
    say(f"The script {name} is started anew.")
