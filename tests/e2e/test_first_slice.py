"""The thinnest way through everything: a simulated camera, the hub, MQTT, one entity in a real Home Assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.bridge import Bridge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.broker import Broker, Observer
    from tests.e2e.home_assistant import HomeAssistant

MOTION = "slice-sim-1-motion"
CONFIGURATION = """\
instance: slice
data_dir: {folder}/data
mqtt: {{url: "{broker}"}}
systems:
  sim: {{type: simulator, pace: 5}}
"""


async def test_a_simulated_camera_is_an_entity_that_follows(
    broker: Broker, mqtt: Observer, home: HomeAssistant, tmp_path: Path
) -> None:
    bridge = Bridge(tmp_path, CONFIGURATION.format(folder=tmp_path, broker=broker.url))
    await bridge.start()
    try:
        system = await mqtt.state("vms_bridge/slice/sim/state", lambda state: state["available"])
        assert system["monitors"] >= 3
        topic = "vms_bridge/slice/sim/1/state"
        for motion in (True, False, True):
            mark = len(home.history)
            await mqtt.state(topic, moves(motion), within=60)
            await home.has_shown(MOTION, "on" if motion else "off", since=mark, within=5)
    finally:
        await bridge.stop()
    await home.shows(MOTION, "unavailable", within=5)
    assert mqtt.latest["vms_bridge/slice/info"].json["instance"] == "slice"
    assert mqtt.latest["vms_bridge/slice/status"].payload == b"offline"
    assert await home.complaints() == []


def moves(motion: bool) -> Any:  # noqa: FBT001 - the value that is waited for
    return lambda state: state["motion"] is motion
