"""`vms-bridge script run`."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.following import following
from vms_bridge.cli.options import Duration, zone_option
from vms_bridge.cli.output import printable, say, show_json
from vms_bridge.cli.script.trying import prepared, shown_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from vms_bridge.cli.client import Api
    from vms_bridge.scripts.trying.transcript import Entry
    from vms_bridge.scripts.values import Occurrence

    Take = Callable[[Occurrence], None]

_FILE = click.Path(dir_okay=False, path_type=Path)
_STEP_S = 0.25


@click.command("run")
@click.argument("file", type=_FILE)
@click.option("--answers", type=_FILE, metavar="FILE", help="What the script is answered where it asks for more: JSON.")
@click.option("--for", "duration_s", type=Duration(), metavar="TIME", help="End after this time: 30s, 5m, 1h; else at Ctrl-C.")
@click.option("--all", "is_verbose", is_flag=True, help="Show also what no handler is for, what it only asks for, and each call.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each thing that happens.")
@zone_option
@asks_the_bridge
def command(
    api: Api,
    *,
    file: Path,
    answers: Path | None,
    duration_s: float | None,
    is_verbose: bool,
    as_json: bool,
    time_zone: tzinfo | None,
) -> int:
    """Try the script FILE here, with what happens at a running bridge now: what it would do is shown, and not done.

    It runs in its real sandbox, on this machine; the bridge knows nothing of it.
    """
    from vms_bridge.scripts.trying.live import live  # noqa: PLC0415  # --help has no use for them
    from vms_bridge.scripts.trying.trial import TrialFailed  # noqa: PLC0415

    trial = prepared(file, answers=answers, is_live=True)
    ends = None if duration_s is None else time.monotonic() + duration_s

    async def listen(heard: Take, known: Take) -> None:
        loop, over = asyncio.get_running_loop(), threading.Event()
        try:
            await asyncio.to_thread(
                _listen,
                api,
                lambda each, is_new: loop.call_soon_threadsafe(heard if is_new else known, each),
                lambda: over.is_set() or (ends is not None and time.monotonic() > ends),
            )
        finally:
            over.set()

    try:
        is_well = asyncio.run(live(trial, listen, lambda entry: _show(entry, time_zone, as_json=as_json, is_verbose=is_verbose)))
    except TrialFailed as failed:
        return shown_failure(file, failed, as_json=as_json)
    except KeyboardInterrupt:
        return OK  # it is how such a trial ends
    return OK if is_well else FAILED


def _listen(api: Api, tell: Callable[[Occurrence, bool], object], is_over: Callable[[], bool]) -> None:
    """Follow the bridge until it is over; tell what happens (True), and what was so before. Blocking. Raises ApiFailed."""
    from vms_bridge.cli.script.heard import Heard  # noqa: PLC0415  # as above

    world, is_told = Heard(), False
    with following(api.way, {"transitions": True, "detections": True}) as stream:
        while not is_over():
            for item in stream.items(_STEP_S):
                for occurrence in world.take(item):
                    tell(occurrence, True)
            if world.is_whole and not is_told:
                is_told = True
                for occurrence in world.current():
                    tell(occurrence, False)


def _show(entry: Entry, zone: tzinfo | None, *, as_json: bool, is_verbose: bool) -> None:
    from vms_bridge.scripts.trying import report  # noqa: PLC0415  # as above

    if as_json:
        show_json(entry.said(), is_line=True)
        return
    for line in report.lines([entry], zone, is_verbose=is_verbose, has_days=False):
        say(printable(line))
    sys.stdout.flush()
