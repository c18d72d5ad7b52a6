"""One chaos run: starts the parts, makes events and faults, checks after each round and at the end, and says what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.checker import Delivery, MonitorFacts, Row, Truth, check_delivery, compared_states
from tests.chaos.faults import Disk, Faults, strange_and_true
from tests.chaos.lab import CAMERAS, PAPER, PARTNER, Lab, SqlFailed, orphans
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Round, dump
from tests.chaos.tap import Tap
from tests.chaos.traffic import Traffic
from tests.e2e.bridge import Bridge
from tests.e2e.broker import Broker, Observer
from tests.e2e.home_assistant import HomeAssistant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

TRUE_WITHIN_S = 10.0
EVENTS_PER_10_MIN, FAULTS_PER_10_MIN = 200, 30
INSTANCE, SYSTEM = "chaos", "zm"
ROOT = f"vms_bridge/{INSTANCE}"
_DRAIN_S = 30.0
_SLOW_SOURCES_S = 8.0
_REACHABLE_S = 60.0
_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_CONFIG = """\
instance: chaos
log: {{level: debug}}
data_dir: {data}
mqtt: {{url: "mqtt://127.0.0.1:{broker}"}}
systems:
  zm:
    type: zoneminder
    url: https://127.0.0.1:{web}/zm
    ca_file: {authority}
    username: {lab.username}
    password: !env CHAOS_ZM_PASSWORD
    shared_memory: {memory}
    monitors_interval: 2
"""


@dataclass(slots=True)
class Result:
    """What a run saw."""

    seconds: float = 0
    faults: int = 0
    ineffective: list[str] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)
    untrue: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    longest_heal: float = 0
    longest_after: str = "nothing"

    @property
    def wrong(self) -> list[str]:
        """Why the run fails; empty if it passes."""
        share = self.seconds / 600
        wrong = [*self.crashes, *self.untrue, *self.delivery.faults]
        if self.delivery.recorded < EVENTS_PER_10_MIN * share:
            wrong.append(f"only {self.delivery.recorded} events in {self.seconds:.0f} s: the run says too little")
        if self.faults < FAULTS_PER_10_MIN * share:
            wrong.append(f"only {self.faults} effective faults in {self.seconds:.0f} s: the run says too little")
        return wrong

    def __str__(self) -> str:
        delivery = self.delivery
        return "\n".join(
            f"{name:<28}{value}"
            for name, value in (
                ("seconds", f"{self.seconds:.0f}"),
                ("faults, effective", self.faults),
                ("faults without effect", len(self.ineffective)),
                ("events recorded", delivery.recorded),
                ("events announced", f"{delivery.announced} (late: {delivery.late})"),
                ("lost", len(delivery.lost)),
                ("out of order", len(delivery.disordered)),
                ("duplicates", f"{delivery.duplicates} (not identical: {len(delivery.differing)})"),
                ("untrue messages", len(delivery.untrue)),
                ("untrue states", len(self.untrue)),
                ("crashes", len(self.crashes)),
                ("longest heal", f"{self.longest_heal:.1f} s, after {self.longest_after}"),
            )
        )


class KeepingBroker(Broker):
    """A mosquitto that comes back with what it retained a while ago, which is wrong by then."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self._config.open("a") as config:
            config.write(f"user root\npersistence true\npersistence_location {folder}/\nautosave_interval 15\n")
        self._config.write_text(self._config.read_text().replace("persistence false\n", ""))


class Recorder(Observer):
    """Knows what a subscriber knows; forgets it with the connection, as the broker may have forgotten it too."""

    def _set_connected(self, connected: bool) -> None:  # noqa: FBT001 - as the observer has it
        if not connected:
            self.forget()
        super()._set_connected(connected)

    async def until_born(self, within: float) -> None:
        """Wait for Home Assistant's birth message on this connection."""
        born = "homeassistant/status"
        await self._changes.until(lambda: self.latest.get(born), lambda: born, within)

    @property
    def retained(self) -> dict[str, bytes]:
        """The newest payload of each topic."""
        return {topic: message.payload for topic, message in self.latest.items()}


