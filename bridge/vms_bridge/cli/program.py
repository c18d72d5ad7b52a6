"""The program `vms-bridge`: its verbs, and the border at which every error becomes a line for people and an exit code."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from vms_bridge import __version__
from vms_bridge.cli.codes import FAILED, INTERRUPTED, OK, USAGE
from vms_bridge.cli.verbs import Verb, Verbs
from vms_bridge.concealment import Secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "vms-bridge"
_EPILOG = """\b
exit codes: 0 all is well; 1 `check` found a problem, the bridge had to
stop, or what was asked of it failed; 2 wrong usage; 3 a command was
refused; 4 its effect has not shown in time; 69 another bridge of the same
instance is at work; 70 a defect in the bridge; 78 the configuration can't
be used; 130 interrupted"""
VERBS = {
    "run": Verb("vms_bridge.cli.run", "Run the bridge."),
    "check": Verb("vms_bridge.cli.check", "Check the configuration and try every connection."),
    "demo": Verb("vms_bridge.cli.demo", "Show the bridge at work with simulated cameras."),
    "watch": Verb("vms_bridge.cli.watch", "Watch everything live."),
    "monitors": Verb("vms_bridge.cli.monitors", "Show the cameras, as they are now."),
    "events": Verb("vms_bridge.cli.events", "Search what the systems have recorded, and download it."),
    "command": Verb("vms_bridge.cli.command", "Give a command, and wait for what becomes of it."),
    "link": Verb("vms_bridge.cli.link", "Make links that open one thing without a token."),
    "logs": Verb("vms_bridge.cli.logs", "Show what a system has logged."),
    "index": Verb("vms_bridge.cli.index", "Show how far the index of events is, or make it anew."),
    "discovery": Verb("vms_bridge.cli.discovery", "Show who claims the devices, and turn discovery on and off."),
    "probe": Verb("vms_bridge.cli.probe", "Try a model: what it is, how fast, and what it finds."),
    "pair": Verb("vms_bridge.cli.pair", "Let one client fetch a token by a short code."),
    "token": Verb("vms_bridge.cli.token", "Make, list and revoke tokens of the API."),
    "detect": Verb("vms_bridge.cli.detect", "Look at pictures and events; make models."),
    "script": Verb("vms_bridge.cli.script", "Write, try, approve and look after scripts."),
    "zm": Verb("vms_bridge.cli.zm", "Ask a ZoneMinder itself, without a bridge."),
    "vxg": Verb("vms_bridge.cli.vxg", "Ask a VXG Cloud VMS itself, without a bridge: for AI engines."),
    "completion": Verb("vms_bridge.cli.completion", "Print the completion script of a shell."),
}


@dataclass(slots=True)
class Program:
    """What all verbs share in one run of the program."""

    secrets: Secrets = field(default_factory=Secrets)
    is_debugging: bool = False


@click.group(cls=Verbs, verbs=VERBS, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_obj
def vms_bridge(program: Program, *, debug: bool) -> None:
    """Report what the cameras of a video management system see to home automation, live."""
    program.is_debugging = debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (by default the program's) say, and return the exit code; never ends in a traceback."""
    program = Program()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that this machine's encoding does not have is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        code = vms_bridge.main(None if arguments is None else list(arguments), NAME, standalone_mode=False, obj=program)
        sys.stdout.flush()
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return USAGE if isinstance(error, click.UsageError) else FAILED
    except BrokenPipeError:  # whoever read our output has gone; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001  # the outermost border: one line for people, the traceback on demand
        from vms_bridge.cli.failures import explain  # noqa: PLC0415  # `--help` has no use for it

        return explain(error, debug=program.is_debugging, secrets=program.secrets)
    return code if isinstance(code, int) else OK
