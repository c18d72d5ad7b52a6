"""The chaos suite's command line: `scripts/test --chaos` calls it."""

from __future__ import annotations

import sys
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from tests.chaos.command_line import parser, run_and_judge
from tests.chaos.lab import what_is_missing
from tests.chaos.run import Run
from tests.chaos.schedule import KINDS, Fault, Round, load, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def main() -> int:
    """Run by the arguments; 0 if nothing was lost and nothing untrue."""
    wanted = parser("chaos", __doc__, minutes=10, folder="vms-bridge-chaos")
    wanted.add_argument(
        "--only", choices=sorted(KINDS), nargs="*", help="these faults one after another, instead of the seed's rounds"
    )
    wanted.add_argument("--no-shared-memory", action="store_true", help="let the bridge use ZoneMinder's API alone")
    wanted.add_argument("--home-assistant", action="store_true", help="hold what a real Home Assistant shows to the truth, too")
    arguments = wanted.parse_args()
    if missing := what_is_missing():
        print(f"chaos: {missing}", file=sys.stderr)
        return 1
    schedule = rounds(arguments.seed)
    if arguments.schedule:
        schedule = iter(load(arguments.schedule.read_text()))
    elif arguments.only:
        schedule = _each(arguments.only)

    def make(folder: Path) -> Run:
        shared_memory, home = not arguments.no_shared_memory, arguments.home_assistant
        return Run(folder, arguments.seed, partial(print, flush=True), shared_memory=shared_memory, home_assistant=home)

    return run_and_judge("chaos", arguments, make, schedule)


def _each(kinds: list[str]) -> Iterator[Round]:
    """Return these faults one after another, without end, each as long as in the middle of its range."""
    for number, kind in enumerate(cycle(kinds), 1):
        part, _, shortest, longest = KINDS[kind]
        value = {"capture": 1, "clock": 3600}.get(part, 0)
        yield Round(number, (Fault(kind, 0, (shortest + longest) / 2, value),))


if __name__ == "__main__":
    sys.exit(main())
