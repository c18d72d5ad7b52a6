"""`vms-bridge script stop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.output import say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("stop")
@click.argument("name", shell_complete=scripts)
@asks_the_bridge
def command(api: Api, *, name: str) -> None:
    """End a script until `script restart`, beyond restarts of the bridge; it stays approved.

    It has two seconds for its last handlers.
    """
    api.put(f"/scripts/{segment(name)}/enabled", {"is_enabled": False})
    say(f"The script {name} is stopped.")
