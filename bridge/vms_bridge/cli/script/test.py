"""`vms-bridge script test`: needs no running bridge."""

from __future__ import annotations

import sys
from datetime import datetime  # noqa: TC003 - click looks at it
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.options import Duration, Moment, zone_option
from vms_bridge.cli.output import printable, say, show_json
from vms_bridge.cli.script.trying import prepared, shown_failure
from vms_bridge.errors import OutputError

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.scripts.trying.trial import Tried

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("test")
@click.argument("file", type=_FILE)
@click.option("--replay", type=_FILE, metavar="FILE", help="What happens: a line of JSON each, as `script record` writes.")
@click.option("--answers", type=_FILE, metavar="FILE", help="What the made-up bridge is like, and answers: JSON.")
@click.option("--expect", type=_FILE, metavar="FILE", help="What the script is to do: a line of JSON each.")
@click.option("--update", is_flag=True, help="Write what it does into the file of --expect.")
@click.option("--from", "begins", type=Moment(is_ahead=False), metavar="TIME", help="When it begins; else when the replay does.")
@click.option("--for", "rest_s", type=Duration(), default=60.0, metavar="TIME", help="How long time goes on at the end: 1m.")
@click.option("--all", "is_verbose", is_flag=True, help="Show also what no handler is for, what it only asks for, and each call.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each thing that happens.")
@zone_option
def command(
    *,
    file: Path,
    replay: Path | None,
    answers: Path | None,
    expect: Path | None,
    update: bool,
    begins: datetime | None,
    rest_s: float,
    is_verbose: bool,
    as_json: bool,
    time_zone: tzinfo | None,
) -> int:
    """Try the script FILE: in its real sandbox, within a bridge that is made up, and a time that jumps.

    The exit code is 1 where it fails, or does something else than --expect says.
    """
    if update and expect is None:
        raise click.UsageError("--update writes the file of --expect: name one")
    from vms_bridge.scripts.trying import expected  # noqa: PLC0415  # --help has no use for it
    from vms_bridge.scripts.trying.trial import TrialFailed, run  # noqa: PLC0415

    trial = prepared(file, replay=replay, answers=answers, begins=begins, rest_s=rest_s)
    wanted = None if expect is None or update else expected.read_expected(expect)
    try:
        tried = run(trial)
    except TrialFailed as failed:
        return shown_failure(file, failed, as_json=as_json)
    entries = tried.transcript.entries
    if as_json:
        for entry in entries:
            show_json(entry.said(), is_line=True)
    else:
        _show(tried, time_zone, is_verbose=is_verbose)
    if update and expect is not None:
        _write(expect, expected.as_expectation(entries))
        return FAILED if tried.transcript.failures else OK
    if wanted is None:
        return FAILED if tried.transcript.failures else OK
    different = expected.differences(wanted, entries)
    if different:
        say(f"{printable(str(expect))}: what is expected (-), and what it did (+):", err=True)
        for line in different:
            say(printable(line), err=True)
    return FAILED if different else OK


def _show(tried: Tried, zone: tzinfo | None, *, is_verbose: bool) -> None:
    from vms_bridge.scripts.trying import report  # noqa: PLC0415  # as above

    for line in report.lines(tried.transcript.entries, zone, is_verbose=is_verbose):
        say(printable(line))
    sys.stdout.flush()
    never = uncalled(tried)
    if never:
        say(f"never called: {', '.join(f'{name} (line {line})' for name, line in never)}", err=True)
    said = f"{len(tried.triggers)} triggers, {tried.lasted_s:,.0f} s, {tried.transcript.failures} failures"
    say(f"{said}, behind {tried.level.level}", err=True)


def uncalled(tried: Tried) -> list[tuple[str, int]]:
    """Return the handlers that nothing has called, by name and line: their filters may fit nothing."""
    from vms_bridge.scripts.trying.transcript import EntryKind  # noqa: PLC0415  # as above

    called = {entry.what for entry in tried.transcript.entries if entry.kind is EntryKind.CALLED}
    unsaid = {"shutdown"}
    return [(each.handler, each.line) for each in tried.triggers if each.handler not in called and each.kind not in unsaid]


def _write(file: Path, lines: list[str]) -> None:
    try:
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file} can't be written: {error.strerror}") from None
