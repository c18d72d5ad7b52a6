"""The event log: every event message once and in order, changes that matter, gaps said, troubles told and gone on after."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.event_log.lab import events, parsed
from tests.fakes.backend import monitor, state
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge import metrics
from vms_bridge.clock import SystemClock
from vms_bridge.errors import OutputError
from vms_bridge.event_log.check import findings
from vms_bridge.event_log.config import EventLogConfig
from vms_bridge.event_log.files import LogFile
from vms_bridge.event_log.kind import KIND
from vms_bridge.event_log.sink import EventLog
from vms_bridge.measures import Distribution
from vms_bridge.messages import decode, encode
from vms_bridge.model import AlarmState
from vms_bridge.sinks import Trial
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from vms_bridge.history import Cursor
    from vms_bridge.measures import Metric


async def until(holds: Callable[[], object], clock: FakeClock | None = None) -> None:
    """Wait for what threads bring about; with a clock, let its time pass meanwhile."""
    async with asyncio.timeout(10):
        while not holds():
            if clock is not None:
                await clock.advance(1)
            await asyncio.sleep(0.003)


class Pipe:
    """An output that is not read until it is, and can't be read again."""

    place, resumes = "a pipe", False

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.taken = threading.Event()
        self.error: OutputError | None = None
        self.is_over = False

    def open(self) -> Cursor | None:
        return None

    def write(self, lines: Sequence[bytes]) -> None:
        while not self.taken.wait(0.05) and not self.is_over:
            pass
        if self.error is not None or self.is_over:
            raise self.error or OutputError("over")
        self.lines += lines

    def stop(self) -> None:
        self.is_over = True

    def close(self) -> None:
        pass

    @property
    def cursors(self) -> list[str]:
        return [json.loads(each)["cursor"] for each in self.lines]


@asynccontextmanager
async def logging(
    hub: FakeHub, output: Path | Pipe, clock: FakeClock | None = None, *, states: bool = False
) -> AsyncIterator[EventLog]:
    where = output if isinstance(output, Pipe) else LogFile(output, most_bytes=10_000_000, most_files=3)
    log = EventLog(where, clock or FakeClock(), states=states)
    task = asyncio.create_task(log.run(hub))
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def told(path: Path) -> list[tuple[int, bytes]]:
    return events(path)


def recorded(hub: FakeHub) -> list[tuple[int, bytes]]:
    return [(message.position, message.payload) for message in hub.messages]


async def test_every_event_message_is_written_once_and_in_order_over_restarts(tmp_path: Path) -> None:
    path, hub = tmp_path / "events.jsonl", FakeHub()
    hub.record(1)
    async with logging(hub, path):
        await until(lambda: told(path) == recorded(hub))
        hub.record(2, late=True)
        hub.record(1, type_=MessageType.END)
        await until(lambda: told(path) == recorded(hub))
    for number in range(3, 700):
        hub.record(number)
    async with logging(hub, path):
        await until(lambda: told(path) == recorded(hub))
    async with logging(hub, path) as log:
        hub.record(700)
        await until(lambda: told(path) == recorded(hub))
        await until(lambda: str(log._after) == "e1:701")
    first = parsed(path)[0]
    assert (first["what"], first["cursor"]) == ("event", "e1:1")
    assert (first["message"]["id"], first["message"]["type"]) == ("zm-1", "new")


async def test_links_are_for_who_may_open_them_and_not_for_a_log(tmp_path: Path) -> None:
    path, hub = tmp_path / "events.jsonl", FakeHub()
    hub.record(1, cause='a "snapshot_url":"x"')
    hub.record(2)
    plain = hub.messages[1]
    linked = replace(decode(plain.payload), snapshot_url="https://h/p?auth=1.x", clip_url="https://h/c?auth=1.y")
    hub.messages[1] = replace(plain, payload=encode(linked))
    async with logging(hub, path):
        await until(lambda: len(told(path)) == 2)
    assert [payload for _, payload in told(path)] == [hub.messages[0].payload, plain.payload]


async def test_a_state_is_written_when_it_matters_and_not_for_measurements(tmp_path: Path) -> None:
    path, hub = tmp_path / "events.jsonl", FakeHub(monitors=2)

    def states() -> list[tuple[Any, ...]]:
        said = [each for each in parsed(path) if each["what"] == "state"]
        return [(each["system"], each["monitor"], each["state"] and each["state"].get("alarm")) for each in said]

    async with logging(hub, path, states=True):
        await until(lambda: len(states()) == 3)
        assert states() == [("zm", None, None), ("zm", "1", "idle"), ("zm", "2", "idle")]
        hub.set_state("1", capture_fps=17.5)
        hub.set_state("2", alarm=AlarmState.ALARM)
        await until(lambda: len(states()) == 4)
        hub.remove_monitor("zm", "1")
        await until(lambda: len(states()) == 5)
        hub.add_monitor("zm", monitor(1), state(alarm=AlarmState.ALERT))
        hub.set_system(available=False, detail="gone")
        await until(lambda: len(states()) == 7)
        hub.remove_system("zm")
        await until(lambda: len(states()) == 10)
    assert states()[3:5] == [("zm", "2", "alarm"), ("zm", "1", None)]
    assert sorted(states()[5:7], key=str) == [("zm", "1", "alert"), ("zm", None, None)]
    assert [each for *_, each in states()[7:]] == [None, None, None]
    last = parsed(path)[-1]
    assert last["state"] is None
    assert last["time"].endswith("Z")


