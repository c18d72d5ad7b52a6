"""Commands that the broker took while the bridge was away: run if that was short, refused if not, and answered in any case."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.backend import START
from tests.fakes.broker import ONLY_3_1_1, RECEIVE_MAXIMUM_1, FakeBroker, Faults
from tests.fakes.clock import FakeClock

from vms_bridge.commands import Ack, AckResult
from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.demo.packets import Subscribe, Unsubscribe
from vms_bridge.demo.properties import Property
from vms_bridge.errors import RivalBridge
from vms_bridge.mqtt.awaited import PATIENCE_S
from vms_bridge.mqtt.catch_up import CATCH_UP_S
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from vms_bridge.commands import Command

WANTED = {
    f"{ROOT}/info",
    f"{ROOT}/status",
    "homeassistant/device/vms_bridge_home/+/config",
    "homeassistant/status",
    f"{ROOT}/replay",
    f"{ROOT}/+/set/+",
    f"{ROOT}/+/+/set/+",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def broker(clock: FakeClock) -> AsyncIterator[FakeBroker]:
    async with FakeBroker(clock=clock) as one:
        yield one


@pytest.fixture
async def house(broker: FakeBroker, clock: FakeClock) -> AsyncIterator[House]:
    one = House(broker, clock)
    yield one
    await one.stop()


async def test_what_waited_for_a_short_while_is_run_in_order_and_answered(house: House) -> None:
    await house.start()
    await house.lives(60)
    await house.kill()
    for number, value in enumerate(["OFF", "ON", "OFF"]):
        house.ask(f"r{number}", value)
    house.ask("other", topic="zm/2/set/armed")
    await house.clock.advance(7)
    await house.start()
    await house.answered("r0", "r1", "r2", "other")
    assert house.results == {each: ["applied"] for each in ("r0", "r1", "r2", "other")}
    assert house.ran == ["r0", "r1", "r2", "other"]
    house.ask("now")
    await house.answered("now")
    await house.lives(3)
    assert house.hub.notes == {}, "whoever asked has his answer"


async def test_what_waited_for_longer_is_refused_and_answered(house: House) -> None:
    await house.start()
    await house.lives(60)
    await house.kill()
    house.ask("early")
    await house.clock.advance(60)
    house.ask("late")  # how late, MQTT does not say
    await house.start()
    await house.answered("early", "late")
    assert house.results == {"early": ["refused"], "late": ["refused"]}
    assert house.ran == []
    error = house.acks[0]["error"]
    assert error["code"] == "too_old"
    assert "nothing was done: it has waited for up to 6" in error["hint"]
    assert "`mqtt.command_age`" in error["hint"]
    house.ask("now")
    await house.answered("now")
    assert house.ran == ["now"]


@pytest.mark.parametrize(("command_age", "away_s", "result"), [(0, 1, "refused"), (100, 90, "applied"), (100, 110, "refused")])
async def test_the_age_is_an_option(broker: FakeBroker, clock: FakeClock, command_age: float, away_s: float, result: str) -> None:
    house = House(broker, clock, command_age=command_age)
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    await clock.advance(away_s)
    await house.start()
    await house.answered("r")
    assert house.results == {"r": [result]}
    await house.stop()


@pytest.mark.parametrize("jump_s", [-7200, 7200])
@pytest.mark.parametrize(("away_s", "result"), [(6, "applied"), (60, "refused")])
async def test_no_clock_that_is_set_meanwhile_makes_it_older_or_younger(
    house: House, jump_s: float, away_s: float, result: str
) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    house.clock.set_by(jump_s)
    await house.clock.advance(away_s)
    await house.start()
    await house.answered("r")
    assert house.results == {"r": [result]}


@pytest.mark.parametrize(("jump_s", "result"), [(0, "applied"), (-12, "refused"), (-7200, "refused"), (7200, "refused")])
async def test_after_a_start_of_the_machine_the_wall_clock_counts_if_it_can_be_right(
    broker: FakeBroker, clock: FakeClock, jump_s: float, result: str
) -> None:
    house = House(broker, clock, command_age=40)
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    await clock.advance(30)
    clock.reboot(ago_s=20)
    clock.set_by(jump_s)
    await house.start()
    await house.answered("r")
    assert house.results == {"r": [result]}
    await house.stop()


async def test_a_restart_in_order_keeps_what_waits_too(house: House) -> None:
    await house.start()
    await house.lives(2)
    await house.stop()
    house.hub.commands.clear()
    house.ask("r")
    await house.clock.advance(5)
    await house.start()
    await house.answered("r")
    assert house.results == {"r": ["applied"]}


@pytest.mark.parametrize(("away_s", "result"), [(5, "applied"), (25, "refused")])
async def test_a_loss_of_the_link_counts_like_a_kill(house: House, away_s: float, result: str) -> None:
    await house.start()
    await house.lives(5)
    house.broker.faults.refuse = 0x88
    await house.lose()
    house.ask("r")
    await house.clock.advance(away_s)
    house.broker.faults.refuse = 0
    await house.answered("r")
    assert house.results == {"r": [result]}
    assert house.ran == (["r"] if result == "applied" else [])


async def test_a_kill_between_connack_and_listen_makes_nothing_younger(house: House) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    await house.clock.advance(30)
    link = await Link.open(MqttConfig(url=house.broker.url), client_id=house.client_id, clock=house.clock, session_s=300)
    assert link.session_present
    await house.broker.until(lambda: house.client_id in house.broker.clients)
    await asyncio.sleep(0.02)
    link.abort()
    await house.broker.until(lambda: house.broker.core.absent == {house.client_id: 1})
    await house.start()
    await house.answered("r")
    assert house.results == {"r": ["refused"]}


async def test_a_kill_before_all_that_waited_has_come_makes_nothing_younger(house: House) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    await house.clock.advance(30)
    house.broker.faults.denied = (f"{ROOT}/sync",)  # so that this never seems to be the case
    house.begin()
    await until(lambda: house.client_id in house.broker.clients)
    await house.lives(4)
    before = dict(house.hub.memory)
    house.ask("behind")
    await house.kill()
    house.broker.faults.denied = ()
    assert house.hub.memory == before
    house.ask("last")
    await house.clock.advance(2)
    await house.start()
    await house.answered("r", "behind", "last")
    assert {each for results in house.results.values() for each in results} == {"refused"}
    assert house.ran == []


async def test_a_kill_while_what_waited_is_held_does_not_make_it_anything_else(house: House) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.ask("r")
    await house.clock.advance(30)
    house.broker.faults.denied = (f"{ROOT}/sync",)  # so that it takes its time
    house.begin()
    await until(lambda: len(house.hub.notes) == 1)
    await house.kill()
    house.broker.faults.denied = ()
    await house.start()
    await house.answered("r")
    assert set(house.results["r"]) == {"refused"}
    assert house.acks[0]["error"]["code"] == "too_old"


async def test_a_broker_that_does_not_return_our_message_is_waited_for_a_while_only(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start()
    await house.kill()
    await house.clock.advance(30)
    house.broker.faults.denied = (f"{ROOT}/sync",)
    await house.start()
    house.ask("too soon")
    await house.answered("too soon")
    await house.lives(CATCH_UP_S)
    house.ask("now")
    await house.answered("now")
    assert house.results == {"too soon": ["refused"], "now": ["applied"]}
    assert f"has not returned our own message on {ROOT}/sync" in caplog.text


async def test_a_session_that_we_never_had_is_emptied_and_begun_anew(house: House, caplog: pytest.LogCaptureFixture) -> None:
    config = MqttConfig(url=house.broker.url)
    stranger = await Link.open(config, client_id=house.client_id, clock=house.clock, session_s=300)
    await stranger.subscribe([Filter(topic=f"{ROOT}/#", qos=1), Filter(topic="elsewhere/#", qos=1)])
    await stranger.close()
    await house.broker.until(lambda: house.client_id in house.broker.core.absent)
    house.ask("r1")
    house.ask("r2")
    with caplog.at_level(logging.INFO):
        await house.start()
    await house.answered("r1", "r2")
    assert house.results == {"r1": ["refused"], "r2": ["refused"]}
    assert "it is not known for how long" in house.acks[0]["error"]["hint"]
    assert house.ran == []
    await until(lambda: house.broker.core.subscriptions(house.client_id) == WANTED, house.clock)
    assert caplog.text.count("that is not ours: another one is begun") == 1
    assert "WARNING" not in caplog.text
    house.ask("now")
    await house.answered("now")
    assert house.ran == ["now"]


async def test_a_broker_that_forgets_the_session_is_told_of_and_served(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.broker.core.forget_session(house.client_id)
    house.ask("lost")
    await house.clock.advance(3)
    with caplog.at_level(logging.INFO):
        await house.start()
    assert "has not kept the bridge's session" in caplog.text
    house.ask("now")
    await house.answered("now")
    assert house.results == {"now": ["applied"]}
    assert house.broker.core.subscriptions(house.client_id) >= WANTED


async def test_a_session_that_has_expired_is_no_news(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.start()
    await house.kill()
    await house.clock.advance(400)
    with caplog.at_level(logging.INFO):
        await house.start()
    assert "has not kept" not in caplog.text


async def test_subscriptions_of_before_that_are_no_longer_wanted_are_dropped(house: House) -> None:
    await house.start(config={"discovery_prefix": "other"}, previous_instance="shed")
    await until(lambda: f"{ROOT}/sync" not in house.broker.core.subscriptions(house.client_id), house.clock)
    old = house.broker.core.subscriptions(house.client_id)
    assert "other/status" in old
    await house.kill()
    house.ask("r")
    await house.start()
    await house.answered("r")
    await until(lambda: house.broker.core.subscriptions(house.client_id) == WANTED, house.clock)


async def test_subscriptions_that_a_kill_has_left_in_the_midst_are_dropped_too(house: House) -> None:
    house.broker.faults.denied = (f"{ROOT}/sync",)
    house.begin(config={"discovery_prefix": "other"}, previous_instance="shed")
    await until(lambda: "vms_bridge/shed/#" in house.broker.core.subscriptions(house.client_id))
    await house.kill()
    house.broker.faults.denied = ()
    assert "vms_bridge/shed/#" in house.broker.core.subscriptions(house.client_id)
    await house.start()
    await until(lambda: house.broker.core.subscriptions(house.client_id) == WANTED, house.clock)


async def test_commands_are_subscribed_to_all_the_time(house: House) -> None:
    await house.start()
    await house.kill()
    house.broker.seen.packets.clear()
    await house.start()
    await house.lives(2)
    unsubscribed = [each for _, packet in house.broker.seen.packets if isinstance(packet, Unsubscribe) for each in packet.filters]
    assert not [each for each in unsubscribed if "/set/" in each]
    first = next(packet for _, packet in house.broker.seen.packets if isinstance(packet, Subscribe))
    assert {each.filter for each in first.wishes} == {f"{ROOT}/sync"}
    assert set(unsubscribed) >= {f"{ROOT}/info", f"{ROOT}/status", f"{ROOT}/sync"}


async def test_an_old_broker_starts_clean_and_nothing_waits(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeBroker(limits=ONLY_3_1_1, clock=clock) as broker:
        house = House(broker, clock)
        with caplog.at_level(logging.INFO):
            await house.start()
            house.ask("r")
            await house.answered("r")
            broker.core.drop(house.client_id)
            await until(lambda: house.client_id not in broker.clients)
            await house.at_work()
        assert all(connect.clean for connect in broker.seen.connects)
        assert broker.core.absent == {}
        assert caplog.text.count("they are lost") == 1
        assert "has not kept" not in caplog.text
        await house.stop()


async def test_hundreds_that_wait_are_all_answered_by_a_strict_broker(clock: FakeClock) -> None:
    async with FakeBroker(limits=RECEIVE_MAXIMUM_1, faults=Faults(ack_delay_s=0.0), clock=clock) as broker:
        house = House(broker, clock)
        await house.start()
        await house.lives(2)
        await house.kill()
        for number in range(250):
            house.ask(str(number), topic=f"zm/{1 + number % 3}/set/armed")
        await clock.advance(3)
        await house.start()
        await until(lambda: len(house.results) == 250, clock, timeout_s=20)
        assert house.ran == [str(number) for number in range(250)]
        assert all(results == ["applied"] for results in house.results.values())
        assert len(broker.seen.connects) == 2
        await house.stop()


async def test_the_senders_expiry_counts_too(house: House) -> None:
    await house.start()
    await house.lives(2)
    await house.kill()
    house.ask("gone", expiry_s=3)
    house.ask("just", expiry_s=30)
    house.ask("never")
    await house.clock.advance(6)
    await house.start()
    await house.answered("just", "never")
    assert house.results == {"just": ["applied"], "never": ["applied"]}, "the broker has dropped the one that had expired"
    assert [command.deadline is not None for command in house.hub.commands] == [True, False]


async def test_what_expires_while_its_system_is_awaited_is_refused(house: House) -> None:
    await house.start()
    await house.lives(2)
    await house.kill()
    house.hub.set_system(available=False)
    house.ask("short", expiry_s=5)
    await house.clock.advance(2)
    await house.start()
    await house.lives(6)
    house.hub.set_system(available=True)
    await house.answered("short")
    assert house.results == {"short": ["refused"]}
    assert house.acks[0]["error"]["code"] == "too_old"
    assert "expired" in house.acks[0]["error"]["hint"]


async def test_what_waited_waits_for_its_system_and_what_comes_then_waits_behind_it(house: House) -> None:
    await house.start()
    await house.lives(2)
    await house.kill()
    house.hub.set_system(available=False)
    house.hub.add_system("other")
    house.ask("first", "OFF")
    await house.clock.advance(2)
    await house.start()
    house.ask("second", "ON")
    house.ask("elsewhere", topic="other/set/run_state")
    await house.answered("elsewhere")
    await house.lives(3)
    assert house.ran == ["elsewhere"]
    house.hub.set_system(available=True)
    house.ask("third", "OFF")
    await house.answered("first", "second", "third")
    assert house.ran == ["elsewhere", "first", "second", "third"]


async def test_a_system_that_does_not_come_is_not_waited_for_for_ever(house: House) -> None:
    await house.start()
    await house.kill()
    house.hub.set_system(available=False)
    house.ask("r")
    await house.start()
    await house.lives(PATIENCE_S + 1)
    await house.answered("r")
    assert house.ran == ["r"], "the hub says what is wrong with it"


def slowly(go: asyncio.Event, started: asyncio.Event) -> Callable[[Command, Callable[[Ack], None] | None], object]:
    async def answer(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        del progress
        started.set()
        await go.wait()
        return Ack.of(command, AckResult.APPLIED, START, applied="ON")

    return answer


@pytest.mark.parametrize(
    ("away_s", "result", "ran"), [(5, "applied", ["1", "2", "waits"]), (30, "timeout", [])], ids=["short", "long"]
)
async def test_what_was_under_way_at_a_kill_is_run_again_or_answered(
    house: House, away_s: float, result: str, ran: list[str]
) -> None:
    started = asyncio.Event()
    await house.start()
    house.hub.answer = slowly(asyncio.Event(), started)  # type: ignore[assignment]  # a coroutine function by another name
    house.ask("1")
    house.ask("2", topic="zm/2/set/alarm")
    await started.wait()
    await until(lambda: len(house.hub.notes) == 2)
    await house.kill()
    assert house.broker.core.absent == {house.client_id: 0}, "the broker need not send them again"
    house.ask("waits")
    await house.clock.advance(away_s)
    await house.start()
    await house.answered("1", "2", "waits")
    assert house.results == {"1": [result], "2": [result], "waits": ["applied" if ran else "refused"]}
    assert house.ran == ran
    if not ran:
        assert "may have been carried out" in house.acks[0]["error"]["hint"]
    await house.lives(3)
    assert house.hub.notes == {}


async def test_what_the_store_does_not_have_yet_comes_from_the_broker_again(house: House) -> None:
    await house.start()
    house.hub.answer = slowly(asyncio.Event(), asyncio.Event())  # type: ignore[assignment]  # a coroutine function
    house.hub.stores.clear()
    house.ask("r")
    await until(lambda: len(house.hub.commands) == 1)
    await house.kill()
    assert house.broker.core.absent == {house.client_id: 1}
    assert house.hub.notes == {}
    await house.start()
    await house.answered("r")
    assert house.results == {"r": ["applied"]}


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "cut off"])
async def test_what_the_broker_sends_again_though_it_is_answered_is_not_run_again(house: House, *, is_killed: bool) -> None:
    await house.start()
    house.broker.deaf_to_pubacks = True  # they are lost with the link
    house.ask("r")
    await house.answered("r")
    if is_killed:
        await house.kill()
    else:
        await house.lose()
    assert house.broker.core.absent == {house.client_id: 1}
    house.broker.deaf_to_pubacks = False
    await house.start() if is_killed else await house.at_work()
    house.ask("next")
    await house.answered("next")
    assert house.ran == (["next"] if is_killed else ["r", "next"])
    assert set(house.results["r"]) == {"applied"}
    assert len({json.dumps(ack) for ack in house.acks if ack["request_id"] == "r"}) == 1
    await house.lives(3)
    assert house.hub.notes == {}


async def test_an_answer_that_did_not_arrive_comes_again_after_a_kill(house: House) -> None:
    await house.start()
    house.broker.faults.never_ack = True
    house.ask("r")
    await until(lambda: len(house.acks) == 1)
    await house.lives(1)
    await house.kill()
    house.broker.faults.never_ack = False
    await house.clock.advance(100)
    await house.start()
    await until(lambda: len(house.acks) == 2, house.clock)
    assert house.acks[0] == house.acks[1]
    assert house.ran == [], "it is not run again"
    await house.lives(3)
    assert house.hub.notes == {}


async def test_answers_on_response_topics_are_owed_too(house: House) -> None:
    await house.start()
    heard = house.broker.listen("vms_bridge/panel")
    properties = {Property.RESPONSE_TOPIC: "vms_bridge/panel", Property.CORRELATION_DATA: b"\xff7"}
    house.hub.answer = slowly(asyncio.Event(), asyncio.Event())  # type: ignore[assignment]  # a coroutine function
    house.broker.publish(f"{ROOT}/zm/1/set/armed", "ON", qos=1, properties=properties)  # type: ignore[arg-type]  # narrower
    await until(lambda: len(house.hub.notes) == 1)
    await house.kill()
    await house.start()
    answer = await heard.get()
    assert json.loads(answer.payload)["result"] == "applied"
    assert answer.properties[Property.CORRELATION_DATA] == b"\xff7"


async def test_notes_that_nobody_can_read_are_thrown_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.hub.notes = {4: b"nonsense", 9: b'{"topic": 3}'}
    house.hub.memory = {"session": "nonsense"}
    await house.start()
    house.ask("r")
    await house.answered("r")
    await house.lives(3)
    assert house.hub.notes == {}
    assert caplog.text.count("a note on a command that was not answered can't be read") == 2
    assert "what was kept of the broker's session can't be read" in caplog.text


async def test_a_bridge_that_was_frozen_does_not_run_what_lay_in_its_socket(house: House) -> None:
    await house.start()
    await house.lives(5)
    house.clock.freeze(60)  # SIGSTOP, or a machine that sleeps: nothing of ours has run meanwhile
    house.ask("old")
    await house.answered("old")
    assert house.results["old"] == ["refused"]
    await house.lives(2)
    house.ask("now")
    await house.answered("now")
    assert house.ran == ["now"]


async def test_another_client_of_our_id_costs_no_command_its_answer(house: House) -> None:
    await house.start()
    await house.lives(3)
    config = MqttConfig(url=house.broker.url)
    for number in range(3):
        house.ask(f"before {number}")
        other = await Link.open(config, client_id=house.client_id, clock=house.clock, session_s=300)
        house.ask(f"meanwhile {number}")
        await until(lambda: house.sink._session is None)
        await house.at_work()
        other.abort()
        await house.lives(2)
    every = [f"{when} {number}" for number in range(3) for when in ("before", "meanwhile")]
    await house.answered(*every)
    assert {each: set(results) for each, results in house.results.items()} == {each: {"applied"} for each in every}


async def test_a_newcomer_that_is_refused_keeps_nothing_waiting_and_runs_nothing(house: House) -> None:
    await house.start()
    await house.lives(12)
    newcomer = House(house.broker, house.clock)
    newcomer.hub.bridge_id = "f" * 32
    newcomer.begin()
    task = newcomer._task
    assert task
    await until(task.done, house.clock)
    assert isinstance(task.exception(), RivalBridge)
    await until(lambda: house.broker.clients == {house.client_id})
    assert house.broker.core.absent == {}
    house.ask("r")
    await house.answered("r")
    assert newcomer.ran == []


async def test_other_things_that_a_broker_has_kept_are_not_taken_for_news(clock: FakeClock) -> None:
    async with FakeBroker(limits=BrokerLimits(keeps_qos_0=True), clock=clock) as broker:
        house = House(broker, clock)
        await house.start()
        await house.kill()
        broker.publish(f"{ROOT}/info", json.dumps({"bridge_id": "a" * 32}))  # a rival that has gone since
        broker.publish(f"{ROOT}/replay", "please")
        broker.publish("homeassistant/device/vms_bridge_home/zm-1/config", b"")
        house.ask("r", qos=0)
        await house.start()
        await house.answered("r")
        assert house.results == {"r": ["applied"]}
        assert "homeassistant/device/vms_bridge_home/zm-1/config" in broker.retained
        await house.stop()


async def test_a_command_of_a_broker_that_was_chosen_before_tells_nothing_of_this_one(house: House) -> None:
    await house.start()
    await house.lives(3)
    await house.kill()
    house.hub.memory["session"] = house.hub.memory["session"].replace(f" at 127.0.0.1:{house.broker.port}", " at elsewhere:1883")
    house.ask("r")
    await house.start()
    await house.answered("r")
    assert house.results == {"r": ["refused"]}


async def test_retained_commands_that_waited_are_refused_and_cleared(house: House) -> None:
    await house.start()
    await house.kill()
    house.broker.publish(f"{ROOT}/zm/1/set/armed", '{"value": "ON", "request_id": "r"}', qos=1, retain=True)
    await house.start()
    await house.answered("r")
    assert set(house.results["r"]) == {"refused"}
    await until(lambda: f"{ROOT}/zm/1/set/armed" not in house.broker.retained, house.clock)
    assert house.ran == []
