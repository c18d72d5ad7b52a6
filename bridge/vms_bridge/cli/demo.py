"""`vms-bridge demo`."""

from __future__ import annotations

from pathlib import Path

import click

from vms_bridge.cli.options import Duration, Number
from vms_bridge.demo.detecting import can_detect
from vms_bridge.demo.run import run_demo
from vms_bridge.demo.scripting import can_script


@click.command("demo")
@click.option("--for", "duration_s", type=Duration(), metavar="TIME", help="Stop after this time: 30s, 5m, 1h.")
@click.option("--port", type=click.IntRange(1, 65_535), default=1883, show_default=True, help="The broker's port, if free.")
@click.option("--cameras", type=click.IntRange(1, 2_000), default=3, show_default=True, help="How many cameras.")
@click.option("--pace", type=Number(0.01, 1_000), default=2.0, show_default=True, help="How busy they are.")
@click.option(
    "--vxg", type=click.Path(path_type=Path), metavar="FILE", help="A simulated VXG beside them; scripts/demo --vxg has one."
)
def command(*, duration_s: float | None, port: int, cameras: int, pace: float, vxg: Path | None) -> int:
    """Show the bridge at work with simulated cameras: no configuration, no VMS, no broker needed."""
    return run_demo(
        duration_s=duration_s,
        port=port,
        cameras=cameras,
        pace=pace,
        detects=can_detect(),
        has_scripts=can_script(),
        vxg=vxg,
    )