async def test_without_states_there_are_events_only(tmp_path: Path) -> None:
    path, hub = tmp_path / "events.jsonl", FakeHub()
    async with logging(hub, path, states=False):
        hub.set_state(alarm=AlarmState.ALARM)
        hub.record(1)
        await until(lambda: parsed(path))
    assert [each["what"] for each in parsed(path)] == ["event"]


@pytest.mark.parametrize("reason", ["expired", "unknown"])
async def test_a_gap_is_one_line_that_says_from_where_it_goes_on(tmp_path: Path, reason: str) -> None:
    path, hub = tmp_path / "events.jsonl", FakeHub()
    hub.record(1)
    async with logging(hub, path):
        await until(lambda: told(path))
    for number in range(2, 9):
        hub.record(number)
    hub.forgotten = 5
    if reason == "unknown":
        hub.epoch = "e2"
    for _ in range(2):
        async with logging(hub, path):
            await until(lambda: told(path) == recorded(hub)[:1] + recorded(hub)[5:])
    [gap] = [each for each in parsed(path) if each["what"] == "gap"]
    assert (gap["reason"], gap["after"], gap["cursor"]) == (reason, "e1:1", f"{hub.epoch}:5")


async def test_what_can_not_be_written_is_told_once_and_all_is_there_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path, hub, clock = tmp_path / "log" / "events.jsonl", FakeHub(), FakeClock()
    (tmp_path / "log").write_text("in the way")
    async with logging(hub, path, clock, states=True):
        hub.record(1)
        hub.set_state(alarm=AlarmState.ALARM)
        await until(lambda: "can't be written" in caplog.text, clock)
        hub.record(2)
        hub.set_state(alarm=AlarmState.ALERT)
        for _ in range(10):
            await clock.advance(5)
            await asyncio.sleep(0.005)
        assert caplog.text.count("can't be written") == 1
        assert "set file: to another place" in caplog.text
        (tmp_path / "log").unlink()
        await until(lambda: (tmp_path / "log").is_dir() and told(path) == recorded(hub), clock)
        assert [each["state"]["alarm"] for each in parsed(path) if each["what"] == "state" and each["monitor"]] == ["alert"]
        await until(lambda: "works again" in caplog.text, clock)
        (tmp_path / "log").rename(tmp_path / "away")
        hub.record(3)
        await until(lambda: (tmp_path / "log").is_dir() and told(path) == recorded(hub)[2:], clock)


async def test_it_is_not_said_to_work_again_before_something_is_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    pipe, hub, clock = Pipe(), FakeHub(), FakeClock()
    pipe.taken.set()
    async with logging(hub, pipe, clock, states=True):
        await until(lambda: len(pipe.lines) == 2)
        pipe.error = OutputError("no room")
        hub.record(1)
        await until(lambda: "no room" in caplog.text)
        for _ in range(10):
            await clock.advance(5)
            await asyncio.sleep(0.005)
        assert (caplog.text.count("no room"), caplog.text.count("works again")) == (1, 0)
        pipe.error = None
        await until(lambda: len(pipe.lines) == 3, clock)
        await until(lambda: "works again" in caplog.text, clock)


async def test_a_store_that_fails_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, hub, clock = tmp_path / "events.jsonl", FakeHub(), FakeClock()
    hub.store_fails = True
    async with logging(hub, path, clock):
        hub.record(1)
        await until(lambda: "the disk is full" in caplog.text, clock)
        hub.store_fails = False
        await until(lambda: told(path) == recorded(hub), clock)


async def test_what_is_not_read_stalls_nothing_but_the_log_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    pipe, hub, clock = Pipe(), FakeHub(), FakeClock()
    async with logging(hub, pipe, clock):
        for number in range(1, 1000):
            hub.record(number)
        await until(lambda: "nothing was taken for 30 s" in caplog.text, clock)
        pipe.taken.set()
        await until(lambda: len(pipe.lines) == 999, clock)
        assert "works again" in caplog.text


