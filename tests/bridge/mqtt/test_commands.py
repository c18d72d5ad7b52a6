"""Commands: every payload ends in an action or in a refusal with a hint, and whoever asks is answered."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock
from tests.fakes.commands import MORE, Rate
from tests.fakes.hub import FakeHub
from tests.fakes.pipe import FakePipe, Sent

from vms_bridge.commands import (
    COMMANDS,
    Ack,
    AckResult,
    Action,
    Level,
    Restart,
    SetAlarm,
    SetArmed,
    SetMode,
    SetMotionDetection,
    SetRunState,
    Target,
)
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.model import EventRef
from vms_bridge.mqtt.commands import MAX_PAYLOAD_BYTES, parse_request, request_id_of
from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.intake import MAX_UNDER_WAY, CommandIntake
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Message, Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.commands import Command

TOPICS = Topics("home")
MODES = {"function": ("None", "Modect")}


def act(command: str, payload: str | bytes, *, on: str | None = "1", modes: Any = MODES) -> Action:  # noqa: ANN401 - a mapping
    data = payload.encode() if isinstance(payload, str) else payload
    return COMMANDS.parse(Target(system="zm", monitor=on).kind, command, parse_request(data), modes)


@pytest.mark.parametrize(
    ("command", "payload", "action"),
    [
        ("armed", "ON", SetArmed(on=True)),
        ("armed", " off\n", SetArmed(on=False)),
        ("armed", '{"value": "ON", "request_id": "7"}', SetArmed(on=True)),
        ("armed", '{"value": false}', SetArmed(on=False)),
        ("armed", '{"on": true}', SetArmed(on=True)),
        ("detection", "OFF", SetMotionDetection(on=False)),
        ("alarm", "ON", SetAlarm(on=True)),
        ("alarm", "OFF", SetAlarm(on=False)),
        ("alarm", '{"cause": "Door"}', SetAlarm(on=True, cause="Door")),
        (
            "alarm",
            '{"on": true, "cause": "Door", "text": "front", "score": 80, "seconds": 30}',
            SetAlarm(on=True, cause="Door", text="front", score=80, seconds=30.0),
        ),
        ("alarm", '{"on": false, "cause": "Door"}', SetAlarm(on=False, cause="Door")),
        ("restart", "PRESS", Restart()),
        ("function", "Modect", SetMode(mode="function", value="Modect")),
        ("mode", "Modect", SetMode(mode="function", value="Modect")),
        ("capturing", '{"value": "Always"}', SetMode(mode="capturing", value="Always")),
    ],
)
def test_what_is_understood(command: str, payload: str, action: Action) -> None:
    assert act(command, payload) == action


def test_a_mode_that_stands_for_nothing_is_left_to_the_hub() -> None:
    assert act("mode", "x", modes={"a": (), "b": ()}) == SetMode(mode="mode", value="x")
    assert act("own_mode", "x", modes={"own_mode": ()}) == SetMode(mode="own_mode", value="x")


def test_a_system_takes_its_run_state() -> None:
    assert act("run_state", "Away", on=None, modes={}) == SetRunState(name="Away")


@pytest.mark.parametrize(
    ("command", "payload", "words"),
    [
        ("armed", "maybe", "ON"),
        ("armed", "{}", "ON"),
        ("armed", "[1]", "ON"),
        ("armed", '{"value": 1}', "value"),
        ("armed", '{"valeu": "ON"}', "valeu"),
        ("armed", '{"value": "ON"', "JSON"),
        ("armed", '{"value": "ON", "seconds": 3}', "leave"),
        ("armed", b"\xff\xfe", "UTF-8|text"),
        ("armed", "x" * 1001, "1000"),
        ("armed", b"x" * (MAX_PAYLOAD_BYTES + 1), "4096"),
        ("alarm", '{"seconds": 0}', "seconds"),
        ("alarm", '{"seconds": 1e999}', "seconds"),
        ("alarm", '{"seconds": 90000}', "seconds"),
        ("alarm", '{"seconds": "30"}', "seconds"),
        ("alarm", '{"seconds": true}', "seconds"),
        ("alarm", '{"score": "80"}', "score"),
        ("alarm", '{"score": true}', "score"),
        ("alarm", '{"score": 256}', "score"),
        ("alarm", '{"score": 2.5}', "score"),
        ("alarm", '{"request_id": "", "on": true}', "request_id"),
        ("function", "{}", "value"),
        ("function", "a\x00b", "value"),
    ],
)
def test_what_is_refused_says_why(command: str, payload: str | bytes, words: str) -> None:
    with pytest.raises(CommandRejected) as caught:
        act(command, payload)
    assert any(word in f"{caught.value} {caught.value.hint}" for word in words.split("|"))


@pytest.mark.parametrize(("command", "on"), [("explode", "1"), ("explode", None), ("arm", None)])
def test_what_there_is_not(command: str, on: str | None) -> None:
    with pytest.raises(UnsupportedCommand) as caught:
        act(command, "ON", on=on)
    assert caught.value.hint


def test_even_a_wrong_payload_has_its_request_id() -> None:
    assert request_id_of(b'{"request_id": "7", "valeu": 1}') == "7"
    assert request_id_of(b"ON") is None
    assert request_id_of(b'{"request_id": 7}') is None
    assert request_id_of(b" " * (MAX_PAYLOAD_BYTES + 1)) is None


SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "value": SOME_JSON,
        "on": SOME_JSON,
        "request_id": SOME_JSON,
        "cause": SOME_JSON,
        "text": SOME_JSON,
        "score": SOME_JSON,
        "seconds": SOME_JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(
    command=st.sampled_from(["armed", "alarm", "detection", "mode", "function", "restart", "run_state", "arm", "x"]),
    payload=st.binary(max_size=64)
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | KNOWN.map(lambda value: json.dumps(value).encode()),
    on=st.sampled_from(["1", None]),
)
@example(command="function", payload=b'{"value": "\\ud800"}', on="1")
@example(command="alarm", payload=b'{"text": "\\ud800"}', on="1")
@example(command="armed", payload=b'{"value": "ON", "request_id": "\\udfff"}', on="1")
@example(command="armed", payload=b"{" * 4000, on="1")
@example(command="armed", payload=b'{"a":' * 800, on="1")
def test_no_payload_breaks_the_parser(command: str, payload: bytes, on: str | None) -> None:
    request_id = request_id_of(payload)
    try:
        action = act(command, payload, on=on)
    except (CommandRejected, UnsupportedCommand):
        return
    if request_id is not None:
        request_id.encode()  # it goes into the ack
    assert type(action) in {SetArmed, SetAlarm, SetMotionDetection, SetMode, SetRunState, Restart}


class Desk:
    """An intake over a pipe, and what it answers."""

    def __init__(self, level: Level = Level.CONTROL) -> None:
        self.hub = FakeHub()
        self.pipe = FakePipe()
        self.clock = FakeClock()
        self.intake = CommandIntake(hub=self.hub, topics=TOPICS, level=level, clock=self.clock, counters=Counters())
        self.intake.attach(self.pipe.outbox)

    async def ask(self, topic: str, payload: bytes | str = "ON", **options: Any) -> list[Sent]:  # noqa: ANN401 - by keyword
        data = payload.encode() if isinstance(payload, str) else payload
        self.intake.take(Message(topic=f"{TOPICS.root}/{topic}", payload=data, **options))
        for _ in range(5):
            await asyncio.sleep(0)
        return self.pipe.run()

    async def error(self, topic: str, payload: bytes | str = "ON", **options: Any) -> dict[str, Any]:  # noqa: ANN401 - by keyword
        acks = [json.loads(each.payload) for each in await self.ask(topic, payload, **options) if each.topic == TOPICS.ack]
        assert [ack["result"] for ack in acks] == ["refused"]
        error: dict[str, Any] = acks[0]["error"]
        return error


async def test_running_is_told_before_the_end() -> None:
    desk = Desk()

    async def slow(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        assert progress
        progress(Ack.of(command, AckResult.RUNNING, START))
        return Ack.of(command, AckResult.TIMEOUT, START, code="unverified", hint="look")

    desk.hub.answer = slow
    acks = [json.loads(each.payload)["result"] for each in await desk.ask("zm/1/set/armed")]
    assert acks == ["running", "timeout"]


async def test_a_hub_that_breaks_its_promise_is_covered(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()

    async def broken(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        raise KeyError(command.name, progress)

    desk.hub.answer = broken
    assert [json.loads(each.payload)["result"] for each in await desk.ask("zm/1/set/armed")] == ["failed"]
    assert "could not be run" in caplog.text


async def test_targets_that_are_not_there() -> None:
    desk = Desk()
    assert "no monitor 9" in (await desk.error("zm/9/set/armed"))["hint"]
    assert "no system" in (await desk.error("other/set/run_state", "Away"))["hint"]
    assert await desk.ask("a/b/c/set/armed") == []
    assert await desk.ask("zm/1/set/armed", b"") == [], "that is how a retained message is cleared"
    assert desk.hub.commands == []


@pytest.mark.parametrize(
    ("topic", "system", "monitor"),
    [("ZM/set/armed", "ZM", None), ("zm/Front Door/set/armed", "zm", "Front Door"), ("event/1/set/armed", "event", "1")],
)
async def test_a_topic_that_names_nothing_of_ours_is_answered_too(topic: str, system: str, monitor: str | None) -> None:
    desk = Desk()
    (ack,) = await desk.ask(topic, '{"value": "ON", "request_id": "7"}')
    answer = json.loads(ack.payload)
    assert (answer["request_id"], answer["system"], answer["monitor"], answer["result"]) == ("7", system, monitor, "refused")
    assert "no topic of a system or monitor" in answer["error"]["hint"]
    assert desk.hub.commands == []


async def test_no_topic_makes_a_long_answer() -> None:
    desk = Desk()
    for topic in (f"{'s' * 9000}/set/x", f"zm/{'m' * 9000}/set/x", f"zm/1/set/{'x' * 9000}"):
        (ack,) = await desk.ask(topic)
        assert len(ack.payload) < 600


async def test_levels() -> None:
    control, admin, none = Desk(), Desk(Level.ADMIN), Desk(Level.READ)
    assert "admin" in (await control.error("zm/1/set/restart", "PRESS"))["hint"]
    assert len(await admin.ask("zm/1/set/restart", "PRESS")) == 1
    assert admin.hub.commands[0].action == Restart()
    assert "`mqtt.commands: control`" in (await none.error("zm/1/set/armed"))["hint"]
    assert "`mqtt.commands: admin`" in (await none.error("zm/1/set/restart", "PRESS"))["hint"]
    assert len(await control.ask("zm/1/set/armed")) == len(await admin.ask("zm/1/set/armed")) == 1


async def test_a_row_is_all_that_a_command_on_an_event_needs() -> None:
    desk = Desk()
    desk.hub.command_table = MORE
    (sent,) = await desk.ask("zm/event/set/rate", '{"value": "3", "event": "zm-2.12", "request_id": "7"}')
    (command,) = desk.hub.commands
    assert (command.target, command.action, command.name) == (
        Target(system="zm", event=EventRef("zm", 2, "12")),
        Rate(stars="3"),
        "rate",
    )
    ack = json.loads(sent.payload)
    assert (ack["request_id"], ack["system"], ack["monitor"], ack["event"], ack["command"]) == (
        "7",
        "zm",
        None,
        "zm-2.12",
        "rate",
    )
    assert "which event" in (await desk.error("zm/event/set/rate", "3"))["hint"]
    for wrong in ("other-12", "12", "zm-"):
        assert "has no event" in (await desk.error("zm/event/set/rate", json.dumps({"value": "3", "event": wrong})))["hint"]
    assert "an event has no command 'sing'" in (await desk.error("zm/event/set/sing", '{"event": "zm-1"}'))["hint"]
    assert (
        "event belongs to commands on an event" in (await desk.error("zm/1/set/armed", '{"on": true, "event": "zm-1"}'))["hint"]
    )
    assert len(desk.hub.commands) == 1


async def test_who_may_not_is_told_how_to_allow_it_whatever_the_hub_calls_it() -> None:
    desk = Desk(Level.READ)
    error = await desk.error("zm/1/set/armed")
    assert error == {
        "code": "forbidden",
        "hint": "the configuration does not allow this: set `mqtt.commands: control` to allow it",
    }


async def test_whoever_may_publish_can_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for number in range(300):
        await desk.ask(f"a/b/c{number}/set/armed")
    assert caplog.text.count("is refused: that is no topic") == 1
    await desk.clock.advance(61)
    await desk.ask("a/b/set/set/armed")
    assert "(299 more like this)" in caplog.text


async def test_a_refusal_carries_the_request_id() -> None:
    desk = Desk()
    sent = await desk.ask("zm/1/set/armed", '{"request_id": "7", "nonsense": 1}')
    assert json.loads(sent[0].payload)["request_id"] == "7"


async def test_retained_commands_are_cleared() -> None:
    desk = Desk()
    sent = await desk.ask("zm/1/set/armed", "ON", retained=True)
    assert [(each.topic, each.payload, each.retain) for each in sent[:1]] == [(f"{TOPICS.root}/zm/1/set/armed", b"", True)]
    assert json.loads(sent[1].payload)["result"] == "refused"


@pytest.mark.parametrize(
    ("topic", "answered"),
    [
        ("vms_bridge/client/7", True),
        (f"{TOPICS.ack}/client", True),
        ("homeassistant/status", False),
        ("vms_bridge/other/zm/1/set/armed", False),
        (f"{TOPICS.root}/status", False),
        (f"{TOPICS.ack}/status", True),
        ("vms_bridge/other/status", False),
        ("vms_bridge/other/info", False),
        ("vms_bridge/other/health", False),
        ("vms_bridge/other/replay", False),
        ("vms_bridge/other/ack", False),
        ("vms_bridge/other/zm/state", False),
        ("vms_bridge/other/zm/1/state", False),
        ("vms_bridge/other/zm/1/event", False),
        ("vms_bridge/other/zm/1/snapshot", False),
        ("vms_bridge/discovery/device/x/config", False),
        ("vms_bridge/+/x", False),
        ("vms_bridge/#", False),
        ("vms_bridge/" + "x" * 300, False),
    ],
)
async def test_where_answers_may_go(topic: str, answered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    desk = Desk()
    sent = await desk.ask("zm/1/set/armed", response_topic=topic, correlation=b"c")
    assert [(each.topic, each.correlation) for each in sent if each.topic != TOPICS.ack] == ([(topic, b"c")] if answered else [])


async def test_answers_to_strangers_are_paced_and_hold_up_nobody() -> None:
    desk = Desk()
    desk.pipe.window = 1000
    for number in range(300):
        message = Message(topic=f"{TOPICS.root}/zm/9/set/armed", payload=b"ON", response_topic=f"vms_bridge/me/{number}")
        desk.intake.take(message)
    await desk.clock.advance(0)
    desk.pipe.outbox.post(Post(topic=TOPICS.event, payload=b"{}"))
    sent = [each.topic for each in desk.pipe.run()]
    strangers = [topic for topic in sent if topic.startswith("vms_bridge/me/")]
    assert sent.count(TOPICS.ack) == 300
    assert TOPICS.event in sent
    assert len(strangers) <= 20
    began = desk.clock.monotonic()
    while len(strangers) < 300:
        await desk.clock.advance(0.1)
        now = [each.topic for each in desk.pipe.run()]
        assert len(now) <= 20
        strangers += now
    assert strangers == [f"vms_bridge/me/{number}" for number in range(300)], "each is answered, in order"
    assert desk.clock.monotonic() - began == pytest.approx(2.8, abs=0.3)
    await desk.intake.close()


async def test_a_stop_leaves_strangers_alone() -> None:
    desk = Desk()
    desk.pipe.window = 1000
    for _ in range(100):
        desk.intake.take(Message(topic=f"{TOPICS.root}/zm/9/set/armed", payload=b"ON", response_topic="vms_bridge/me"))
    await asyncio.wait_for(desk.intake.close(), 30)
    before = len(desk.pipe.run())
    await desk.clock.advance(10)
    assert (before, desk.pipe.run()) == (120, [])


async def test_an_answer_that_the_broker_refuses_is_told_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    await desk.ask("zm/1/set/armed", response_topic="vms_bridge/me")
    assert desk.pipe.ack(0x87).topic == TOPICS.ack
    desk.pipe.ack(0x87)
    assert desk.intake._counters.answers_lost == 2
    assert f"refused an answer to a command on {TOPICS.ack} (0x87)" in caplog.text
    assert "on vms_bridge/me (0x87)" in caplog.text


async def test_too_many_at_once_are_refused() -> None:
    desk = Desk()
    go = asyncio.Event()

    async def slow(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        del progress
        await go.wait()
        return Ack.of(command, AckResult.APPLIED, START)

    desk.hub.answer = slow
    for _ in range(MAX_UNDER_WAY):
        desk.intake.take(Message(topic=f"{TOPICS.root}/zm/1/set/armed", payload=b"ON"))
    assert "busy" in (await desk.error("zm/1/set/armed"))["hint"]
    assert (desk.intake._counters.commands_busy, desk.intake._counters.answers_lost) == (1, 0)
    desk.intake.attach(None)
    go.set()
    assert await desk.ask("zm/1/set/armed", b"") == []
    desk.intake.attach(desk.pipe.outbox)
    desk.pipe.window = MAX_UNDER_WAY + 1
    assert len(desk.pipe.run()) == MAX_UNDER_WAY, "no answer is lost, though there was no link"
    await desk.intake.close()


async def test_acks_wait_for_the_next_link() -> None:
    desk = Desk()
    go = asyncio.Event()

    async def slow(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        del progress
        await go.wait()
        return Ack.of(command, AckResult.APPLIED, START)

    desk.hub.answer = slow
    assert await desk.ask("zm/1/set/armed") == []
    desk.intake.attach(None)
    go.set()
    assert await desk.ask("zm/1/set/armed", b"") == []
    desk.intake.attach(desk.pipe.outbox)
    assert [each.topic for each in desk.pipe.run()] == [TOPICS.ack]


async def test_commands_wait_until_the_link_is_ready() -> None:
    desk = Desk()
    desk.intake.attach(None)
    assert await desk.ask("zm/1/set/armed") == []
    assert desk.hub.commands == []
    desk.intake.attach(desk.pipe.outbox)
    assert [each.topic for each in await desk.ask("zm/1/set/armed", b"")] == [TOPICS.ack]


async def test_what_comes_while_held_commands_are_released_waits_behind_them() -> None:
    desk = Desk()
    desk.intake.attach(None)
    for number in range(100):
        await desk.ask("zm/1/set/armed", f'{{"value": "ON", "request_id": "{number}"}}')
    desk.intake.attach(desk.pipe.outbox)
    await asyncio.sleep(0)
    desk.intake.take(Message(topic=f"{TOPICS.root}/zm/1/set/armed", payload=b'{"value": "OFF", "request_id": "now"}'))
    for _ in range(50):
        await asyncio.sleep(0)
    assert [command.request_id for command in desk.hub.commands] == [*map(str, range(100)), "now"]


async def test_no_more_are_held_than_may_run(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.intake.attach(None)
    for _ in range(MAX_UNDER_WAY):
        desk.intake.take(Message(topic=f"{TOPICS.root}/zm/1/set/armed", payload=b"ON"))
    desk.intake.take(Message(topic=f"{TOPICS.root}/zm/1/set/armed", payload=b'{"value": "ON", "request_id": "too many"}'))
    desk.intake.attach(desk.pipe.outbox)
    (first, *_) = [json.loads(each.payload) for each in desk.pipe.run()]
    assert (first["request_id"], first["result"]) == ("too many", "refused")
    assert "busy" in first["error"]["hint"]
    assert desk.intake._counters.commands_busy == 1
    assert caplog.text == ""


async def test_no_more_of_a_message_is_held_than_is_needed() -> None:
    desk = Desk()
    large = b'{"value": "' + b"x" * 500_000 + b'"}'
    options = {"response_topic": "vms_bridge/panel", "correlation": b"c" * 60_000}
    sent = await desk.ask(f"zm/1/set/{'x' * 60_000}", large, **options)
    assert [each.topic for each in sent] == [TOPICS.ack], "so much correlation data is not given back"
    (entry,) = desk.intake._ledger._unsafe.values()
    assert len(entry.message.payload) == MAX_PAYLOAD_BYTES + 1
    assert len(entry.message.topic) < 300
    assert entry.message.correlation is None
    assert "too large" in (await desk.error("zm/1/set/armed", large))["hint"]


async def test_an_ack_that_a_dying_link_had_taken_goes_out_again() -> None:
    desk = Desk()
    assert [each.topic for each in await desk.ask("zm/1/set/armed")] == [TOPICS.ack]
    desk.pipe.ack()
    assert len(await desk.ask("zm/1/set/detection")) == 1
    desk.intake.attach(None)
    desk.pipe = FakePipe()
    desk.intake.attach(desk.pipe.outbox)
    (again,) = desk.pipe.run()
    assert json.loads(again.payload)["command"] == "detection", "the broker has acknowledged the first one"
    desk.pipe.ack()
    desk.intake.attach(None)
    desk.intake.attach(desk.pipe.outbox)
    assert desk.pipe.run() == []


async def test_a_retained_command_that_comes_before_the_link_is_ready_is_cleared_too() -> None:
    desk = Desk()
    desk.intake.attach(None)
    for _ in range(2):
        assert await desk.ask("zm/1/set/armed", retained=True) == []
    desk.intake.attach(desk.pipe.outbox)
    sent = desk.pipe.run()
    assert [(each.payload, each.retain) for each in sent if each.topic == f"{TOPICS.root}/zm/1/set/armed"] == [(b"", True)]
    assert desk.hub.commands == []


async def test_a_stop_abandons_what_runs() -> None:
    desk = Desk()

    async def forever(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        del command, progress
        await asyncio.Event().wait()
        raise AssertionError

    desk.hub.answer = forever
    await desk.ask("zm/1/set/armed")
    await asyncio.wait_for(desk.intake.close(), 30)
