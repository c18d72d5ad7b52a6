"""How many rows Home Assistant's recorder writes for a camera before which nothing happens, by the component.

A real Home Assistant has the cameras of a fake ZoneMinder by the component; they deliver pictures at rates that vary as real
ones do, and see nothing. After a quarter of an hour, or as long as is said, the rows of the table `states` are counted that
have come since they were all known: Home Assistant changes the tokens of cameras and images every five minutes, so whole
quarters of an hour are what counts. Needs no quiet machine: nothing is timed.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.lab.native import home_with_component, line_to, native_bridge, start_unfollowed
from benchmarks.lab.programs import zoneminder_system
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GOAL = 20.0
_ROWS = (
    "SELECT m.entity_id, count(*) FROM states s JOIN states_meta m ON m.metadata_id = s.metadata_id"
    " WHERE s.last_updated_ts >= ? GROUP BY m.entity_id"
)
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many cameras there are, and for how long they are looked at."""

    cameras: int = 8
    minutes: float = 15.0
    settle_s: float = 60.0


QUICK = Plan(cameras=2, minutes=0.5, settle_s=10.0)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with fake_zoneminder(folder, plan.cameras) as fake:
        system = zoneminder_system(fake.url, fake.shared_memory, username=None)
        async with (
            native_bridge(folder / "native", system) as (bridge, port),
            home_with_component(folder / "home", bridge, port, None) as home,
        ):
            await start_unfollowed(home)
            async with line_to(home) as line:
                await asyncio.sleep(plan.settle_s)
                entities = await line.entities()
            since = time.time()
            await asyncio.sleep(60 * plan.minutes)
            until = time.time()
            await asyncio.sleep(5)  # the recorder commits each second here
            rows = await asyncio.to_thread(rows_since, home.config / "home-assistant_v2.db", since)
    _report(table, plan, by_key(rows, entities), 3600 / (until - since))


def rows_since(database: Path, since: float) -> Mapping[str, int]:
    """Return how many rows the table `states` has got since then, by entity."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return dict(connection.execute(_ROWS, (since,)).fetchall())


def by_key(rows: Mapping[str, int], entities: Mapping[tuple[str, str], str]) -> Counter[str]:
    """Return the rows of all cameras together by what they are of, as `sensor.capture_fps`; others are left out."""
    counts: Counter[str] = Counter()
    for (platform, unique_id), entity_id in entities.items():
        if platform == "vms_bridge" and unique_id.count("/") >= 3:  # bridge, system, camera, perhaps a zone, and what it is
            counts[f"{entity_id.partition('.')[0]} {unique_id.rpartition('/')[2]}"] += rows.get(entity_id, 0)
    if not counts:
        raise CannotMeasureError("there are no entities of cameras")
    return counts


def _report(table: Table, plan: Plan, counts: Counter[str], an_hour: float) -> None:
    share = an_hour / plan.cameras
    rows = counts.total() * share
    most = ", ".join(f"{name} {count * share:.1f}" for name, count in counts.most_common(_SHOWN) if count) or "nothing"
    what = f"rows an idle camera and hour, {plan.cameras} cameras, {plan.minutes:g} minutes, {len(counts)} entities each"
    table.add(Row(what, f"{rows:.1f}", f"≤ {_GOAL:g}", rows <= _GOAL, f"of these: {most}"))


async def _main(folder: Path) -> None:
    parser = arguments("recorder_rows", __doc__)
    parser.add_argument("--minutes", type=float, help="how long to look")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    if wanted.minutes:
        plan = replace(plan, minutes=wanted.minutes)
    await measure(plan, Table("recorder_rows: what Home Assistant keeps of idle cameras"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
