"""From the alarm in the VMS to the MQTT message while detection has more to do than it can, beside the same without it.

Rounds take turns, so that what else the machine does meets all of them. 30 pictures a second are wanted of each camera, with
the motion gate off: by the demo's model, which is so fast that the bridge has most to do, and by one of the shape of YOLOv8n at
640 pixels, with random weights, which takes what the processor has.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import openvino as ov
import psutil

from benchmarks.alarm_latency import changes_of
from benchmarks.lab.programs import AT_ONCE, bridge, check_source, mosquitto, zoneminder_system
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, quantile
from benchmarks.lab.yolo_shape import OpenVino
from benchmarks.lab.zoneminder import fake_zoneminder
from vms_bridge.demo.detecting import MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.lab.programs import Mosquitto

_MONITORS = 32
_SIZE = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    rounds: int = 5
    changes: int = 300
    settle_s: float = 5.0
    pause_s: float = 0.05


QUICK = Plan(rounds=1, changes=40)


def section(model: str, folder: Path) -> str:
    """Return the section of the configuration that has detection never come to rest; `model` is as the configuration has it."""
    return (
        "detection:\n"
        f"  runtime: {{cache_dir: {folder / 'compiled'}}}\n"
        f"  models: {{model: {model}}}\n"
        '  cameras: {"*": {fps: 30, events: true, motion: {gate: false}}}\n'
    )


async def one_round(plan: Plan, broker: Mosquitto, folder: Path, more: str) -> tuple[Sequence[float], float]:
    """Return how late each change came, in ms, and how many cores the process that looks has kept busy."""
    async with fake_zoneminder(folder, _MONITORS) as fake:
        system = zoneminder_system(fake.url, fake.shared_memory)
        async with bridge(folder, broker, system, more=more) as cost:
            await asyncio.sleep(plan.settle_s)
            await check_source(broker, "shared_memory", _MONITORS)
            before, began = _spent_by_children(cost.pid), asyncio.get_running_loop().time()
            delays = await changes_of(broker, fake, _MONITORS, plan.changes, pause_s=plan.pause_s)
            lasted = asyncio.get_running_loop().time() - began
            return delays, (_spent_by_children(cost.pid) - before) / lasted


def _spent_by_children(pid: int) -> float:
    """Return the processor time of the bridge's children so far, in seconds."""
    spent = 0.0
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            times = child.cpu_times()
            spent += times.user + times.system
    return spent


async def measure(plan: Plan, table: Table, folder: Path, models: Mapping[str, str]) -> None:
    """Measure, for each of these models by its name for people."""
    without: list[float] = []
    beside: dict[str, list[float]] = {name: [] for name in models}
    cores: dict[str, list[float]] = {name: [] for name in models}
    async with mosquitto(folder, extra=AT_ONCE) as broker:
        for number in range(plan.rounds):
            without += (await one_round(plan, broker, _made(folder / f"without-{number}"), ""))[0]
            for which, (name, model) in enumerate(models.items()):
                loaded = _made(folder / f"beside-{number}-{which}")
                delays, busy = await one_round(plan, broker, loaded, section(model, loaded))
                beside[name] += delays
                cores[name].append(busy)
    table.add(_row("no detection", without))
    for name in models:
        table.add(_row(name, beside[name], without, cores[name]))


def _made(place: Path) -> Path:
    place.mkdir()
    return place


def _row(name: str, delays: Sequence[float], without: Sequence[float] = (), cores: Sequence[float] = ()) -> Row:
    what = f"alarm to MQTT, {_MONITORS} monitors, {name}"
    reached_p50, reached_p99 = quantile(delays, 0.5), quantile(delays, 0.99)
    lost = sum(delay != delay for delay in delays)  # noqa: PLR0124 - nan is not itself
    reached = f"p50 {reached_p50:.1f} ms, p99 {reached_p99:.1f} ms, n = {len(delays)}" + (f", {lost} never told" if lost else "")
    if not without:
        return Row(what, reached)
    p50, p99 = quantile(without, 0.5), quantile(without, 0.99)
    most_p50, most_p99 = max(1.1 * p50, p50 + 5), max(1.5 * p99, p99 + 30)
    return Row(
        what,
        reached,
        f"p50 ≤ {most_p50:.1f} ms, p99 ≤ {most_p99:.1f} ms",
        reached_p50 <= most_p50 and reached_p99 <= most_p99 and not lost,
        f"{sum(cores) / len(cores):.2f} cores kept busy by the process that looks",
    )


def _usual(folder: Path) -> Mapping[str, str]:
    """Return the models that are measured where none is named, having made what is not there."""
    made = folder / "random.xml"
    ov.save_model(OpenVino().model(_SIZE), made)
    return {
        "detection saturated, the demo's model": f"{{file: {MODEL}}}",
        "detection saturated, a model of 8.7 GFLOPs": f"{{file: {made}, layout: yolo, labels: [coco80], floor: 0.99}}",
    }


async def _main(folder: Path) -> None:
    parser = arguments("alarms_beside_detection", __doc__)
    parser.add_argument(
        "--model", type=Path, help="a model that looks in the place of the two; the larger, the longer each picture takes"
    )
    wanted = parser.parse_args()
    table = Table("alarms beside detection: change of state in the VMS → MQTT message")
    models = _usual(folder) if wanted.model is None else {"detection saturated": f"{{file: {wanted.model.absolute()}}}"}
    await measure(QUICK if wanted.quick else Plan(), table, folder, models)


if __name__ == "__main__":
    sys.exit(run(_main))
