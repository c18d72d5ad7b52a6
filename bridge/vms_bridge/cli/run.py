"""`vms-bridge run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.app import run
from vms_bridge.cli.options import config_option

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.cli.program import Program


@click.command("run")
@config_option
@click.pass_obj
def command(program: Program, *, config: Path) -> int:
    """Run the bridge until SIGTERM or Ctrl-C; SIGHUP reloads the configuration."""
    return run(config, program.secrets)
