"""`vms-bridge script record`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.codes import OK
from vms_bridge.cli.completing import monitors
from vms_bridge.cli.following import following
from vms_bridge.cli.options import Duration
from vms_bridge.cli.output import say
from vms_bridge.errors import OutputError

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_STEP_S = 0.25
_NEW = click.Path(dir_okay=False, path_type=Path)


@click.command("record")
@click.option("-o", "--to", type=_NEW, metavar="FILE", help="Where it goes, a file that is not there yet; else standard output.")
@click.option("--for", "duration_s", type=Duration(), metavar="TIME", help="End after this time: 30s, 5m, 1h; else at Ctrl-C.")
@click.option("--monitor", "wanted", multiple=True, metavar="SYSTEM/KEY", shell_complete=monitors, help="Of these monitors only.")
@click.option("--detections", is_flag=True, help="Record what is seen in each frame, too: several lines a second.")
@asks_the_bridge
def command(api: Api, *, to: Path | None, duration_s: float | None, wanted: tuple[str, ...], detections: bool) -> int:
    """Record what happens, as a line of JSON each, for `script test --replay`."""
    from vms_bridge.cli.script.heard import Heard  # noqa: PLC0415  # --help has no use for them
    from vms_bridge.scripts.triggers.record import line  # noqa: PLC0415

    heard, count = Heard(frozenset(wanted)), 0
    with ExitStack() as stack:
        out = sys.stdout if to is None else stack.enter_context(_opened(to))
        stream = stack.enter_context(following(api.way, {"transitions": True, "detections": detections}))
        ends = None if duration_s is None else time.monotonic() + duration_s
        if to is not None:
            say(f"Recording into {to}; Ctrl-C ends it.", err=True)
        try:
            while ends is None or time.monotonic() < ends:
                for item in stream.items(_STEP_S):
                    for occurrence in heard.take(item):
                        _write(out, line(datetime.now(UTC), occurrence))
                        count += 1
        except KeyboardInterrupt:
            pass  # it is how a recording ends
    if to is not None:
        say(f"{count} lines.", err=True)
    return OK


def _opened(file: Path) -> TextIO:
    try:
        return file.open("x", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file} can't be written: {error.strerror}", hint="name a file that is not there yet") from None


def _write(out: TextIO, text: str) -> None:
    try:
        out.write(f"{text}\n")
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the recording can't be written: {error.strerror}") from None
