"""What belongs to scripts, over MQTT: devices, states, events, commands, and what becomes of it when scripts come and go."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.scripts import GATE as GATE_VIEW
from tests.fakes.scripts import FakeScripts

from vms_bridge.own_entities import EntityCommand, EntityKind, OwnEntity
from vms_bridge.scripting import ScriptStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.scripting import ScriptView

DISCOVERY = "homeassistant/device/vms_bridge_home/_script-gate/config"
GATE = f"{ROOT}/script/gate"
SENSOR = OwnEntity(key="count", kind=EntityKind.SENSOR, name="Cars")
SWITCH = OwnEntity(key="siren", kind=EntityKind.SWITCH)
EVENT = OwnEntity(key="bell", kind=EntityKind.EVENT, options=("pressed",))


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as one:
        yield one


@pytest.fixture
async def house(broker: FakeBroker) -> AsyncIterator[House]:
    house = House(broker, FakeClock())
    await house.start()
    yield house
    await house.stop()


def read(broker: FakeBroker, topic: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(broker.retained[topic])


async def shown(house: House, *entities: OwnEntity) -> None:
    """Have the script `gate` be at work with these, and wait until its device is announced."""
    house.hub.own_entities.declare("gate", entities)
    house.hub.own_entities.available("gate", is_available=True)
    await until(lambda: DISCOVERY in house.broker.retained and f"{GATE}/status" in house.broker.retained, house.clock)


async def test_a_device_with_its_entities_and_their_states(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR, SWITCH)
    assert read(broker, DISCOVERY)["cmps"].keys() == {"_status", "count", "siren"}
    assert read(broker, f"{GATE}/status")["available"] is True
    assert read(broker, f"{GATE}/count/state")["value"] is None
    house.hub.own_entities.say("gate", "count", 3, {"last": "red"})
    await until(lambda: read(broker, f"{GATE}/count/state")["value"] == 3, house.clock)
    assert read(broker, f"{GATE}/count/state") == {"v": 1, "value": 3, "attributes": {"last": "red"}}
    house.hub.own_entities.available("gate", is_available=False)
    await until(lambda: read(broker, f"{GATE}/status")["available"] is False, house.clock)


async def test_an_event_fires_each_time_and_is_never_retained(broker: FakeBroker, house: House) -> None:
    await shown(house, EVENT)
    heard = broker.listen(f"{GATE}/bell/event")
    for _ in range(2):
        house.hub.own_entities.say("gate", "bell", "pressed", {"how": "long"})
    fired = [json.loads((await heard.get()).payload) for _ in range(2)]
    assert [(each["event_type"], each["attributes"]) for each in fired] == [("pressed", {"how": "long"})] * 2
    assert f"{GATE}/bell/event" not in broker.retained


async def test_a_command_reaches_the_script_and_nonsense_does_not(broker: FakeBroker, house: House) -> None:
    await shown(house, SWITCH)
    taken: list[EntityCommand] = []
    house.hub.own_entities.take_commands(taken.append)
    broker.publish(f"{GATE}/set/siren", b"MAYBE", qos=1)
    broker.publish(f"{GATE}/set/other", b"ON", qos=1)
    broker.publish(f"{GATE}/set/siren", b"\xff" * 5000, qos=1)
    broker.publish(f"{GATE}/set/siren", b"ON", qos=1)
    await until(lambda: bool(taken), house.clock)
    assert taken == [EntityCommand(owner="gate", key="siren", value=True)]
    assert house.hub.commands == []


async def test_an_empty_message_is_no_command(broker: FakeBroker, house: House) -> None:
    button, text = OwnEntity(key="go", kind=EntityKind.BUTTON), OwnEntity(key="note", kind=EntityKind.TEXT)
    await shown(house, button, text)
    taken: list[EntityCommand] = []
    house.hub.own_entities.take_commands(taken.append)
    for key in ("go", "note"):
        broker.publish(f"{GATE}/set/{key}", b"", qos=1, retain=True)  # somebody tidies up
        broker.publish(f"{GATE}/set/{key}", b"", qos=1)
    broker.publish(f"{GATE}/set/go", b"PRESS", qos=1)
    await until(lambda: bool(taken), house.clock)
    assert taken == [EntityCommand(owner="gate", key="go", value=None)]


async def test_a_script_at_its_start_loses_nothing_that_it_has_yet_to_declare(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR, SWITCH)
    announced = broker.retained[DISCOVERY]
    await house.kill()
    await house.start()
    heard = broker.listen("#")
    heard.drain()
    house.hub.own_entities.settle(["gate"])
    house.hub.own_entities.declare("gate", [])  # its top level; the rest is declared when it is called
    await house.lives(10)
    house.hub.own_entities.add("gate", SENSOR)
    await house.lives(10)
    assert broker.retained[DISCOVERY] == announced
    house.hub.own_entities.available("gate", is_available=True)
    house.hub.own_entities.add("gate", SWITCH)
    await house.lives(10)
    assert broker.retained[DISCOVERY] == announced
    gone = [each.topic for each in heard.drain() if not each.payload or each.topic == DISCOVERY]
    assert gone == []
    house.hub.own_entities.withdraw("gate", "count")
    await until(lambda: f"{GATE}/count/state" not in broker.retained, house.clock)


async def test_a_script_that_has_no_entities_any_more_is_taken_away_once_it_is_at_work(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    await house.kill()
    await house.start()
    house.hub.own_entities.settle(["gate"])
    house.hub.own_entities.declare("gate", [])
    house.hub.own_entities.available("gate", is_available=True)
    await until(lambda: DISCOVERY not in broker.retained and f"{GATE}/count/state" not in broker.retained, house.clock)


async def test_a_retained_command_is_taken_off_and_not_run(broker: FakeBroker, house: House) -> None:
    await shown(house, SWITCH)
    taken: list[EntityCommand] = []
    house.hub.own_entities.take_commands(taken.append)
    broker.publish(f"{GATE}/set/siren", b"ON", qos=1, retain=True)
    await until(lambda: f"{GATE}/set/siren" not in broker.retained, house.clock)
    assert taken == []


async def test_a_command_of_while_the_bridge_was_away_is_not_run(broker: FakeBroker, house: House) -> None:
    await shown(house, SWITCH)
    await house.kill()
    broker.publish(f"{GATE}/set/siren", b"ON", qos=1)
    taken: list[EntityCommand] = []
    house.begin()
    house.hub.own_entities.take_commands(taken.append)
    house.hub.own_entities.declare("gate", [SWITCH])
    house.hub.own_entities.available("gate", is_available=True)
    await house.at_work()
    await house.lives(3)
    assert taken == []


async def test_where_no_commands_are_allowed_none_is_offered_or_run(broker: FakeBroker) -> None:
    house = House(broker, FakeClock(), commands="none")
    await house.start()
    await shown(house, SENSOR, SWITCH)
    assert read(broker, DISCOVERY)["cmps"].keys() == {"_status", "count"}
    taken: list[EntityCommand] = []
    house.hub.own_entities.take_commands(taken.append)
    broker.publish(f"{GATE}/set/siren", b"ON", qos=1)
    await house.lives(2)
    assert taken == []
    await house.stop()


async def test_what_is_withdrawn_goes_first_in_home_assistant_then_at_the_broker(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR, SWITCH)
    house.hub.own_entities.withdraw("gate", "count")
    await until(lambda: read(broker, DISCOVERY)["cmps"].get("count") == {"p": "sensor"}, house.clock)
    assert f"{GATE}/count/state" in broker.retained
    await until(lambda: f"{GATE}/count/state" not in broker.retained, house.clock)
    await until(lambda: "count" not in read(broker, DISCOVERY)["cmps"], house.clock)
    assert f"{GATE}/siren/state" in broker.retained


async def test_a_script_that_is_deleted_leaves_nothing(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    house.hub.own_entities.settle(["gate"])
    house.hub.own_entities.forget("gate")
    await until(lambda: not [topic for topic in broker.retained if "gate" in topic], house.clock)


async def test_a_restart_withdraws_nothing_and_says_what_is_so_then(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    house.hub.own_entities.say("gate", "count", 3, {})
    await until(lambda: read(broker, f"{GATE}/count/state")["value"] == 3, house.clock)
    announced = broker.retained[DISCOVERY]
    await house.kill()
    await house.start()
    heard = broker.listen(DISCOVERY)
    heard.drain()
    house.hub.own_entities.settle(["gate"])
    await house.lives(10)
    assert heard.drain() == []
    assert broker.retained[DISCOVERY] == announced
    house.hub.own_entities.declare("gate", [SENSOR])
    await until(lambda: read(broker, f"{GATE}/count/state")["value"] is None, house.clock)


async def test_a_script_that_was_deleted_while_the_bridge_was_away_is_taken_away(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    await house.kill()
    await house.start()
    await house.lives(10)
    assert DISCOVERY in broker.retained  # nobody has said yet which scripts there are
    house.hub.own_entities.settle([])
    await until(lambda: not [topic for topic in broker.retained if "gate" in topic], house.clock)


async def test_while_somebody_claims_the_devices_there_are_none_of_scripts(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    house.hub.claim("a house")
    await until(lambda: DISCOVERY not in broker.retained, house.clock)
    assert f"{GATE}/count/state" in broker.retained
    house.hub.claim()
    await until(lambda: DISCOVERY in broker.retained, house.clock)


async def test_a_device_that_a_person_has_deleted_does_not_come_back(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    await house.lives(3)
    broker.publish(DISCOVERY, b"", retain=True)
    await house.lives(1)
    house.hub.own_entities.add("gate", SWITCH)
    await house.lives(5)
    assert DISCOVERY not in broker.retained


async def test_a_home_assistant_that_comes_up_gets_all_of_it_again(broker: FakeBroker, house: House) -> None:
    await shown(house, SENSOR)
    await house.lives(3)
    heard = broker.listen("#")
    heard.drain()
    broker.publish("homeassistant/status", b"online")
    wanted = {DISCOVERY, f"{GATE}/count/state", f"{GATE}/status"}
    seen: set[str] = set()

    def all_came() -> bool:
        seen.update(each.topic for each in heard.drain())
        return wanted <= seen

    await until(all_came, house.clock)


class Watched(FakeScripts):
    """Notes when all scripts are looked at."""

    looks = 0

    def all(self) -> Sequence[ScriptView]:
        self.looks += 1
        return super().all()


async def test_a_state_is_told_without_a_look_at_all_scripts(broker: FakeBroker, house: House) -> None:
    scripts = Watched()
    house.hub.scripts.serve(scripts)
    await shown(house, SENSOR)
    await until(lambda: read(broker, f"{GATE}/status")["status"] is not None, house.clock)
    looks = scripts.looks
    house.hub.own_entities.say("gate", "count", 3, {})
    await until(lambda: read(broker, f"{GATE}/count/state")["value"] == 3, house.clock)
    assert read(broker, f"{GATE}/status")["status"] is not None
    assert scripts.looks == looks


async def test_how_one_script_fares_is_told_without_a_look_at_the_others(broker: FakeBroker, house: House) -> None:
    scripts = Watched()
    house.hub.scripts.serve(scripts)
    await shown(house, SENSOR)
    await until(lambda: read(broker, f"{GATE}/status")["status"] is not None, house.clock)
    looks = scripts.looks
    scripts.view = replace(GATE_VIEW, life=replace(GATE_VIEW.life, status=ScriptStatus.QUARANTINED))
    scripts.on_change("gate")
    await until(lambda: read(broker, f"{GATE}/status")["status"] == "quarantined", house.clock)
    assert scripts.looks == looks
