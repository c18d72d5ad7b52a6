"""`vms-bridge script upload`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.output import say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_MOST_BYTES = 256 * 1024


@click.command("upload")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="What it is called there (default: as the file, without .py).")
@asks_the_bridge
def command(api: Api, *, file: Path, name: str | None) -> None:
    """Put a file into the bridge's folder of scripts, where `script approve` lets it run.

    With `approval: permissions` it runs at once, if it asks for no more than was approved.
    """
    with file.open("rb") as opened:
        raw = opened.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise click.BadParameter(f"it has more than {_MOST_BYTES} bytes, which is the most", param_hint="FILE")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.BadParameter("it is not in UTF-8", param_hint="FILE") from None
    name = file.stem if name is None else name
    script = api.put(f"/scripts/{segment(name)}/source", {"text": text})
    more = f": `vms-bridge script approve {name}` lets it run" if script["needs_approval"] else ""
    say(f"The script {name} is there, and it is {script['status']}{more}.")
