"""The media browser in a real Home Assistant, with a year of 1,000,000 events in the bridge's index: how long its nodes take.

The bridge is that of `vms-bridge run` over a scripted backend, in a process of its own, with the index that `search` measures;
Home Assistant has the component, added by its form. Each node is asked for over Home Assistant's WebSocket, as the
frontend asks for it, many times, of other cameras and days each time. Beside it: the same request, of the bridge alone.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.home_assistant import HomeAssistant, what_is_missing
from tests.e2e.processes import free_ports, listening

from benchmarks import search
from benchmarks.lab.programs import mosquitto
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.world import SYSTEM
from benchmarks.lab.year import BEGAN, BUSY
from vms_bridge.store.privacy import INDEX_NAME

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

_GOAL_MS = 300.0
_SOURCE = "media-source://vms_bridge"
_MONITORS = 64
_START_S = 60.0
_QUESTIONS = (
    "person yesterday",
    "car camera 7 last 3 hours",
    "dog 2026-03-01..2026-03-31",
    "lightning",
    "",
    "kind:continuous since 2026-10-01",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many events there are, and how often each node is asked for."""

    events: int = 1_000_000
    rounds: int = 40


QUICK = Plan(events=20_000, rounds=5)


@dataclass(frozen=True, slots=True)
class Worlds:
    """A Home Assistant that shows a bridge, and a way to the bridge alone."""

    home: HomeAssistant
    bridge: aiohttp.ClientSession
    bridge_id: str

    async def ms(self, kind: str, place: str, **query: str) -> tuple[float, int]:
        """Return how long a node or search takes, and how many children there are."""
        began = time.perf_counter()
        answer = await self.home.command(f"media_source/{kind}", media_content_id=f"{_SOURCE}/{self.bridge_id}{place}", **query)
        took = (time.perf_counter() - began) * 1e3
        children: Sequence[Any] = answer["result"] if kind == "search_media" else answer["children"]
        if len(children) > 200:
            raise CannotMeasureError(f"{place} has {len(children)} children")
        return took, len(children)

    async def bridge_ms(self, path: str, query: Mapping[str, str]) -> float:
        """Return how long the bridge alone takes."""
        began = time.perf_counter()
        async with self.bridge.get(f"/api/v1/{path}", params=query) as answer:
            answer.raise_for_status()
            await answer.read()
        return (time.perf_counter() - began) * 1e3


@asynccontextmanager
async def worlds(folder: Path) -> AsyncIterator[Worlds]:
    """Run both, with the index that is in the folder."""
    missing = what_is_missing()
    if missing:
        raise CannotMeasureError(missing)
    (port,) = free_ports(1)
    async with mosquitto(folder) as broker:
        asked = ("--broker", broker.url, "--data-dir", folder / "data", "--monitors", _MONITORS, "--port", port)
        async with Child("benchmarks.lab.feeder", *asked) as feeder:
            await feeder.ask("start")
            await listening(port, within=_START_S)
            token = (await feeder.ask("token"))["token"]
            shown = {"Authorization": f"Bearer {token}"}
            url = f"http://127.0.0.1:{port}"
            async with (
                aiohttp.ClientSession(url, headers=shown) as bridge,
                HomeAssistant(folder, None, platform="vms_bridge") as home,
            ):
                made = await home.flow("vms_bridge", {"url": url, "method": "token"}, {"token": token}, {})
                if made["type"] != "create_entry":
                    raise CannotMeasureError(f"the component could not be added: {made}")
                async with bridge.get("/api/v1/info") as answer:
                    bridge_id = (await answer.json())["bridge_id"]
                yield Worlds(home, bridge, bridge_id)


def _day(chance: random.Random) -> str:
    return (BEGAN + timedelta(days=chance.randrange(1, 364))).date().isoformat()


def _camera(chance: random.Random) -> str:
    return f"/{SYSTEM}/{chance.randrange(1, _MONITORS)}"


NODES: Mapping[str, Callable[[random.Random], str]] = {
    "the bridge": lambda _: "",
    "a system": lambda _: f"/{SYSTEM}",
    "the days of the busiest camera": lambda _: f"/{SYSTEM}/{BUSY}",
    "the days of a camera": _camera,
    "a day of a camera": lambda chance: f"{_camera(chance)}/day={_day(chance)}",
    "an hour of all cameras": lambda chance: f"/{SYSTEM}/hour={_day(chance)}T{chance.randrange(24):02}:00:00Z",
    "the latest of all cameras": lambda _: "/show=latest",
    "the latest of a camera": lambda chance: f"{_camera(chance)}/show=latest",
    "the labels of all cameras": lambda _: "/show=labels",
    "the days with a person": lambda _: f"/{SYSTEM}/label=person",
    "the latest with a horse": lambda _: "/label=horse/show=latest",
    "the days of continuous recording": lambda _: f"/{SYSTEM}/kind=continuous",
}
PEERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "the days of the busiest camera": ("timeline", {"bucket": "day", "monitor": f"{SYSTEM}/{BUSY}"}),
    "the latest of all cameras": ("events", {"limit": "199"}),
    "the latest with a horse": ("events", {"limit": "199", "label": "horse"}),
}
"""What the bridge alone is asked beside a node."""


async def measure(plan: Plan, table: Table, folder: Path, keep: Path | None = None) -> None:
    data, kept = folder / "data", (keep or folder) / INDEX_NAME
    data.mkdir(mode=0o700)
    if not kept.exists():
        await asyncio.to_thread(search.fill, kept.parent, search.Plan(events=plan.events))
    await asyncio.to_thread(shutil.copyfile, kept, data / INDEX_NAME)
    async with worlds(folder) as there:
        for name, place in NODES.items():
            chance = search.chance_of(name)
            results = [await there.ms("browse_media", place(chance)) for _ in range(plan.rounds)]
            path, query = PEERS.get(name, ("", {}))
            alone = [await there.bridge_ms(path, query) for _ in range(plan.rounds)] if path else []
            _report(table, name, results, f"the bridge alone: {median(alone):.0f} ms" if alone else "")
        chance = search.chance_of("search")
        asked = [chance.choice(_QUESTIONS) for _ in range(plan.rounds)]
        _report(table, "a search", [await there.ms("search_media", "", search_query=each) for each in asked], "")


def _report(table: Table, name: str, results: Sequence[tuple[float, int]], beside: str) -> None:
    took = [ms for ms, _ in results]
    p95 = quantile(took, 0.95)
    reached = f"p50 {median(took):.0f} ms, p95 {p95:.0f} ms, children {median([float(count) for _, count in results]):.0f}"
    table.add(Row(name, reached, f"p95 ≤ {_GOAL_MS:.0f} ms", p95 <= _GOAL_MS, beside))


async def _main(folder: Path) -> None:
    parser = arguments("media_browser", __doc__)
    parser.add_argument("--events", type=int, help="how many events there are")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the index there, and use one that is there")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    plan = replace(plan, events=wanted.events or plan.events)
    if wanted.keep:
        wanted.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    await measure(plan, Table("media_browser: nodes in Home Assistant"), folder, wanted.keep)


if __name__ == "__main__":
    sys.exit(run(_main))
