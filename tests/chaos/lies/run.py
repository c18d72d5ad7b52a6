"""One run: starts the parts, lets things happen and lies be told, and holds all that was said against what was so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
import traceback
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psutil
from tests.chaos.checker import Excuses, check_delivery
from tests.chaos.commander import Commander
from tests.chaos.commands import Allowances, History, check_commands
from tests.chaos.lies.judge import TRUE_AFTER_LOSSES_S, TRUE_WITHIN_S, secrets_in
from tests.chaos.lies.line import TRICKS, Line
from tests.chaos.lies.lookout import Lookout
from tests.chaos.lies.orders import Orders, changes_of, doubtful
from tests.chaos.lies.result import Result
from tests.chaos.lies.schedule import POISON, SYSTEMS, Round, Untruth, dump
from tests.chaos.lies.tales import TALES, Sort, poisoned
from tests.chaos.lies.web import Lie, WebLiar
from tests.chaos.lies.world import PAPER, Scene, event_of, picture_of
from tests.chaos.recorder import Recorder
from tests.chaos.run import cancelled
from tests.chaos.tap import Tap
from tests.e2e.bridge import Bridge, grave_lines
from tests.e2e.broker import Broker
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.personality import V1_36_20, V1_36_33, V1_38_4
from tests.fakes.zoneminder.render import CAMERA_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tests.e2e.broker import Message

INSTANCE = "lies"
ROOT = f"vms_bridge/{INSTANCE}"
DISCOVERY = f"homeassistant/device/vms_bridge_{INSTANCE}"
PASSWORD, MQTT_PASSWORD = "Geheim&=+ä/%s#<lies>", "Brücke#/%41:@lies"
_LASTS_S = 1.0
_SEEN_S = 1.0
"""What has begun at the very end has to be seen as the truth of then, by looks that are 0.3 s apart, before it is over."""
_UPHEAVALS_S = (36.0, 24.0)
"""Until something changes in ZoneMinder itself, and from then on until the minute is over: it is asked once a minute."""
_ROUND_S, _DRAIN_S, _ANSWERS_S = 120.0, 40.0, 60.0
_DELETED_WITHIN_S = 90.0
"""So late a deletion may be told: newest events are looked for once a minute, and what is missed once is looked for again."""
_TIME_TO_READ_S = 10.0
_EXCUSED_WITHIN_S = 0.1
_CONFIG = """\
instance: lies
log: {{level: debug}}
data_dir: {folder}/data
mqtt: {{url: "mqtt://bridge@127.0.0.1:{broker}", password: !env LIES_MQTT_PASSWORD}}
systems:
  old:
    type: zoneminder
    url: {old}
    username: admin
    password: !env LIES_ZM_PASSWORD
    shared_memory: false
    monitors_interval: 2
  new:
    type: zoneminder
    url: {new}
    username: admin
    password: !env LIES_ZM_PASSWORD
    shared_memory: {folder}/shm
    monitors_interval: 2
