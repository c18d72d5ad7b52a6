"""One chaos run: starts the parts, makes events and faults, checks after each round and at the end, and says what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
import signal
import subprocess
import time
import traceback
from random import Random
from typing import TYPE_CHECKING, Any

from tests.chaos.checker import (
    Excuses,
    MonitorFacts,
    Row,
    Truth,
    check_delivery,
    compared_states,
    compared_topics,
    is_told_deleted,
)
from tests.chaos.commander import Commander
from tests.chaos.commands import Allowances, Answers, check_commands
from tests.chaos.faults import DUE_TO_A_FULL_DISK, Disk, Faults, strange_and_true
from tests.chaos.lab import CAMERAS, FAKETIME, PAPER, PARTNER, Lab, SqlFailed, orphans
from tests.chaos.orders import DETECTING, Orders, changes_of
from tests.chaos.proxy import Proxy
from tests.chaos.recorder import Recorder
from tests.chaos.result import Result
from tests.chaos.schedule import Round, dump
from tests.chaos.tap import Tap
from tests.chaos.traffic import Traffic
from tests.e2e.bridge import Bridge, grave_lines
from tests.e2e.broker import Broker
from tests.e2e.home_assistant import HomeAssistant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.e2e.broker import Message

TRUE_WITHIN_S = 10.0
INSTANCE, SYSTEM = "chaos", "zm"
ROOT = f"vms_bridge/{INSTANCE}"
DISCOVERY = f"homeassistant/device/vms_bridge_{INSTANCE}"
_LASTS_S = 1.0
_DRAIN_S = 30.0
_SLOW_SOURCES_S = 8.0
_REACHABLE_S = 60.0
_ROUND_S = 180.0  # more than the longest faults, the wait for all parts, and what may be untrue for longest, together
_SETTLE_S = 120.0
_ANSWERS_S = 60.0
_LONG_S = 300.0
"""From this length on, a run begins with a change of the run state, which takes a minute."""
_ENDLESS = {"Record", "Mocord"}
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


class KeepingBroker(Broker):
    """A mosquitto that comes back with what it retained a while ago, which is wrong by then."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self._config.open("a") as config:
            config.write(f"user root\npersistence true\npersistence_location {folder}/\nautosave_interval 15\n")
        self._config.write_text(self._config.read_text().replace("persistence false\n", ""))


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
        self._calm_until = 0.0
        self._last_healed = ""
        self._recorded: list[Message] = []
        self._journal = (folder / "journal").open("a")

    async def run(self, schedule: Iterable[Round], seconds: float) -> Result:
        """Start everything, run the schedule for that long (or to its end), and judge; whatever happens, there is a result."""
        try:
            await self._run(schedule, seconds)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the verdict then says so, and why
            self._result.broken_off = str(error) or type(error).__name__
            self._note(traceback.format_exc())
        finally:
            self._keep_records()
        return self._result

    async def _run(self, schedule: Iterable[Round], seconds: float) -> None:
        strange, true, authority = strange_and_true(self._folder)
        broker = Broker(self._folder) if self._seed % 2 else KeepingBroker(self._folder)
        async with contextlib.AsyncExitStack() as stack:
            await broker.start()
            stack.push_async_callback(broker.program.stop)
            lab = await stack.enter_async_context(Lab())
            # Full only by a fault: the store of a longer run is larger.
            disk = stack.enter_context(Disk(self._folder / "data", f"{6 + int(seconds / 60)}m"))
            to_web = await stack.enter_async_context(Proxy(int(lab.url.split(":")[2].split("/")[0]), tls=true))
            to_broker = await stack.enter_async_context(Proxy(broker.port, tap=self._tap))
            secrets = {"CHAOS_ZM_PASSWORD": lab.password}
            clock = self._clock()
            if clock is not None:
                secrets |= {
                    "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock),
                    "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                }  # fmt: skip
            memory = lab.shared_memory if self._shared_memory else "false"
            config = _CONFIG.format(
                data=disk.folder, broker=to_broker.port, web=to_web.port, authority=authority, lab=lab, memory=memory
            )
            bridge = Bridge(self._folder, config, secrets)
            self._to_web = to_web
            recorder = Recorder(broker.port)
            self._recorded = recorder.messages
            await recorder.start()
            stack.callback(recorder.stop)
            await bridge.start()
            stack.push_async_callback(bridge.program.stop)
            await recorder.state(f"{ROOT}/{SYSTEM}/1/state", lambda state: state["available"], within=30)
            if self._wants_home:
                self._home = await stack.enter_async_context(HomeAssistant(fresh(self._folder / "home"), broker.port))
                await self._home.all_known([f"{INSTANCE}-{SYSTEM}-{camera}-motion" for camera in CAMERAS], within=60)
            self._lab, self._broker, self._bridge, self._recorder = lab, broker, bridge, recorder
            self._commander = stack.enter_context(Commander(broker.port, ROOT, Random(self._seed)))  # noqa: S311 - repeatable
            self._first = max((row.id for row in await lab.rows()), default=0)
            faults = Faults(
                lab=lab, broker=broker, bridge=bridge, to_web=to_web, to_broker=to_broker, disk=disk, clock=clock, strange=strange
            )
            await self._go(schedule, seconds, faults)

    def _clock(self) -> Path | None:
        """Return the file that sets the bridge's clock; None where faketime is not installed."""
        if FAKETIME is None:
            self._note("faketime is missing, the bridge's clock can't be changed: apt-get install faketime")
            return None
        clock = self._folder / "clock"
        clock.write_text("+0\n")
        return clock

    async def _go(self, schedule: Iterable[Round], seconds: float, faults: Faults) -> None:
        self._result.crashes = faults.crashes
        orders = self._orders = Orders(self._lab, self._commander, SYSTEM, self._seed)
        if seconds >= _LONG_S:
            for name in ("Quiet", "default"):
                self._note(f"the run state is changed: {await orders.switch(name)}")
            await self._lab.reachable()
        self._first = max((row.id for row in await self._lab.rows()), default=0)
        traffic = self._traffic = Traffic(self._lab, self._seed)
        task = asyncio.gather(traffic.run(), orders.run())
        looking = asyncio.create_task(orders.look())
        began = time.monotonic()
        done: list[Round] = []
        try:
            await asyncio.sleep(3)
            self._calm_until = time.monotonic()
            for each in schedule:
                if time.monotonic() - began > seconds:
                    break
                done.append(each)
                self._write("schedule.jsonl", dump(done))
                await self._bounded_round(each, faults)
                if task.done():
                    task.result()
        finally:
            await cancelled(task)
            self._result.seconds = time.monotonic() - began
            self._result.complaints = grave_lines(self._bridge.log, DUE_TO_A_FULL_DISK)
        await self._settle(traffic)
        await self._last_check(traffic, faults)
        await cancelled(looking)
        await self._end(faults)

    async def _settle(self, traffic: Traffic) -> None:
        """Bring the events to their ends, so that all of these are to be told."""
        still_open: list[int] = []
        try:
            async with asyncio.timeout(_SETTLE_S):
                await traffic.settle()
                while still_open := await self._ending_rows():
                    await asyncio.sleep(2)
                    await traffic.settle()  # a command that had to wait may have forced an alarm meanwhile
        except TimeoutError:
            raise AssertionError(f"ZoneMinder does not come to rest in {_SETTLE_S:g} s, still open: {still_open}") from None

    async def _ending_rows(self) -> list[int]:
        """Return the open rows that somebody will close."""
        rows, functions = await self._lab.rows(), await self._lab.functions()
        lost = orphans(rows, {camera: self._lab.memory(camera) for camera in CAMERAS})
        return [row.id for row in rows if not row.end and row.id not in lost and functions[row.monitor] not in _ENDLESS]

    async def _end(self, faults: Faults) -> None:
        """End the bridge, which has to end well, and hear what it has said."""
        if faults.is_bridge_running("at the end"):
            await faults.stop_bridge("at the end", signal.SIGTERM)
        self._result.complaints = grave_lines(self._bridge.log, DUE_TO_A_FULL_DISK)

    async def _bounded_round(self, each: Round, faults: Faults) -> None:
        try:
            async with asyncio.timeout(_ROUND_S):
                await self._round(each, faults)
        except TimeoutError:
            raise AssertionError(f"round {each.number} did not come to an end in {_ROUND_S:g} s") from None

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
        if not faults.is_bridge_running(f"after round {each.number} ({names})"):
            await faults.start_bridge()
        async with asyncio.timeout(_REACHABLE_S):
            await self._lab.reachable()
            await self._recorder.connected()
            await self._home_is_back()
        heal = await self._heal(f"round {each.number} ({names})")
        self._note(f"  true after {heal:.1f} s, the last of all: {self._last_healed or 'everything was'}")
        if heal > self._result.longest_heal:
            self._result.longest_heal, self._result.longest_after = heal, f"round {each.number}: {names}"

    async def _heal(self, after: str) -> float:
        """Wait until every state is true and remains so; what is not after 10 s is untrue. Returns how long it took."""
        began = true_since = time.monotonic()
        truth = Truth() if self._shared_memory else Truth(fast_s=_SLOW_SOURCES_S)
        self._last_healed = ""
        told = False
        while True:
            wrong = await self._untrue(truth)
            now = time.monotonic()
            if wrong:
                true_since = now
                self._last_healed = ", ".join(sorted(wrong))
                if now - began > TRUE_WITHIN_S and not told:
                    told = True
                    self._result.untrue += [f"{after}: {name} {text}" for name, text in wrong.items()]
                    self._note("\n".join(f"  UNTRUE {name} {text}" for name, text in wrong.items()))
            if now - true_since > _LASTS_S or now - began > 3 * TRUE_WITHIN_S:
                return true_since - began
            await asyncio.sleep(0.3)

    async def _untrue(self, truth: Truth) -> dict[str, str]:
        try:
            facts = await self._facts()
        except SqlFailed as error:
            return {"the database": str(error)}
        retained = self._recorder.retained
        compared = compared_states(facts, retained, root=ROOT, system=SYSTEM)
        compared |= compared_topics(facts, retained, root=ROOT, system=SYSTEM, discovery=DISCOVERY)
        return truth.untrue(compared | self._shown_at_home(facts), time.monotonic())

    def _shown_at_home(self, facts: Mapping[int, MonitorFacts]) -> dict[str, tuple[object, object]]:
        """Return what Home Assistant shows of the cameras, and what is so."""
        if self._home is None:
            return {}
        states = self._home.by_unique_id()
        shown: dict[str, tuple[object, object]] = {}
        for camera in CAMERAS:
            own, monitor = f"{INSTANCE}-{SYSTEM}-{camera}", facts[camera]
            so: dict[str, object] = {"function": monitor.modes["function"], "armed": "on" if monitor.modes["armed"] else "off"}
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
        rows, functions = await self._lab.rows(), await self._lab.functions()
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
                modes={"function": functions[number], "armed": functions[number] in DETECTING},
                newest=None if last is None or last.id <= self._first or self._is_told_deleted(last) else last,
                open=still_open.get(number),
            )
        return facts

    def _is_told_deleted(self, newest: Row) -> bool:
        told = self._recorder.retained.get(f"{ROOT}/{SYSTEM}/{newest.monitor}/last_event")
        return is_told_deleted(told, newest, self._traffic.deleted, system=SYSTEM)

    async def _last_check(self, traffic: Traffic, faults: Faults) -> None:
        """Wait for the last messages, then hold all that was told against all that is there."""
        end = time.monotonic() + _DRAIN_S
        while True:
            rows = await self._lab.rows()
            memories = {camera: self._lab.memory(camera) for camera in CAMERAS}
            excuses = Excuses(
                gone=self._gone(rows, traffic),
                orphans=orphans(rows, memories),
                full=faults.full,
                forgotten=faults.forgotten,
                calm_until=self._calm_until,
            )
            delivery = check_delivery(rows, self._tap.accepted, root=ROOT, system=SYSTEM, excuses=excuses)
            if not (delivery.lost or delivery.untrue) or time.monotonic() > end:
                break
            await asyncio.sleep(1)
        self._result.delivery = delivery
        end = time.monotonic() + _ANSWERS_S
        while (answers := await self._judge_commands(faults)).unanswered_faults and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(1)
        self._result.answers = answers
        end = time.monotonic() + TRUE_WITHIN_S
        while (wrong := await self._untrue(Truth(lag_s=0, fast_s=0))) and time.monotonic() < end:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.25)
        self._result.untrue += [f"in the end, at rest: {name} {text}" for name, text in wrong.items()]

    async def _judge_commands(self, faults: Faults) -> Answers:
        allowances = Allowances(
            ended=faults.ended, unwritten=faults.forgotten, forgotten=self._forgotten_until(faults.broker_killed)
        )
        return check_commands(
            self._commander.orders, self._tap.accepted, self._tap.handed, root=ROOT, history=await self._orders.modes(),
            changes=changes_of(self._to_web, SYSTEM), allowances=allowances,
        )  # fmt: skip

    def _forgotten_until(self, killed: Sequence[float]) -> list[float]:
        """Return until when commands were given to a broker that was killed and did not know the bridge again yet."""
        online = [each.at for each in self._tap.accepted if each.topic == f"{ROOT}/status" and each.payload == b"online"]
        return [next((at for at in online if at > moment), math.inf) for moment in killed]

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def _keep_records(self) -> None:
        """Leave what was seen, for whoever looks into a failure."""
        zero = time.time() - time.monotonic()
        with (self._folder / "recorded.jsonl").open("w") as file:
            for message in self._recorded:
                if not message.topic.endswith(("/snapshot", "/config")):
                    file.write(json.dumps([round(zero + message.at, 2), message.topic, message.text]) + "\n")
        with (self._folder / "accepted.jsonl").open("w") as file:
            for accepted in self._tap.accepted:
                if accepted.topic.startswith(ROOT) and not accepted.topic.endswith("/snapshot"):
                    file.write(json.dumps([round(zero + accepted.at, 2), accepted.topic, accepted.payload.decode()]) + "\n")

    @staticmethod
    def _gone(rows: Sequence[Row], traffic: Traffic) -> set[int]:
        return traffic.deleted - {row.id for row in rows}

    def _note(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        self._journal.write(f"{stamp} {text}\n")
        self._journal.flush()
        self._say(f"{stamp} {text}")


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def fresh(folder: Path) -> Path:
    """Return that folder, empty, whatever a run that was killed has left there."""
    if (folder / "data").is_mount():
        subprocess.run(["umount", "-l", folder / "data"], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
