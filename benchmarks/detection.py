"""From a JPEG to boxes, through the process that looks at pictures, beside the limit of the processor and beside others.

The model has YOLOv8n's shape (8.7 GFLOPs at 640 x 640) and random weights; each who is compared gets the same, and for each
picture the score that 50 of its cells reach. All take turns in rounds within one run: the figures that count are ratios. The
limit is a loop over OpenVINO's `AsyncInferQueue` without any picture. cv2.dnn is pyzm 2's way, one OpenVINO request at a time
with cv2 Frigate's. These are in an environment of their own, .cache/bench-detection, made at the first run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.lab import scenes
from benchmarks.lab.detection_environment import PeersProcess, python
from benchmarks.lab.detection_parts import measure_parts
from benchmarks.lab.overload import measure_overload
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, median
from vms_bridge.clock import SystemClock
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine import Engine
from vms_bridge.detect.values import ModelFacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

AT_ONCE = 6
"""How many pictures are with the engine at a time."""
CELLS = 50
_THREADS = os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    rounds: int = 5
    frames: int = 24
    """Of each kind in a round; of peers half as many."""
    steady: int = 20_000
    overload_s: float = 12.0
    cameras: int = 30


QUICK = Plan(rounds=2, frames=8, steady=400, overload_s=2.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is inferred: the model's size, how exactly, of which pictures; and which share of the limit is wanted."""

    size: int
    precision: str
    """`f32`, `auto` (the processor's best), or `int8`."""
    picture: str
    goal: float | None = None

    def __str__(self) -> str:
        precision = "default precision" if self.precision == "auto" else self.precision
        return f"{self.picture} to {self.size}, {precision}"


KINDS = (
    Kind(640, "f32", "720p", 0.90),
    Kind(640, "f32", "360p", 0.90),
    Kind(640, "f32", "1080p", 0.83),
    Kind(640, "auto", "720p", 0.87),
    Kind(640, "int8", "720p", 0.82),
    Kind(320, "f32", "720p", 0.83),
    Kind(320, "auto", "720p"),
)
_EXACT, _DEFAULT = KINDS[0], KINDS[3]
PEERS = ("cv2.dnn", "onnxruntime", "openvino")
_GOALS_MS = 42.7
"""What the limit is, f32, where goals in milliseconds come from: they are multiplied by how much slower this machine is."""


@dataclass(slots=True)
class Took:
    """What a picture took, in each round."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def add(self, wall_s: float, cpu_s: float, frames: int) -> None:
        """Add a round of so many pictures."""
        self.wall_s.append(wall_s / frames)
        self.cpu_s.append(cpu_s / frames)


class Lab:
    """Engines, peers and pictures."""

    def __init__(self, engines: Mapping[str, Engine], peers: PeersProcess, models: Mapping[str, Path]) -> None:
        self._engines, self._peers, self._models = engines, peers, models
        self._pictures: dict[str, list[Path]] = {}
        self._jpegs: dict[str, list[bytes]] = {}
        self._least: dict[tuple[int, str], list[float]] = {}

    async def prepare(self, pictures: Mapping[str, Sequence[Path]]) -> None:
        """Get to know the pictures."""
        for name, paths in pictures.items():
            self._pictures[name] = list(paths)
            self._jpegs[name] = [path.read_bytes() for path in paths]
        for size in (320, 640):
            for name, paths in pictures.items():
                asked = [str(path) for path in paths]
                found = await self._peers.ask(
                    "scores", model=str(self._models[f"{size}"]), size=size, pictures=asked, count=CELLS
                )
                self._least[size, name] = found["scores"]

    def engine(self, kind: Kind) -> tuple[Engine, str]:
        """Return who looks, and by which model."""
        name = f"m{kind.size}i8" if kind.precision == "int8" else f"m{kind.size}"
        return self._engines["f32" if kind.precision == "f32" else "auto"], name

    async def ours(self, kind: Kind, frames: int) -> tuple[float, float, float]:
        """Look at so many pictures; returns the time that took, of the processor too, and what was found in each."""
        engine, model = self.engine(kind)
        jpegs, least = self._jpegs[kind.picture], self._least[kind.size, kind.picture]
        left, found = iter(range(frames)), 0

        async def look() -> None:
            nonlocal found
            for number in left:
                which = number % len(jpegs)
                found += len((await engine.infer(model, jpegs[which], least_score=least[which])).found)

        began, cpu = time.perf_counter(), _cpu_s(engine)
        await asyncio.gather(*(look() for _ in range(AT_ONCE)))
        return time.perf_counter() - began, _cpu_s(engine) - cpu, found / frames

    async def raw(self, kind: Kind, frames: int) -> tuple[float, float]:
        """Infer as much without pictures."""
        name = f"{kind.size}i8" if kind.precision == "int8" else f"{kind.size}"
        precision = "f32" if kind.precision == "f32" else "auto"
        found = await self._peers.ask("raw", model=str(self._models[name]), size=kind.size, precision=precision, frames=frames)
        return found["wall_s"], found["cpu_s"]

    async def peer(self, name: str, kind: Kind, frames: int) -> tuple[float, float, float]:
        """Have a peer look."""
        found = await self._peers.ask(
            "peer",
            name=name,
            model=str(self._models[f"{kind.size}"]),
            size=kind.size,
            pictures=[str(path) for path in self._pictures[kind.picture]],
            least=self._least[kind.size, kind.picture],
            frames=frames,
        )
        return found["wall_s"], found["cpu_s"], found["found"]


def _cpu_s(engine: Engine) -> float:
    """Return what this process and the engine's have used of the processor."""
    pid = engine.health.pid
    assert pid is not None
    times = [psutil.Process(each).cpu_times() for each in (os.getpid(), pid)]
    return sum(each.user + each.system for each in times)


