"""From the alarm in ZoneMinder's shared memory to `state_changed` on the WebSocket of a real Home Assistant.

One Home Assistant has half of a fake ZoneMinder's cameras by the component and the other half by MQTT discovery, from two
bridges: one bridge announces nothing by MQTT while a Home Assistant has its cameras by the component. Alarms begin and end at
random moments, by one door and by the other in turn. The fake stamps the moment before it writes; fake, bridges, mosquitto and
Home Assistant are processes of their own, and nobody else looks at Home Assistant.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.lab.native import home_with_component, line_to, native_bridge, start_unfollowed
from benchmarks.lab.programs import INSTANCE, bridge, check_source, mosquitto, zoneminder_system
from benchmarks.lab.remote import Cost
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import MS, Row, Table, arguments, quantile
from benchmarks.lab.wire import Client, publish_packet
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.native import Line
    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.zoneminder import FakeProcess

_P50_MS, _P99_MS = 45.0, 150.0
_FIRED = "bench_floor"
_FLOOR = "bench_floor_1"
_KNOWN_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure: cameras and changes of each door; `pause_s` is the mean time between two changes."""

    cameras: int = 16
    changes: int = 500
    floors: int = 200
    pause_s: float = 0.1
    settle_s: float = 5.0


QUICK = Plan(cameras=2, changes=20, floors=20)


@dataclass(slots=True)
class Door:
    """A way into Home Assistant: the entity that shows an alarm, by camera, and how late each change was shown, in ms."""

    name: str
    entities: dict[int, str]
    delays: list[float] = field(default_factory=list)

    def told(self, share: float) -> float:
        """Return a quantile of what was shown at all."""
        return quantile([each for each in self.delays if each == each], share)  # noqa: PLR0124 - nan is not itself

    @property
    def lost(self) -> int:
        """How many changes were never shown."""
        return sum(each != each for each in self.delays)  # noqa: PLR0124 - the same

    @property
    def figures(self) -> str:
        """What was reached, in words."""
        lacking = f", {self.lost} never shown" if self.lost else ""
        return f"p50 {self.told(0.5):.1f} ms, p99 {self.told(0.99):.1f} ms, n = {len(self.delays) - self.lost}{lacking}"


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    by_mqtt, native = range(1, plan.cameras + 1), range(plan.cameras + 1, 2 * plan.cameras + 1)
    async with (
        mosquitto(folder) as broker,
        fake_zoneminder(folder, 2 * plan.cameras) as fake,
        bridge(folder / "mqtt", broker, _system(fake, by_mqtt)) as mqtt_cost,
        native_bridge(folder / "native", _system(fake, native)) as (other, port),
        home_with_component(folder / "home", other, port, broker.port) as home,
    ):
        await check_source(broker, "shared_memory", plan.cameras)
        bridge_id = await _bridge_id(port)
        await start_unfollowed(home)
        async with line_to(home, _FIRED) as line:
            doors = (
                await _door(line, "the component", "vms_bridge", {each: f"{bridge_id}/zm/{each}/motion" for each in native}),
                await _door(line, "MQTT discovery", "mqtt", {each: f"{INSTANCE}-zm-{each}-motion" for each in by_mqtt}),
            )
            await asyncio.sleep(plan.settle_s)
            own = "the harness's own floor: an event fired and heard on the same WebSocket"
            _report_floor(table, own, await fired_floor(line, plan.floors))
            own = "a state that the harness publishes by MQTT itself → `state_changed`"
            _report_floor(table, own, await published_floor(line, broker, plan.floors))
            costs = (mqtt_cost, Cost(other.program.pid), Cost(home.program.pid))
            for cost in costs:
                cost.restart()
            await alarms(plan, fake, line, doors)
            busy = _busy(costs)
    _report(table, plan, doors, busy)