"""


class Run:
    """A run in a folder of its own."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self._folder, self._seed, self._say = folder, seed, say
        self._random = Random(f"run {seed}")  # noqa: S311 - it has to be repeatable
        self._tap = Tap()
        self._result = Result()
        self._history = History()
        self._scenes: dict[str, Scene] = {}
        self._liars: dict[str, WebLiar] = {}
        self._unread: dict[str, set[int]] = {system: set() for system in SYSTEMS}
        """Ids of events whose rows could not be read for a while."""
        self._ended: list[float] = []
        self._journal = (folder / "journal").open("a")
        self._recorder: Recorder | None = None

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
        folder = self._folder
        (folder / "shm").mkdir()
        worlds = {
            "old": World(V1_36_20, monitors=0, zone="Europe/Berlin"),
            "new": World(V1_38_4, monitors=0, zone="Europe/Berlin", shm_dir=folder / "shm"),
        }
        self._scenes = {name: Scene(name, world, self._seed) for name, world in worlds.items()}
        users = {"admin": User(PASSWORD)}
        fakes = {name: FakeZoneMinder(world, users=users, picture_of=picture_of) for name, world in worlds.items()}
        async with contextlib.AsyncExitStack() as stack:
            broker = Broker(folder)
            await broker.start()
            stack.push_async_callback(broker.program.stop)
            for name, fake in fakes.items():
                await stack.enter_async_context(fake)
                liar = WebLiar(f"http://127.0.0.1:{fake.port}")
                self._liars[name] = await stack.enter_async_context(liar)
            self._line = await stack.enter_async_context(Line(broker.port, self._tap))
            self._recorder = recorder = Recorder(broker.port)
            await recorder.start()
            stack.callback(recorder.stop)
            self._commander = stack.enter_context(Commander(broker.port, ROOT, self._random))
            self._lookout = Lookout(
                ROOT, DISCOVERY, scenes=self._scenes, liars=self._liars, recorder=recorder, history=self._history
            )
            living = asyncio.gather(*(scene.live() for scene in self._scenes.values()))
            stack.push_async_callback(cancelled, living)
            urls = {name: liar.url for name, liar in self._liars.items()}
            secrets = {"LIES_ZM_PASSWORD": PASSWORD, "LIES_MQTT_PASSWORD": MQTT_PASSWORD}
            self._bridge = Bridge(folder, _CONFIG.format(folder=folder, broker=self._line.port, **urls), secrets)
            await self._bridge.start()
            stack.push_async_callback(self._bridge.program.stop)
            for system in SYSTEMS:
                await recorder.state(f"{ROOT}/{system}/1/state", lambda state: state["available"], within=30)
            await self._go(schedule, seconds)
            self._judge_words(fakes, recorder)

    async def _go(self, schedule: Iterable[Round], seconds: float) -> None:
        orders = [Orders(scene, self._commander, self._tap, ROOT, self._random) for scene in self._scenes.values()]
        watching = asyncio.gather(self._lookout.watch(), self._weigh())
        happening = asyncio.gather(*(scene.run() for scene in self._scenes.values()), self._upheavals())
        ordering = asyncio.gather(*(each.run() for each in orders))
        began = time.monotonic()
        done: list[Round] = []
        try:
            await asyncio.sleep(2)
            for each in schedule:
                if time.monotonic() - began > seconds:
                    break
                done.append(each)
                (self._folder / "schedule.jsonl").write_text(dump(done))
                await self._bounded_round(each)
                for task in (watching, happening, ordering):
                    if task.done():
                        task.result()
        finally:
            await cancelled(happening, ordering)
            self._result.seconds = time.monotonic() - began
            self._result.untrue, self._result.devices = self._lookout.faults, self._lookout.devices.faults
        await asyncio.sleep(_SEEN_S)
        for scene in self._scenes.values():
            scene.settle()
        await self._last_check()
        await cancelled(watching)
        self._result.devices = self._lookout.devices.faults
        if self._is_bridge_running("at the end"):
            await self._stop_bridge("at the end", signal.SIGTERM)

    async def _bounded_round(self, each: Round) -> None:
        try:
            async with asyncio.timeout(_ROUND_S):
                await self._one_round(each)
        except TimeoutError:
            raise AssertionError(f"round {each.number} did not come to an end in {_ROUND_S:g} s") from None

    async def _one_round(self, each: Round) -> None:
        name = f"round {each.number}"
        self._note(f"{name}: {', '.join(map(str, each.lies))}")
        self._lookout.next_round(name)
        async with asyncio.TaskGroup() as group:
            for lie in each.lies:
                group.create_task(self._tell(lie, name))
        if not self._is_bridge_running(f"after {name}"):
            await self._bridge.start()
        loses = any(TRICKS[lie.kind].loses for lie in each.lies if lie.where == "line")
        heal = await self._heal(name, TRUE_AFTER_LOSSES_S if loses else TRUE_WITHIN_S)
        self._note(f"  true after {heal:.1f} s")
        if heal > self._result.longest_heal:
            self._result.longest_heal, self._result.longest_after = heal, name

    async def _tell(self, lie: Untruth, where: str) -> None:
        """Tell one lie for as long as it lasts, and note whether anybody heard it."""
        await asyncio.sleep(lie.at)
        if lie.where == "bridge":
            told = await self._restart(lie)
        elif lie.where == "line":
            told = await self._play(lie)
        elif lie.kind == POISON:
            told = await self._poison(lie)
        else:
            told = await self._lie(lie)
        if told:
            name = f"{lie.kind} {lie.part}".strip()
            self._result.told[name] = self._result.told.get(name, 0) + told
        else:
            self._result.ineffective.append(f"{where}: {lie}")
            self._note(f"  nobody heard: {lie}")

    async def _lie(self, lie: Untruth) -> int:
        tale, liar = TALES[lie.kind], self._liars[lie.where]
        told = Lie(lie.kind, lie.part, tale.tell, tale.sort, replaces=tale.replaces)
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lookout.unknown(lie.where, tale.sort))
            if tale.sort is Sort.HIDDEN:
                stack.enter_context(self._lookout.doubt(lie.where, lie.part))
            with liar.telling(told):
                while (left := began + lie.lasts - time.monotonic()) > 0:
                    await asyncio.sleep(min(left, _EXCUSED_WITHIN_S))
                    if tale.sort is Sort.HIDDEN and lie.part == "monitors":
                        self._excuse_missing(lie.where, began)
        return told.told

    def _excuse_missing(self, system: str, since: float) -> None:
        """Let the monitors be taken away that a list has left out since then, before anybody hears that they are."""
        for number in {number for each in self._liars[system].told if each.at >= since for number in each.missing}:
            self._lookout.excuse(system, number)

    async def _poison(self, lie: Untruth) -> int:
        """Have one row spoil every page that holds it; all others are to be told meanwhile."""
        scene, liar = self._scenes[lie.where], self._liars[lie.where]
        monitor = self._random.choice(PAPER)
        row = scene.insert(monitor)
        self._unread[lie.where].add(row.id)
        told = Lie(POISON, "events", poisoned(row.id, is_empty=self._random.random() < 0.5), Sort.BROKEN)
        began = time.monotonic()
        with self._lookout.unknown(lie.where, Sort.BROKEN), self._lookout.doubt(lie.where, "events"), liar.telling(told):
            await asyncio.sleep(lie.lasts)
            self._judge_around_poison(lie.where, row.id, began + lie.lasts - _TIME_TO_READ_S)
        scene.insert(monitor)  # or the last one that is told would not be the last one that there is
        return told.told

    def _judge_around_poison(self, system: str, poison: int, until: float) -> None:
        """Hold what was told against the rows behind the one that can't be read that were there at that moment."""
        told = {json.loads(each.payload)["id"] for each in self._tap.accepted if each.topic == f"{ROOT}/event"}
        scene = self._scenes[system]
        silent = [
            number for number, at in scene.inserted.items() if number > poison and at < until and number in scene.world.events
        ]
        silent = [number for number in silent if f"{system}-{number}" not in told]
        if silent:
            self._lookout.faults.append(f"{system}: {silent} were not told, because {poison} could not be read")

    async def _play(self, lie: Untruth) -> int:
        before = self._line.hits[lie.kind]
        with self._lookout.old(TRUE_AFTER_LOSSES_S if TRICKS[lie.kind].loses else TRUE_WITHIN_S):
            self._line.begin(lie.kind)
            await asyncio.sleep(lie.lasts)
            self._line.end(lie.kind)
        return self._line.hits[lie.kind] - before

    async def _restart(self, lie: Untruth) -> int:
        """Kill the bridge, and start it again, while it is lied to."""
        with self._lookout.old(TRUE_WITHIN_S):
            was_running = self._is_bridge_running(f"before {lie}")
            await self._stop_bridge(str(lie), signal.SIGKILL)
            await asyncio.sleep(lie.lasts / 2)
            await self._bridge.start()
        return int(was_running)

    async def _heal(self, after: str, within_s: float) -> float:
        """Wait until every state is true and remains so; what is not in time is untrue. Returns how long it took."""
        began = true_since = time.monotonic()
        told = False
        while True:
            wrong = self._lookout.untrue()
            now = time.monotonic()
            if wrong:
                true_since = now
                if now - began > within_s and not told:
                    told = True
                    self._lookout.faults += [f"after {after}: {name} {text}" for name, text in wrong.items()]
                    self._note("\n".join(f"  UNTRUE {name} {text}" for name, text in wrong.items()))
            if now - true_since > _LASTS_S or now - began > within_s + 2 * TRUE_WITHIN_S:
                return true_since - began
            await asyncio.sleep(0.3)

    async def _upheavals(self) -> None:
        """Change things in ZoneMinder itself, once a minute, without a loss that would tell of it."""
        old, new = (self._scenes[system].world for system in SYSTEMS)
        while True:
            await asyncio.sleep(_UPHEAVALS_S[0])
            self._note("the old ZoneMinder changes its version, the new one its time zone")
            old.personality = V1_36_33 if old.personality is V1_36_20 else V1_36_20
            with self._lookout.doubt("old", "version"), self._lookout.doubt("new", "zone"):
                new.zone_name = "America/St_Johns" if new.zone_name == "Europe/Berlin" else "Europe/Berlin"
                new.zone = ZoneInfo(new.zone_name)
            await asyncio.sleep(_UPHEAVALS_S[1])

    async def _weigh(self) -> None:
        """Weigh the bridge now and then."""
        while True:
            with contextlib.suppress(psutil.Error, AssertionError):
                bridge = psutil.Process(self._bridge.program.pid)
                own = bridge.memory_info().rss / 1e6
                helpers = sum(child.memory_info().rss for child in bridge.children(recursive=True)) / 1e6
                self._result.memory_mb = max(self._result.memory_mb, own)
                self._result.tree_mb = max(self._result.tree_mb, own + helpers)
            await asyncio.sleep(0.2)

    async def _last_check(self) -> None:
        """Wait for the last messages and answers, then hold all that was told against all that is there."""
        end = time.monotonic() + _DRAIN_S
        while True:
            self._judge_deliveries()
            is_all = not any(delivery.lost or delivery.untrue for delivery in self._result.deliveries.values())
            if is_all or time.monotonic() > end:
                break
            await asyncio.sleep(1)
        end = time.monotonic() + _ANSWERS_S
        while True:
            self._judge_commands()
            if not self._result.answers.unanswered_faults or time.monotonic() > end:
                break
            await asyncio.sleep(1)
        began = time.monotonic()
        while wrong := self._lookout.untrue_at_rest():
            may_be_deleted = all("/last_event " in name for name in wrong)
            if time.monotonic() - began > (_DELETED_WITHIN_S if may_be_deleted else TRUE_WITHIN_S):
                break
            await asyncio.sleep(0.25)
        self._result.untrue += [f"in the end, at rest: {name} {text}" for name, text in wrong.items()]

    def _judge_deliveries(self) -> None:
        for system, scene in self._scenes.items():
            unread = self._unread[system]
            excuses = Excuses(gone=scene.gone | unread, misdated=self._lookout.misdated(system))
            rows = [row for row in scene.rows() if row.id not in unread]
            self._result.deliveries[system] = check_delivery(
                rows, self._tap.accepted, root=ROOT, system=system, since=scene.first - 1, excuses=excuses
            )

    def _judge_commands(self) -> None:
        orders = self._commander.orders
        changes = [change for system, liar in self._liars.items() for change in changes_of(liar, system)]
        misled = {
            each
            for system, liar in self._liars.items()
            for each in doubtful(orders, self._tap, ROOT, liar, system, self._lookout.miscounted(system))
        }
        allowances = Allowances(ended=self._ended, forgotten=self._line.forgotten, doubtful=misled)
        self._result.answers = check_commands(
            orders, self._tap.accepted, self._tap.handed,
            root=ROOT, history=self._history, changes=changes, allowances=allowances,
        )  # fmt: skip

    def _judge_words(self, fakes: Mapping[str, FakeZoneMinder], recorder: Recorder) -> None:
        """Look for what must not stand in the log, nor in any message."""
        log = self._bridge.log
        complaints = self._result.complaints = grave_lines(log)
        secrets = {PASSWORD, MQTT_PASSWORD, CAMERA_SECRET, *(token for fake in fakes.values() for token in fake.tokens)}
        complaints += [f"the log holds a secret: {found}" for found in secrets_in(log, secrets)]
        said = "\n".join(message.text for message in recorder.messages if not message.topic.endswith("/snapshot"))
        complaints += [f"a message holds a secret: {found}" for found in secrets_in(said, secrets)]

    def _is_bridge_running(self, when: str) -> bool:
        """Say whether it is; that it is not is a crash."""
        is_running = self._bridge.program.is_running
        if not is_running:
            self._result.crashes.append(f"{when}: the bridge had ended by itself:\n{self._bridge.program.tail(15)}")
        return is_running

    async def _stop_bridge(self, when: str, with_signal: signal.Signals) -> None:
        """End the bridge; that it does not end, or not well, is a crash too."""
        try:
            await self._bridge.stop(with_signal)
        except AssertionError as error:
            self._result.crashes.append(f"{when}: {error}")
        self._ended.append(time.monotonic())

    def _keep_records(self) -> None:
        """Leave what was seen, for whoever looks into a failure."""
        zero = time.time() - time.monotonic()

        def keep(name: str, lines: Iterable[tuple[float, str, str]]) -> None:
            with (self._folder / name).open("w") as file:
                file.writelines(json.dumps([round(zero + at, 2), what, text]) + "\n" for at, what, text in lines)

        if self._recorder is not None:
            messages = [each for each in self._recorder.messages if not each.topic.endswith("/config")]
            keep("recorded.jsonl", ((each.at, each.topic, _shown(each)) for each in messages))
        texts = [each for each in self._tap.accepted if not each.topic.endswith("/snapshot")]
        keep("accepted.jsonl", ((each.at, each.topic, each.payload.decode()) for each in texts))
        for system, liar in self._liars.items():
            keep(f"lies-{system}.jsonl", ((each.at, f"{each.name} {each.part}", each.path) for each in liar.told))
            keep(f"requests-{system}.jsonl", ((at, "", path) for at, path in liar.requests))

    def _note(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        self._journal.write(f"{stamp} {text}\n")
        self._journal.flush()
        self._say(f"{stamp} {text}")


def _shown(message: Message) -> str:
    """Return a message's payload as text, of a picture which event it is of."""
    is_picture = message.payload and message.topic.endswith("/snapshot")
    return f"event {event_of(message.payload)}" if is_picture else message.text
