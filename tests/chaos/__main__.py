"""The chaos suite's command line: `scripts/test --chaos` calls it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.lab import what_is_missing
from tests.chaos.run import Run, fresh
from tests.chaos.schedule import KINDS, Fault, Round, load, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.result import Result


def main() -> int:
    """Run by the arguments; 0 if nothing was lost and nothing untrue."""
    parser = argparse.ArgumentParser(prog="scripts/test --chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedule", type=Path, help="repeat the rounds of this file instead of the seed's")
    parser.add_argument(
        "--only", choices=sorted(KINDS), nargs="*", help="these faults one after another, instead of the seed's rounds"
    )
    parser.add_argument("--no-shared-memory", action="store_true", help="let the bridge use ZoneMinder's API alone")
    parser.add_argument("--home-assistant", action="store_true", help="hold what a real Home Assistant shows to the truth, too")
    temporary = Path(tempfile.gettempdir()) / "vms-bridge-chaos"
    parser.add_argument("--folder", type=Path, default=temporary, help=f"emptied, then logs go here (default {temporary})")
    arguments = parser.parse_args()
    if missing := what_is_missing():
        print(f"chaos: {missing}", file=sys.stderr)
        return 1
    schedule = rounds(arguments.seed)
    if arguments.schedule:
        schedule = iter(load(arguments.schedule.read_text()))
    elif arguments.only:
        schedule = _each(arguments.only)
    folder = fresh(arguments.folder)
    print(f"chaos: seed {arguments.seed}, {arguments.minutes:g} minutes, logs in {folder}", flush=True)
    shared_memory, home = not arguments.no_shared_memory, arguments.home_assistant
    run = Run(folder, arguments.seed, partial(print, flush=True), shared_memory=shared_memory, home_assistant=home)
    result = asyncio.run(_until_the_end(run, schedule, arguments.minutes * 60))
    print(f"\n{result}")
    for each in result.wrong:
        print(f"FAILED: {each}")
    kept = folder / "schedule.jsonl"
    if result.wrong and kept.exists():
        print(f"the schedule that shows it, {kept}:\n{kept.read_text()}", end="")
        print(f"repeat it: scripts/test --chaos --seed {arguments.seed} --schedule FILE")
    print(f"chaos: {'FAILED' if result.wrong else 'passed'}, seed {arguments.seed}")
    return 1 if result.wrong else 0


async def _until_the_end(run: Run, schedule: Iterator[Round], seconds: float) -> Result:
    """Run; whoever ends us early gets the verdict all the same."""
    task = asyncio.ensure_future(run.run(schedule, seconds))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _each(kinds: list[str]) -> Iterator[Round]:
    """Return these faults one after another, without end, each as long as in the middle of its range."""
    for number, kind in enumerate(cycle(kinds), 1):
        part, _, shortest, longest = KINDS[kind]
        value = {"capture": 1, "clock": 3600}.get(part, 0)
        yield Round(number, (Fault(kind, 0, (shortest + longest) / 2, value),))


if __name__ == "__main__":
    sys.exit(main())