async def alarms(plan: Plan, fake: FakeProcess, line: Line, doors: Sequence[Door]) -> None:
    """Let alarms begin and end, by one door and the other in random turns, and note how late each change was shown."""
    dice = random.Random(plan.changes)  # noqa: S311 - no secret
    for _ in range((plan.changes + 1) // 2):
        for door in dice.sample(doors, len(doors)):
            camera = dice.choice(list(door.entities))
            for change, wanted in ((fake.alarm, b"on"), (fake.calm, b"off")):
                await asyncio.sleep(dice.uniform(0, 2 * plan.pause_s))
                line.arrivals.forget()
                at = await change(camera)
                shown = await line.arrivals.first(door.entities[camera], partial(_is, wanted), since=at)
                door.delays.append((shown.at - at) / MS if shown else float("nan"))


async def fired_floor(line: Line, count: int) -> Sequence[float]:
    """Return how long it takes to hear of an event that was fired on the same line, in ms: Home Assistant's and ours alone."""
    delays = []
    for number in range(count):
        line.arrivals.forget()
        at = time.monotonic_ns()
        await line.command("fire_event", event_type=_FIRED, event_data={"number": number})
        heard = await line.arrivals.first(_FIRED, bool, since=at)
        delays.append((heard.at - at) / MS if heard else float("nan"))
        await asyncio.sleep(0.02)
    return delays


async def published_floor(line: Line, broker: Mosquitto, count: int) -> Sequence[float]:
    """Return how long it takes until a state that we publish is shown, in ms: without any bridge."""
    topic, client = "bench/floor", await Client.connect(broker.port)
    device = {"identifiers": [_FLOOR], "name": "Floor"}
    sensor = {"unique_id": _FLOOR, "state_topic": topic, "payload_on": "on", "payload_off": "off", "device": device, "name": "it"}
    client.send(publish_packet(topic, b"off", retain=True))
    client.send(publish_packet(f"homeassistant/binary_sensor/{_FLOOR}/config", json.dumps(sensor).encode(), retain=True))
    (entity,) = (await _door(line, "", "mqtt", {0: _FLOOR})).entities.values()
    delays = []
    for number in range(count):
        wanted = b"off" if number % 2 else b"on"
        line.arrivals.forget()
        at = time.monotonic_ns()
        client.send(publish_packet(topic, wanted, retain=True))
        shown = await line.arrivals.first(entity, partial(_is, wanted), since=at)
        delays.append((shown.at - at) / MS if shown else float("nan"))
        await asyncio.sleep(0.02)
    client.close()
    return delays


async def _door(line: Line, name: str, platform: str, unique_ids: dict[int, str]) -> Door:
    """Return the door, once all of its entities show that there is no alarm. Raises CannotMeasureError."""
    missing = "nothing was asked yet"
    until = asyncio.get_running_loop().time() + _KNOWN_WITHIN_S
    while asyncio.get_running_loop().time() < until:
        known, states = await line.entities(), await line.states()
        entities = {number: known.get((platform, unique_id), "") for number, unique_id in unique_ids.items()}
        others = {number: states.get(entity) for number, entity in entities.items() if states.get(entity) != "off"}
        if not others:
            return Door(name, entities)
        missing = f"{platform}: of {len(unique_ids)} cameras these do not show that there is no alarm: {others}"
        await asyncio.sleep(0.5)
    raise CannotMeasureError(missing)


async def _bridge_id(port: int) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/api/v1/info") as answer:
        return str((await answer.json())["bridge_id"])


def _system(fake: FakeProcess, cameras: range) -> str:
    more = f"    monitors: {{include: {[str(each) for each in cameras]}}}\n"
    return zoneminder_system(fake.url, fake.shared_memory, username=None, more=more)


def _is(wanted: bytes, state: bytes) -> bool:
    return state == wanted


def _busy(costs: Sequence[Cost]) -> str:
    names = ("bridge for MQTT", "bridge for the component", "Home Assistant")
    busy = (
        f"{name} {100 * cost.cores:.0f} % (kept waiting {100 * cost.kept_waiting:.0f} %)"
        for name, cost in zip(names, costs, strict=True)
    )
    return f"of a core: {', '.join(busy)}"


def _report_floor(table: Table, what: str, delays: Sequence[float]) -> None:
    table.add(Row(what, Door(what, {}, list(delays)).figures))


def _report(table: Table, plan: Plan, doors: Sequence[Door], busy: str) -> None:
    native, by_mqtt = doors
    for door in doors:
        what = f"alarm by shared memory → `state_changed`, {plan.cameras} cameras by {door.name}"
        if door is by_mqtt:
            table.add(Row(what, door.figures, beside=busy))
            continue
        is_good = door.told(0.5) <= _P50_MS and door.told(0.99) <= _P99_MS and not door.lost
        goal = f"p50 ≤ {_P50_MS:g} ms, p99 ≤ {_P99_MS:g} ms"
        beside = f"by MQTT discovery, in turn: p50 {by_mqtt.told(0.5):.1f} ms, p99 {by_mqtt.told(0.99):.1f} ms"
        table.add(Row(what, native.figures, goal, is_good, beside))


async def _main(folder: Path) -> None:
    parser = arguments("component_latency", __doc__)
    parser.add_argument("--cameras", type=int, help="how many cameras each door has")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    if wanted.cameras:
        plan = replace(plan, cameras=wanted.cameras)
    await measure(plan, Table("component_latency: alarm in the VMS → Home Assistant"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
