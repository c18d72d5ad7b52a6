"""`vms-bridge script lint`: needs no running bridge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.output import printable, say, show_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.scripts.header import Header
    from vms_bridge.scripts.trying.lint import Finding

_FILE = click.Path(dir_okay=False, path_type=Path)
_MOST_SCRIPT_BYTES = 1024 * 1024


@click.command("lint")
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each finding.")
@click.option("--strict", is_flag=True, help="End with 1 for mere advice, too.")
def command(*, files: tuple[Path, ...], as_json: bool, strict: bool) -> int:
    """Say what is wrong with the scripts FILES: read, and then run up to their handlers, in their real sandbox.

    The exit code is 1 where anything is wrong.
    """
    code = OK
    for file in files:
        found = list(_findings(file))
        if not found and not as_json:
            say(printable(f"{file}: nothing is wrong with it"), err=True)
        for finding in found:
            if finding.weight == "error" or strict:
                code = FAILED
            _show(file, finding, as_json=as_json)
    return code


def _findings(file: Path) -> Iterable[Finding]:
    from vms_bridge.scripts.trying.files import read_text  # noqa: PLC0415  # --help has no use for them
    from vms_bridge.scripts.trying.lint import lint  # noqa: PLC0415

    text = read_text(file, _MOST_SCRIPT_BYTES)
    header, found = lint(text)
    if header is not None and not any(finding.rule == "syntax" for finding in found):
        found = _and_run(file, text, header, found)
    return found


def _and_run(file: Path, text: str, header: Header, found: list[Finding]) -> list[Finding]:
    """Return the findings with what shows when the top level is run. What was found in that line before says it better."""
    from vms_bridge.scripts.trying.lint import Finding  # noqa: PLC0415  # as above
    from vms_bridge.scripts.trying.trial import Trial, TrialFailed, load, user_of_trials  # noqa: PLC0415

    trial = Trial(name=file.stem, text=text, file=file.name, header=header, uid=user_of_trials())
    try:
        load(trial)
    except TrialFailed as failed:
        if failed.line is None or failed.line not in {each.line for each in found}:
            found = sorted([*found, Finding(failed.line or 0, "run", str(failed), failed.hint)])
    return found


def _show(file: Path, finding: Finding, *, as_json: bool) -> None:
    if as_json:
        said = {"file": str(file), "line": finding.line, "rule": finding.rule, "weight": finding.weight}
        show_json({**said, "text": finding.text, "hint": finding.hint}, is_line=True)
        return
    say(printable(f"{file}:{finding.line}: {finding.weight}: {finding.text} ({finding.rule})"))
    if finding.hint:
        say(printable(f"  -> {finding.hint}"))
