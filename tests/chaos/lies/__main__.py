"""The command line of chaos that lies: `scripts/test --chaos-lies` calls it."""

from __future__ import annotations

import sys
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from tests.chaos.command_line import parser, run_and_judge
from tests.chaos.lies.line import TRICKS
from tests.chaos.lies.run import Run
from tests.chaos.lies.schedule import SYSTEMS, Round, Untruth, load, rounds
from tests.chaos.lies.tales import TALES
from tests.e2e.broker import mosquitto_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> int:
    """Run by the arguments; 0 if nobody was taken in."""
    wanted = parser("chaos-lies", __doc__, minutes=5, folder="vms-bridge-lies")
    wanted.add_argument(
        "--only", nargs="*", metavar="KIND:PART", help="these lies one after another (`stale:monitors`, `lose-all`)"
    )
    arguments = wanted.parse_args()
    if mosquitto_path() is None:
        print("lies: mosquitto is missing: apt-get install mosquitto", file=sys.stderr)
        return 1
    schedule = rounds(arguments.seed)
    if arguments.schedule:
        schedule = iter(load(arguments.schedule.read_text()))
    elif arguments.only:
        schedule = _each(arguments.only)
    return run_and_judge(
        "chaos-lies", arguments, lambda folder: Run(folder, arguments.seed, partial(print, flush=True)), schedule
    )


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
