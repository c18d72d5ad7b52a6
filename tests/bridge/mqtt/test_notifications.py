"""Messages of scripts to people over MQTT."""

from __future__ import annotations

import json

import pytest
from tests.bridge.mqtt.house import ROOT, House
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import NobodyAnswers, RequestUnanswered

SAID = {"script": "gate", "title": None, "message": "Somebody is there", "targets": ["all"], "data": {"a": 1}}


async def test_a_message_is_an_event_and_said_to_be_there_once_the_broker_has_it() -> None:
    async with FakeBroker() as broker:
        house = House(broker, FakeClock())
        await house.start()
        heard = broker.listen(f"{ROOT}/notification")
        assert await house.hub.ask("mqtt_notification", SAID, within_s=5) == {}
        said = json.loads((await heard.get()).payload)
        assert {name: said[name] for name in SAID} == SAID
        assert f"{ROOT}/notification" not in broker.retained
        event = json.loads(broker.retained["homeassistant/device/vms_bridge_home/_bridge/config"])["cmps"]["notification"]
        assert (event["p"], event["stat_t"], event["evt_typ"]) == ("event", f"{ROOT}/notification", ["notification"])
        with pytest.raises(RequestUnanswered, match="no message"):
            await house.hub.ask("mqtt_notification", {"script": "gate"}, within_s=5)
        await house.lose()
        with pytest.raises(RequestUnanswered, match="away"):
            await house.hub.ask("mqtt_notification", SAID, within_s=5)
        await house.stop()
        with pytest.raises(NobodyAnswers):
            await house.hub.ask("mqtt_notification", SAID, within_s=5)