class Run:
    """A run in a folder of its own."""

    def __init__(
        self, folder: Path, seed: int, say: Callable[[str], None], *, shared_memory: bool = True, home_assistant: bool = False
    ) -> None:
        self._folder, self._seed, self._say = folder, seed, say
        self._shared_memory = shared_memory
        self._wants_home = home_assistant
        self._home: HomeAssistant | None = None
        self._tap = Tap()
        self._result = Result()
        self._first = 0
        self._last_healed = ""
        self._journal = (folder / "journal").open("a")

    async def run(self, schedule: Iterable[Round], seconds: float) -> Result:
        """Start everything, run the schedule for that long (or to its end), and judge."""
        strange, true, authority = strange_and_true(self._folder)
        broker = Broker(self._folder) if self._seed % 2 else KeepingBroker(self._folder)
        async with contextlib.AsyncExitStack() as stack:
            await broker.start()
            stack.push_async_callback(broker.program.stop)
            lab = await stack.enter_async_context(Lab())
            disk = stack.enter_context(Disk(self._folder / "data"))
            to_web = await stack.enter_async_context(Proxy(int(lab.url.split(":")[2].split("/")[0]), tls=true))
            to_broker = await stack.enter_async_context(Proxy(broker.port, tap=self._tap))
            secrets = {"CHAOS_ZM_PASSWORD": lab.password}
            clock = self._clock()
            if clock is not None:
                secrets |= {
                    "LD_PRELOAD": str(_FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock),
                    "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                }  # fmt: skip
            memory = lab.shared_memory if self._shared_memory else "false"
            config = _CONFIG.format(
                data=disk.folder, broker=to_broker.port, web=to_web.port, authority=authority, lab=lab, memory=memory
            )
            bridge = Bridge(self._folder, config, secrets)
            recorder = Recorder(broker.port)
            await recorder.start()
            stack.callback(recorder.stop)
            await bridge.start()
            stack.push_async_callback(bridge.program.stop)
            await recorder.state(f"{ROOT}/{SYSTEM}/1/state", lambda state: state["available"], within=30)
            if self._wants_home:
                self._home = await stack.enter_async_context(HomeAssistant(fresh(self._folder / "home"), broker.port))
                await self._home.all_known([f"{INSTANCE}-{SYSTEM}-{camera}-motion" for camera in CAMERAS], within=60)
            self._lab, self._broker, self._bridge, self._recorder = lab, broker, bridge, recorder
            self._functions = await lab.functions()
            self._first = max((row.id for row in await lab.rows()), default=0)
            faults = Faults(
                lab=lab, broker=broker, bridge=bridge, to_web=to_web, to_broker=to_broker, disk=disk, clock=clock, strange=strange
            )
            await self._go(schedule, seconds, faults)
        return self._result

    def _clock(self) -> Path | None:
        """Return the file that sets the bridge's clock; None where faketime is not installed."""
        if _FAKETIME is None:
            self._note("faketime is missing, the bridge's clock can't be changed: apt-get install faketime")
            return None
        clock = self._folder / "clock"
        clock.write_text("+0\n")
        return clock

    async def _go(self, schedule: Iterable[Round], seconds: float, faults: Faults) -> None:
        traffic = self._traffic = Traffic(self._lab, self._seed)
        task = asyncio.create_task(traffic.run())
        began = time.monotonic()
        done: list[Round] = []
        try:
            await asyncio.sleep(3)
            for each in schedule:
                if time.monotonic() - began > seconds:
                    break
                done.append(each)
                self._write("schedule.jsonl", dump(done))
                await self._round(each, faults)
                if task.done():
                    task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])
        self._result.seconds = time.monotonic() - began
        await traffic.settle()
        await self._last_check(traffic)
        self._keep_records()

    async def _round(self, each: Round, faults: Faults) -> None:
        names = ", ".join(map(str, each.faults))
        self._note(f"round {each.number}: {names}")

        async def make(index: int) -> None:
            fault = each.faults[index]
            await asyncio.sleep(fault.at)
            if await faults.make(fault):
                self._result.faults += 1
            else:
                self._result.ineffective.append(f"round {each.number}: {fault}")
                self._note(f"  without effect: {fault}")

        async with asyncio.TaskGroup() as group:
            for index in range(len(each.faults)):
                group.create_task(make(index))
        if not self._bridge.program.is_running:
            self._result.crashes.append(
                f"round {each.number} ({names}): the bridge ended by itself:\n{self._bridge.program.tail(15)}"
            )
            await self._bridge.start()
        async with asyncio.timeout(_REACHABLE_S):
            await self._lab.reachable()
            await self._recorder.connected()
            await self._home_is_back()
        heal = await self._heal(f"round {each.number} ({names})")
        self._note(f"  true after {heal:.1f} s, the last of all: {self._last_healed or 'everything was'}")
        if heal > self._result.longest_heal:
            self._result.longest_heal, self._result.longest_after = heal, f"round {each.number}: {names}"

    async def _heal(self, after: str) -> float:
        """Wait until every state is true; what is not after 10 s is untrue. Returns how long it took."""
        began = time.monotonic()
        truth = Truth() if self._shared_memory else Truth(fast_s=_SLOW_SOURCES_S)
        wrong = await self._untrue(truth)
        told = False
        while wrong:
            passed = time.monotonic() - began
            if passed > TRUE_WITHIN_S and not told:
                told = True
                self._result.untrue += [f"{after}: {name} {text}" for name, text in wrong.items()]
                self._note("\n".join(f"  UNTRUE {name} {text}" for name, text in wrong.items()))
            if passed > 3 * TRUE_WITHIN_S:
                break
            self._last_healed = ", ".join(sorted(wrong))
            await asyncio.sleep(0.3)
            wrong = await self._untrue(truth)
        return time.monotonic() - began

    async def _untrue(self, truth: Truth) -> dict[str, str]:
        try:
            facts = await self._facts()
        except SqlFailed as error:
            return {"the database": str(error)}
        compared = compared_states(facts, self._recorder.retained, root=ROOT, system=SYSTEM)
        return truth.untrue(compared | self._shown_at_home(facts), time.monotonic())

    def _shown_at_home(self, facts: Mapping[int, MonitorFacts]) -> dict[str, tuple[object, object]]:
        """Return what Home Assistant shows of the cameras, and what is so."""
        if self._home is None:
            return {}
        states = self._home.by_unique_id()
        shown: dict[str, tuple[object, object]] = {}
        for camera in CAMERAS:
            own, monitor = f"{INSTANCE}-{SYSTEM}-{camera}", facts[camera]
            so = {"function": monitor.function}
            if monitor.alarm is not None:
                so["motion"] = "on" if monitor.alarm in {"alarm", "alert"} else "off"
            if monitor.delivers is not None:
                so["connectivity"] = "on" if monitor.delivers else "off"
            shown |= {f"home {camera} {name}": (states.get(f"{own}-{name}"), value) for name, value in so.items()}
        return shown

    async def _home_is_back(self) -> None:
        """Wait until Home Assistant has found the broker again: it tries every ten seconds, and says so by its birth message."""
        if self._home is None:
            return
        with contextlib.suppress(AssertionError):  # it may have been quicker than the recorder
            await self._recorder.until_born(within=15)

    async def _facts(self) -> dict[int, MonitorFacts]:
        rows = await self._lab.rows()
        memories = {camera: self._lab.memory(camera) for camera in CAMERAS}
        lost = orphans(rows, memories)
        newest: dict[int, Row] = {row.monitor: row for row in sorted(rows, key=lambda row: (row.start, row.id))}
        still_open = {row.monitor: row for row in rows if row.end is None and row.id not in lost}
        facts = {}
        now = time.time()
        for number in (*CAMERAS, *PAPER, PARTNER):
            memory = memories.get(number)
            age = now - memory.last_write if memory else 0
            delivers = None if memory is None or 3 < age < 8 else memory.has_signal and age <= 3
            last = newest.get(number)
            facts[number] = MonitorFacts(
                alarm=memory.alarm if memory else None,
                delivers=delivers,
                function=self._functions[number],
                newest=last if last and last.id > self._first and not self._is_told_deleted(number) else None,
                open=still_open.get(number),
            )
        return facts

    def _is_told_deleted(self, monitor: int) -> bool:
        """Say whether the newest event is told to be deleted, and is: it stays the newest that there was."""
        told = json.loads(self._recorder.retained.get(f"{ROOT}/{SYSTEM}/{monitor}/last_event") or b"{}")
        return told.get("type") == "deleted" and told["id"] in {f"{SYSTEM}-{number}" for number in self._traffic.deleted}

    async def _last_check(self, traffic: Traffic) -> None:
        """Wait for the last messages, then hold all that was told against all that is there."""
        end = time.monotonic() + _DRAIN_S
        while True:
            rows = await self._lab.rows()
            memories = {camera: self._lab.memory(camera) for camera in CAMERAS}
            delivery = check_delivery(
                rows,
                self._tap.accepted,
                root=ROOT,
                system=SYSTEM,
                gone=self._gone(rows, traffic),
                orphans=orphans(rows, memories),
            )
            if not (delivery.lost or delivery.untrue) or time.monotonic() > end:
                break
            await asyncio.sleep(1)
        self._result.delivery = delivery
        wrong: dict[str, str] = {}
        for _ in range(40):
            wrong = await self._untrue(Truth(lag_s=0, fast_s=0))
            if not wrong:
                break
            await asyncio.sleep(0.25)
        self._result.untrue += [f"in the end, at rest: {name} {text}" for name, text in wrong.items()]

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def _keep_records(self) -> None:
        """Leave what was seen, for whoever looks into a failure."""
        zero = time.time() - time.monotonic()
        with (self._folder / "recorded.jsonl").open("w") as file:
            for message in self._recorder.messages:
                if not message.topic.endswith(("/snapshot", "/config")):
                    file.write(json.dumps([round(zero + message.at, 2), message.topic, message.text]) + "\n")
        with (self._folder / "accepted.jsonl").open("w") as file:
            for accepted in self._tap.accepted:
                if accepted.topic.startswith(ROOT):
                    file.write(json.dumps([round(zero + accepted.at, 2), accepted.topic, accepted.payload.decode()]) + "\n")

    @staticmethod
    def _gone(rows: Sequence[Row], traffic: Traffic) -> set[int]:
        return traffic.deleted - {row.id for row in rows}

    def _note(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        self._journal.write(f"{stamp} {text}\n")
        self._journal.flush()
        self._say(f"{stamp} {text}")


def fresh(folder: Path) -> Path:
    """Return that folder, empty, whatever a run that was killed has left there."""
    if (folder / "data").is_mount():
        subprocess.run(["umount", "-l", folder / "data"], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