@asynccontextmanager
async def engine(models: Mapping[str, Path], precision: str, folder: Path) -> AsyncIterator[Engine]:
    """Run one."""
    runtime = RuntimeSettings.model_validate(
        {"device": "CPU", "threads": _THREADS, "precision": precision, "folder": folder, "cache_dir": folder / "cache"}
    )
    labels = tuple(f"class {number}" for number in range(80))
    settings = {name: ModelSettings(file=path, labels=labels, layout="yolo") for name, path in models.items()}
    made = Engine(settings, runtime, SystemClock())
    task = asyncio.create_task(made.run())
    try:
        await made.ready()
        assert all(isinstance(each, ModelFacts) for each in made.models.values()), made.models
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    interpreter = await python()
    pictures = await asyncio.to_thread(scenes.write, folder, 12)
    print(
        "; ".join(f"{name}: {sum(p.stat().st_size for p in paths) / len(paths) / 1e3:.0f} KB" for name, paths in pictures.items())
    )
    async with AsyncExitStack() as stack:
        peers = await stack.enter_async_context(PeersProcess(interpreter, folder, _THREADS))
        models = {name: Path(path) for name, path in (await peers.ask("models", sizes=[320, 640])).items()}
        paths = [str(path) for path in pictures["720p"] + pictures["360p"]]
        int8 = await peers.ask("quantised", model=str(models["640"]), pictures=paths, size=640)
        kinds = [kind for kind in KINDS if kind.precision != "int8" or int8]
        if int8:
            models["640i8"] = Path(int8["path"])
        began = time.perf_counter()
        engines = {
            precision: await stack.enter_async_context(
                engine(
                    {f"m{name}": path for name, path in models.items() if precision == "auto" or "i8" not in name},
                    precision,
                    folder,
                )
            )
            for precision in ("f32", "auto")
        }
        print(f"{peers.versions}; both engines ready after {time.perf_counter() - began:.1f} s")
        lab = Lab(engines, peers, models)
        await lab.prepare(pictures)
        slower = await _compare(plan, table, lab, kinds)
        await measure_parts(table, models["640"], folder, pictures["720p"], slower)
        await measure_overload(plan.cameras, plan.overload_s, table, engines["auto"], pictures["720p"])
        await _steady(plan, table, lab, engines["auto"])


