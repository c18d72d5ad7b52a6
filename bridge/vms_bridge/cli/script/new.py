"""`vms-bridge script new`: needs no running bridge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.codes import OK
from vms_bridge.cli.options import config_option
from vms_bridge.cli.output import printable, say
from vms_bridge.cli.script.templates import TEMPLATES, text_of
from vms_bridge.errors import OutputError
from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.private_files import make_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

_HELP = f"What it begins with: {', '.join(f'{name} ({what})' for name, (what, _) in TEMPLATES.items())}."


@click.command("new")
@click.argument("name")
@click.option("--template", type=click.Choice(list(TEMPLATES)), default="alarm", show_default=True, help=_HELP)
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help="Where; by default the bridge's folder."
)
@config_option
def command(*, name: str, template: str, to: Path | None, config: Path) -> int:
    """Write a new script NAME that works, to be changed: a file that nobody else can read or write."""
    if not INSTANCE_PATTERN.fullmatch(name):
        raise click.BadParameter("a name has small letters, digits and _, and begins with a letter", param_hint="NAME")
    folder = _folder(config) if to is None else to
    file = folder / f"{name}.py"
    try:
        make_directory(folder)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text_of(template, name))
    except OSError as error:
        hint = (
            "take another name, or change the one that is there" if isinstance(error, FileExistsError) else "is it your folder?"
        )
        raise OutputError(f"{file} can't be written: {error.strerror}", hint=hint) from None
    _say([f"{file} is there.", f"Look at it: vms-bridge script lint {file}", f"Let it run:  vms-bridge script approve {name}"])
    return OK


def _folder(config: Path) -> Path:
    """Return the folder of the bridge's scripts. Raises BridgeError."""
    from vms_bridge.config import load  # noqa: PLC0415  # --to has no use for it

    configured = load(config)
    section = configured.sinks.get("scripts")
    folder = None if section is None else getattr(section.settings, "folder", None)
    return folder if isinstance(folder, Path) else configured.data_dir / "scripts"


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        say(printable(line))