async def test_where_it_can_not_be_read_again_the_store_knows_how_far_it_has_come(tmp_path: Path) -> None:
    hub, clock = FakeHub(), FakeClock()
    first, second = Pipe(), Pipe()
    first.taken.set()
    second.taken.set()
    hub.record(1)
    async with logging(hub, first, clock) as log:
        await until(lambda: str(log._after) == "e1:1")
        await clock.advance(2)
        hub.record(2)
        await until(lambda: hub.memory.get("cursor") == "e1:2")
        hub.record(3)  # within a second: not noted until the end
        await until(lambda: str(log._after) == "e1:3")
        assert hub.memory["cursor"] == "e1:2"
        noted = dict(hub.memory)
    assert hub.memory["cursor"] == "e1:3"
    hub.memory = noted  # as after a kill
    async with logging(hub, second, clock):
        await until(lambda: second.cursors == ["e1:3"])
    assert second.lines[0] == first.lines[2]
    hub.memory["cursor"] = "nonsense"
    async with logging(hub, tmp_path / "events.jsonl", clock) as log:
        await until(lambda: str(log._after) == "e1:3")
    assert told(tmp_path / "events.jsonl") == recorded(hub)
    (tmp_path / "events.jsonl").unlink()  # as by somebody who collects them
    hub.record(4)
    async with logging(hub, tmp_path / "events.jsonl", clock):
        await until(lambda: told(tmp_path / "events.jsonl") == recorded(hub)[3:])


async def test_a_reader_that_has_gone_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    pipe, hub, clock = Pipe(), FakeHub(), FakeClock()
    pipe.taken.set()
    pipe.error = OutputError("it has gone", hint="start it again")
    async with logging(hub, pipe, clock):
        hub.record(1)
        await until(lambda: "it has gone" in caplog.text, clock)
        pipe.error = None
        await until(lambda: pipe.cursors == ["e1:1"], clock)


async def test_its_check_is_that_of_its_kind() -> None:
    trial = Trial(bridge=HOME, clock=SystemClock(), limit_s=5, is_at_work=lambda: False, kept=lambda _key: None)
    assert [each.text for each in await KIND.check(EventLogConfig(), trial)] == ["lines go to standard output"]


def test_a_check_says_where_lines_go_and_changes_nothing(tmp_path: Path) -> None:
    [found] = findings(tmp_path / "log" / "events.jsonl")
    assert (found.text, found.problem) == (f"{tmp_path / 'log'} will be created", False)
    [found] = findings(tmp_path / "events.jsonl")
    assert found.text == f"{tmp_path} can be written"
    assert list(tmp_path.iterdir()) == []


def test_a_check_says_what_is_wrong_and_who_else_can_get_at_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch(0o600)
    (tmp_path / "notes").write_text("my notes")
    for path, said in [
        (tmp_path / "notes", "is no event log"),
        (tmp_path / "link", "is a link"),
        (tmp_path, "is no file"),
        (tmp_path / "file" / "log", "can't be used"),
        (tmp_path / "file" / "below" / "log", "can't be used"),
    ]:
        [found] = findings(path)
        assert said in found.text
        assert found.problem
        assert found.hint
    tmp_path.chmod(0o777)
    (tmp_path / "file").chmod(0o644)
    found, *others = findings(tmp_path / "file")
    assert not found.problem
    assert ["everybody can write to" in others[0].text, "everybody can read" in others[1].text] == [True, True]
    assert not any(each.problem for each in others)


def test_the_section_makes_the_sink(tmp_path: Path) -> None:
    clock = SystemClock()
    for settings, place in [
        ({}, "standard output"),
        ({"file": str(tmp_path / "a.jsonl"), "file_mb": "2", "files": "3", "states": "no"}, str(tmp_path / "a.jsonl")),
    ]:
        sink = KIND.create(EventLogConfig.model_validate(settings), HOME, clock)
        assert isinstance(sink, EventLog)
        assert (sink.name, sink._output.place) == ("event_log", place)


async def test_what_it_writes_and_how_long_that_takes_can_be_read() -> None:
    hub, pipe = FakeHub(), Pipe()

    def read(metric: Metric) -> float:
        for one in hub.measures.read():
            if one.metric is metric:
                return sum(one.value.counts) if isinstance(one.value, Distribution) else one.value
        return 0

    hub.record(1)
    clock = FakeClock()
    async with logging(hub, pipe, clock, states=True):
        await until(lambda: read(metrics.SINK_CONNECTED) == 1)
        pipe.taken.set()
        await until(lambda: read(metrics.SINK_EVENTS) == 1)
        hub.set_state("1", alarm=AlarmState.ALARM)
        await until(lambda: read(metrics.SINK_STATES) >= 1)
        assert read(metrics.EVENT_LOG_LINES) == len(pipe.lines)
        pipe.error = OutputError("the pipe is broken")
        hub.record(2)
        await until(lambda: read(metrics.SINK_LOSSES) == 1)
        assert read(metrics.SINK_CONNECTED) == 0
        pipe.error = None
        await until(lambda: read(metrics.SINK_EVENTS) == 2, clock)
    assert hub.measures.read() == []
