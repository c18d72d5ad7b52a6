"""The command line: arguments, output and exit codes; every verb is a function of the library, imported when it is needed."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from vms_bridge import __version__
from vms_bridge.concealment import Secrets
from vms_bridge.errors import BridgeError, InvalidConfig, causes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.findings import Finding

    Verb = Callable[[argparse.Namespace], int]

Number = TypeVar("Number", int, float)

OK = 0
FAILED = 1
"""`check` found a problem, or the bridge had to stop."""
USAGE = 2
"""argparse's own."""
REFUSED = 69
"""Another bridge of this instance name is at work, and each new attempt would disturb it (EX_UNAVAILABLE of sysexits.h)."""
INTERNAL = 70
"""A defect in the bridge (EX_SOFTWARE of sysexits.h)."""
MISCONFIGURED = 78
"""The configuration can't be used, so starting again is of no use (EX_CONFIG of sysexits.h)."""
INTERRUPTED = 130

_DEFAULT_FILE = "vms-bridge.yaml"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_EPILOG = """\
exit codes: 0 all is well; 1 `check` found a problem, or the bridge had to stop; 2 wrong usage;
69 another bridge of the same instance is at work; 70 a defect in the bridge;
78 the configuration can't be used; 130 interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (by default the program's) say, and return the exit code; never ends in a traceback."""
    parsed = _parser().parse_args(arguments)
    parsed.secrets = Secrets()
    verb: Verb = parsed.verb
    try:
        code = verb(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001  # the outermost border: one line for people, the traceback on demand
        return _explain(error, debug=parsed.debug, secrets=parsed.secrets)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vms-bridge",
        description="Reports what the cameras of a video management system see to home automation, live.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vms-bridge {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    run = verbs.add_parser("run", help="run the bridge", description="Run the bridge until SIGTERM or Ctrl-C; SIGHUP reloads.")
    check = verbs.add_parser(
        "check",
        help="check the configuration and try every connection",
        description="Check the configuration, try every connection, and say what is wrong and how to mend it.",
    )
    demo = verbs.add_parser(
        "demo",
        help="show the bridge at work with simulated cameras",
        description="Show the bridge at work with simulated cameras: no configuration, no VMS, no broker needed.",
    )
    for verb in (run, check):
        verb.add_argument(
            "--config", type=Path, default=Path(_DEFAULT_FILE), metavar="FILE", help=f"configuration (default: {_DEFAULT_FILE})"
        )
    demo.add_argument("--for", dest="duration_s", type=_duration, metavar="TIME", help="stop after this time: 30s, 5m, 1h")
    demo.add_argument("--port", type=_number(int, 1, 65_535), default=1883, help="the broker's port, if free (default: 1883)")
    demo.add_argument("--cameras", type=_number(int, 1, 2_000), default=3, help="how many cameras (default: 3)")
    demo.add_argument("--pace", type=_number(float, 0.01, 1_000), default=2.0, help="how busy they are (default: 2)")
    run.set_defaults(verb=_run)
    check.set_defaults(verb=_check)
    demo.set_defaults(verb=_demo)
    return parser


def _duration(text: str) -> float:
    """Return the seconds in `30`, `30s`, `5m` or `1.5h`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smh]?)", text)
    if not found or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(f"expected a time such as 30s, 5m or 1h, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def _number(kind: type[Number], least: Number, most: Number) -> Callable[[str], Number]:
    """Return what turns an argument into a number within these limits."""

    def convert(text: str) -> Number:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a number from {least} to {most}, not {text!r}")
        return number

    return convert


def _run(parsed: argparse.Namespace) -> int:
    from vms_bridge.app import run  # noqa: PLC0415  # only this verb needs it

    return run(parsed.config, parsed.secrets)


def _demo(parsed: argparse.Namespace) -> int:
    from vms_bridge.demo.run import run_demo  # noqa: PLC0415  # only this verb needs it

    return run_demo(duration_s=parsed.duration_s, port=parsed.port, cameras=parsed.cameras, pace=parsed.pace)


def _check(parsed: argparse.Namespace) -> int:
    from vms_bridge.check import examine  # noqa: PLC0415  # only this verb needs it
    from vms_bridge.clock import SystemClock  # noqa: PLC0415
    from vms_bridge.config import load  # noqa: PLC0415

    logging.getLogger("vms_bridge").addHandler(logging.NullHandler())  # the findings say it; no line of a log between them
    _say(f"vms-bridge {__version__} checks {parsed.config}")
    try:
        config = load(parsed.config)
    except InvalidConfig as invalid:
        for mistake in invalid.mistakes:
            _print_marked("!!", str(mistake), mistake.hint)
        return _verdict(len(invalid.mistakes))
    parsed.secrets.include("configuration", config.secrets())
    found = asyncio.run(examine(config, SystemClock()))
    for part, finding in found:
        _print_marked(_mark(finding), f"{part}: {finding.text}", finding.hint)
    return _verdict(sum(finding.problem for _, finding in found))


def _mark(finding: Finding) -> str:
    if finding.problem:
        return "!!"
    return "--" if finding.hint else "ok"


def _print_marked(mark: str, text: str, hint: str) -> None:
    _say(f"  {mark}  {_printable(text)}")
    if hint:
        _say(f"      -> {_printable(hint)}")


def _printable(text: str) -> str:
    """Return foreign text without terminal codes."""
    return "".join(char if char.isprintable() else " " for char in text)


def _verdict(problems: int) -> int:
    if not problems:
        _say("No problem found.")
        return OK
    _say("1 problem; see -> for the remedy." if problems == 1 else f"{problems} problems; see -> for the remedies.")
    return FAILED


def _explain(error: Exception, *, debug: bool, secrets: Secrets | None = None) -> int:
    """Say on stderr what stopped the program, and return the exit code."""
    from vms_bridge.logs import redact  # noqa: PLC0415  # `--help` has no use for it

    code = OK
    for cause in causes(error) if isinstance(error, BaseExceptionGroup) else (error,):
        if isinstance(cause, InvalidConfig):
            code = max(code, MISCONFIGURED)
            for mistake in cause.mistakes:
                _complain(str(mistake), mistake.hint)
        elif isinstance(cause, BridgeError):
            code = max(code, FAILED)
            _complain(redact(str(cause), secrets), redact(cause.hint, secrets))
        else:
            code = max(code, INTERNAL)
            said = redact(f"{type(cause).__name__}: {cause}", secrets)
            hint = "this is a defect: please report it as an issue, with the traceback that `vms-bridge --debug ...` shows"
            _complain(f"unexpected {said}", hint)
    if debug:
        _say(redact("".join(traceback.format_exception(error)), secrets), sys.stderr)
    return code


def _complain(text: str, hint: str) -> None:
    _say(f"vms-bridge: {_printable(text)}", sys.stderr)
    if hint:
        _say(f"  -> {_printable(hint)}", sys.stderr)


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream)
