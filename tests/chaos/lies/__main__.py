"""The command line of chaos that lies: `scripts/test --chaos-lies` calls it."""

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

from tests.chaos.lies.line import TRICKS
from tests.chaos.lies.run import Run
from tests.chaos.lies.schedule import SYSTEMS, Round, Untruth, load, rounds
from tests.chaos.lies.tales import TALES
from tests.chaos.run import fresh
from tests.e2e.broker import mosquitto_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.lies.result import Result

_SHOWN = 60


def main() -> int:
    """Run by the arguments; 0 if nobody was taken in."""
    parser = argparse.ArgumentParser(prog="scripts/test --chaos-lies", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedule", type=Path, help="repeat the rounds of this file instead of the seed's")
    parser.add_argument(
        "--only", nargs="*", metavar="KIND:PART", help="these lies one after another (`stale:monitors`, `lose-all`)"
    )
    temporary = Path(tempfile.gettempdir()) / "vms-bridge-lies"
    parser.add_argument("--folder", type=Path, default=temporary, help=f"emptied, then logs go here (default {temporary})")
    arguments = parser.parse_args()
    if mosquitto_path() is None:
        print("lies: mosquitto is missing: apt-get install mosquitto", file=sys.stderr)
        return 1
    schedule = rounds(arguments.seed)
    if arguments.schedule:
        schedule = iter(load(arguments.schedule.read_text()))
    elif arguments.only:
        schedule = _each(arguments.only)
    folder = fresh(arguments.folder)
    print(f"lies: seed {arguments.seed}, {arguments.minutes:g} minutes, logs in {folder}", flush=True)
    run = Run(folder, arguments.seed, partial(print, flush=True))
    result = asyncio.run(_until_the_end(run, schedule, arguments.minutes * 60))
    print(f"\n{result}")
    for each in result.wrong[:_SHOWN]:
        print(f"FAILED: {each}")
    if len(result.wrong) > _SHOWN:
        print(f"FAILED: and {len(result.wrong) - _SHOWN} more")
    kept = folder / "schedule.jsonl"
    if result.wrong and kept.exists():
        print(f"the schedule that shows it, {kept}:\n{kept.read_text()}", end="")
        print(f"repeat it: scripts/test --chaos-lies --seed {arguments.seed} --schedule FILE")
    print(f"lies: {'FAILED' if result.wrong else 'passed'}, seed {arguments.seed}")
    return 1 if result.wrong else 0


async def _until_the_end(run: Run, schedule: Iterator[Round], seconds: float) -> Result:
    """Run; whoever ends us early gets the verdict all the same."""
    task = asyncio.ensure_future(run.run(schedule, seconds))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _each(names: list[str]) -> Iterator[Round]:
    """Return these one after another, without end, each of both systems in turn."""
    for number, name in enumerate(cycle(names), 1):
        kind, _, part = name.partition(":")
        if kind in TRICKS:
            yield Round(number, (Untruth("line", kind, "", 0, 5.0),))
            continue
        begins = kind in TALES and part in TALES[kind].begins
        where = SYSTEMS[(number // len(names)) % 2]
        loss = (Untruth(where, "502", "all", 0, 0.8),) if begins else ()
        yield Round(number, (*loss, Untruth(where, kind, part, 0, 8.0 if begins else 15.0 if kind == "poison" else 4.0)))


if __name__ == "__main__":
    sys.exit(main())
