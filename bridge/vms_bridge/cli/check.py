"""`vms-bridge check`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import click

from vms_bridge import __version__
from vms_bridge.check import examine
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.options import config_option
from vms_bridge.cli.output import printable, say
from vms_bridge.clock import SystemClock
from vms_bridge.config import load
from vms_bridge.errors import InvalidConfig

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.cli.program import Program
    from vms_bridge.findings import Finding


@click.command("check")
@config_option
@click.pass_obj
def command(program: Program, *, config: Path) -> int:
    """Check the configuration, try every connection, and say what is wrong and how to mend it."""
    logging.getLogger("vms_bridge").addHandler(logging.NullHandler())  # the findings say it; no line of a log between them
    say(f"vms-bridge {__version__} checks {config}")
    try:
        loaded = load(config)
    except InvalidConfig as invalid:
        for mistake in invalid.mistakes:
            _print_marked("!!", str(mistake), mistake.hint)
        return _verdict(len(invalid.mistakes))
    program.secrets.include("configuration", loaded.secrets())
    found = asyncio.run(examine(loaded, SystemClock()))
    for part, finding in found:
        _print_marked(_mark(finding), f"{part}: {finding.text}", finding.hint)
    return _verdict(sum(finding.problem for _, finding in found))


def _mark(finding: Finding) -> str:
    if finding.problem:
        return "!!"
    return "--" if finding.hint else "ok"


def _print_marked(mark: str, text: str, hint: str) -> None:
    say(f"  {mark}  {printable(text)}")
    if hint:
        say(f"      -> {printable(hint)}")


def _verdict(problems: int) -> int:
    if not problems:
        say("No problem found.")
        return OK
    say("1 problem; see -> for the remedy." if problems == 1 else f"{problems} problems; see -> for the remedies.")
    return FAILED