async def _compare(plan: Plan, table: Table, lab: Lab, kinds: Sequence[Kind]) -> float:
    """Have all take turns; returns how much slower this machine is than that of the goals in milliseconds."""
    ours, raw = {kind: Took() for kind in kinds}, {kind: Took() for kind in kinds}
    peers = {name: Took() for name in PEERS}
    found: dict[str, float] = {}
    for number in range(-1, plan.rounds):  # the first one warms up
        for kind in kinds if number % 2 else reversed(kinds):
            wall_s, cpu_s, found[str(kind)] = await lab.ours(kind, plan.frames)
            raw_wall_s, raw_cpu_s = await lab.raw(kind, plan.frames)
            if number >= 0:
                ours[kind].add(wall_s, cpu_s, plan.frames)
                raw[kind].add(raw_wall_s, raw_cpu_s, plan.frames)
        for name in PEERS:
            frames = max(2, plan.frames // 2)
            wall_s, cpu_s, found[name] = await lab.peer(name, _EXACT, frames)
            if number >= 0:
                peers[name].add(wall_s, cpu_s, frames)
    for kind in kinds:
        _tell_share(table, kind, ours[kind], raw[kind], found[str(kind)])
    slower = median(raw[_EXACT].cpu_s) * 1e3 / _GOALS_MS
    table.add(Row("* this machine, beside that which these goals are of", f"{slower:.2f} times as slow"))
    _tell_peers(table, ours, peers, slower)
    return slower


def _tell_share(table: Table, kind: Kind, ours: Took, raw: Took, found: float) -> None:
    share = median([limit / own for own, limit in zip(ours.cpu_s, raw.cpu_s, strict=True)])
    own_ms, raw_ms = median(ours.cpu_s) * 1e3, median(raw.cpu_s) * 1e3
    table.add(
        Row(
            f"{kind}: share of the limit (processor)",
            f"{share:.2f}; {own_ms:.1f} ms of the processor a picture, {1 / median(ours.wall_s):.1f} a second, {found:.0f} boxes",
            f"at least {kind.goal:.2f}" if kind.goal else "",
            share >= kind.goal if kind.goal else None,
            f"the limit: {raw_ms:.1f} ms, {1 / median(raw.wall_s):.1f} a second",
        )
    )


def _tell_peers(table: Table, ours: Mapping[Kind, Took], peers: Mapping[str, Took], slower: float) -> None:
    for name, took in peers.items():
        rate, cpu_ms = 1 / median(took.wall_s), median(took.cpu_s) * 1e3
        table.add(
            Row(f"{name}, 720p to 640, f32, one picture at a time", f"{rate:.1f} a second, {cpu_ms:.1f} ms of the processor")
        )
    exact, default = ours[_EXACT], ours[_DEFAULT]
    for took, words, name, goal in (
        (exact, "f32", "cv2.dnn", 2.0),
        (default, "default precision", "cv2.dnn", 3.0),
        (exact, "f32", "openvino", 1.15),
    ):
        times = median([other / own for own, other in zip(took.wall_s, peers[name].wall_s, strict=True)])
        what = f"pictures a second, {words}, by those of {name}, f32"
        table.add(Row(what, f"{times:.2f} x", f"at least {goal:.2f} x", times >= goal))
    cameras, goal = 1 / median(default.wall_s) / 2, 25 / slower
    table.add(
        Row("cameras at 2 pictures a second, 640, default precision", f"{cameras:.0f}", f"at least {goal:.0f} *", cameras >= goal)
    )


async def _steady(plan: Plan, table: Table, lab: Lab, engine: Engine) -> None:
    pid = engine.health.pid
    assert pid is not None
    process, kind = psutil.Process(pid), Kind(320, "auto", "360p")
    await lab.ours(kind, plan.steady // 5)
    before = process.memory_info().rss
    await lab.ours(kind, plan.steady)
    grown = (process.memory_info().rss - before) / 2**20
    what = f"memory of the process, {plan.steady:,} pictures after the first {plan.steady // 5:,}"
    table.add(Row(what, f"{grown:+.1f} MB", "at most + 2 MB", grown <= 2, f"{before / 2**20:.0f} MB with three models"))


async def _main(folder: Path) -> None:
    wanted = arguments("detection", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("detection: from a JPEG to boxes"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
