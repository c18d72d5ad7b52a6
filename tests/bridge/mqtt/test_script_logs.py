"""How scripts fare, and what their logs say, over MQTT: the latter only where it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.backend import START
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.scripts import GATE, FakeScripts

from vms_bridge.mqtt.script_logs import MOST_WAITING
from vms_bridge.scripting import LineLevel, ScriptLife, ScriptLine, ScriptStatus

if TYPE_CHECKING:
    from collections.abc import Callable


class Scripts(FakeScripts):
    """Those whose lines tests say."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Callable[[ScriptLine], None]] = []

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        self.heard.append(heard)
        return lambda: self.heard.remove(heard)

    def say(self, number: int, text: str = "open") -> None:
        line = ScriptLine(script="gate", number=number, time=START, level=LineLevel.WARNING, text=text, line=7)
        for heard in self.heard:
            heard(line)


async def test_how_a_script_fares_is_retained_and_goes_with_it() -> None:
    async with FakeBroker() as broker:
        house, scripts = House(broker, FakeClock()), Scripts()
        await house.start()
        house.hub.scripts.serve(scripts)
        topic = f"{ROOT}/script/gate/status"
        await until(lambda: topic in broker.retained, house.clock)
        said = json.loads(broker.retained[topic])
        assert (said["status"], said["reason"], said["available"]) == ("ready", None, False)
        scripts.view = replace(GATE, life=ScriptLife(status=ScriptStatus.QUARANTINED, reason="it ends too often"))
        house.hub.scripts.changed("")
        await until(lambda: b"quarantined" in broker.retained[topic], house.clock)
        assert json.loads(broker.retained[topic])["reason"] == "it ends too often"
        scripts.view = None
        house.hub.own_entities.settle([])
        house.hub.scripts.changed("")
        await until(lambda: topic not in broker.retained, house.clock)
        await house.stop()


async def test_lines_are_published_where_that_is_asked_for() -> None:
    async with FakeBroker() as broker:
        house, scripts = House(broker, FakeClock(), script_logs=True), Scripts()
        heard = broker.listen(f"{ROOT}/script/+/log")
        await house.start()
        end = house.hub.scripts.serve(scripts)
        await until(lambda: len(scripts.heard) == 1, house.clock)
        for number in range(1, 4):
            scripts.say(number)
        lines = [json.loads((await heard.get()).payload) for _ in range(3)]
        assert [line["number"] for line in lines] == [1, 2, 3]
        assert {name: lines[0][name] for name in ("level", "text", "line")} == {"level": "warning", "text": "open", "line": 7}
        assert not [topic for topic in broker.retained if topic.endswith("/log")]
        scripts.say(4, "the last")
        await heard.get()
        end()
        await until(lambda: not scripts.heard, house.clock)
        await house.stop()


async def test_of_a_flood_the_oldest_lines_are_left_out() -> None:
    async with FakeBroker() as broker:
        house, scripts = House(broker, FakeClock(), script_logs=True), Scripts()
        heard = broker.listen(f"{ROOT}/script/+/log")
        await house.start()
        house.hub.scripts.serve(scripts)
        await until(lambda: len(scripts.heard) == 1, house.clock)
        for number in range(MOST_WAITING + 100):
            scripts.say(number, "x" * 5_000)
        numbers: list[int] = []

        def all_came() -> bool:
            numbers.extend(json.loads(each.payload)["number"] for each in heard.drain())
            return bool(numbers) and numbers[-1] == MOST_WAITING + 99

        await until(all_came, house.clock)
        assert numbers == list(range(100, MOST_WAITING + 100))
        await house.stop()
        assert not scripts.heard


async def test_without_it_nobody_listens() -> None:
    async with FakeBroker() as broker:
        house, scripts = House(broker, FakeClock()), Scripts()
        await house.start()
        house.hub.scripts.serve(scripts)
        await house.lives(2)
        assert not scripts.heard
        await house.stop()
