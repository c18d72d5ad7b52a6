"""How long a large answer of one system keeps the others waiting, and what it costs in memory.

The bridge's own decoder takes answers of 2,000 honest monitors and of hostile kinds, while the event loop is asked every
millisecond whether it is free. Beside it: `json.loads` of the same bytes, which holds the interpreter's lock all the while, in
whichever thread.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments
from vms_bridge.clock import SystemClock
from vms_bridge.zoneminder import JSON_LIMIT_BYTES
from vms_bridge.zoneminder.answers import UnfitJson
from vms_bridge.zoneminder.large_answers import Decoder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GOAL_MS = 50.0
_TICK_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often each answer is decoded."""

    rounds: int = 10


QUICK = Plan(rounds=2)


def answers() -> Mapping[str, bytes]:
    """Return answers of up to the size that is let in."""
    columns = {f"Column{number}": "some text of a monitor" for number in range(90)}
    honest = {"monitors": [{"Monitor": {"Id": number, **columns}} for number in range(2000)]}
    most = JSON_LIMIT_BYTES - 100
    return {
        "2,000 monitors": json.dumps(honest).encode(),
        "16 MB of small lists": b'{"monitors":[' + b",".join([b"[1,2,3]"] * (most // 8)) + b"]}",
        "16 MB in one row": b'{"monitors":[[' + b"1," * (most // 2) + b"1]]}",
        "16 MB of brackets": b'{"monitors":' + b"[" * (most // 2) + b"]" * (most // 2) + b"}",
    }


async def measure(plan: Plan, table: Table, bodies: Mapping[str, bytes]) -> None:
    decoder = Decoder(SystemClock())
    for name, body in bodies.items():
        lags: list[float] = []
        began = time.perf_counter()
        for _ in range(plan.rounds):
            with suppress(UnfitJson):
                lags.append(await _lag_beside(decoder, body))
        took = (time.perf_counter() - began) / plan.rounds
        peer = _held_by_loads(body)
        most = max(lags, default=float("nan"))
        reached = f"others wait {most:.1f} ms at most; {took * 1000:.0f} ms in all"
        beside = f"json.loads: {peer:.0f} ms" if peer else "json.loads: fails at once"
        table.add(Row(f"{name}, {len(body) / 1e6:.1f} MB", reached, f"≤ {_GOAL_MS:.0f} ms", most <= _GOAL_MS, beside))
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    table.add(Row("memory of the process that decodes", f"{child:.0f} MB at most", "≤ 512 MB", child <= 512, ""))


async def _lag_beside(decoder: Decoder, body: bytes) -> float:
    """Return how long the loop was held at most, in ms, while the answer was decoded; what it says of it does not matter."""
    done = asyncio.Event()

    async def decode() -> None:
        try:
            with suppress(UnfitJson):
                await decoder.decode(body)
        finally:
            done.set()

    decoding = asyncio.create_task(decode())
    worst = 0.0
    while not done.is_set():
        before = time.perf_counter()
        await asyncio.sleep(_TICK_S)
        worst = max(worst, time.perf_counter() - before - _TICK_S)
    await decoding
    return worst * 1000


def _held_by_loads(body: bytes) -> float:
    before = time.perf_counter()
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return 0.0
    return (time.perf_counter() - before) * 1000


async def _main(_: Path) -> None:
    wanted = arguments("large_answers", __doc__).parse_args()
    table = Table("large_answers: how long one system's answer keeps the others waiting")
    await measure(QUICK if wanted.quick else Plan(), table, answers())


if __name__ == "__main__":
    sys.exit(run(_main))
