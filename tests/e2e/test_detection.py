"""What is in the pictures of a real ZoneMinder's event comes out with the event: on MQTT, as its picture, and when asked for.

The scene is drawn, and the model finds what is drawn (`bars`).
"""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from PIL import Image
from tests.e2e.api import API, serving
from tests.e2e.bars import CAR, colour_of_the_car, make_model
from tests.e2e.bridge import Bridge, grave_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.broker import Broker, Message, Observer
    from tests.e2e.zoneminder import ZoneMinder

ROOT = "vms_bridge/sight"
CONFIGURATION = """\
instance: sight
data_dir: {folder}/data
mqtt: {{url: "{broker}", commands: control}}
detection:
  models: {{bars: {{file: {folder}/bars.xml}}}}
systems:
  zm:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: {zoneminder.shared_memory}
"""
_FOUND_WITHIN_S = 60.0


async def test_an_event_comes_out_with_what_is_in_it(
    broker: Broker, mqtt: Observer, zoneminder: ZoneMinder, tmp_path: Path
) -> None:
    await make_model(tmp_path / "bars.xml", await _colour_of_a_bar(tmp_path, zoneminder))
    configuration = CONFIGURATION.format(folder=tmp_path, broker=broker.url, zoneminder=zoneminder)
    bridge = Bridge(tmp_path, configuration, {"E2E_ZM_PASSWORD": zoneminder.password})
    await bridge.start()
    try:
        await mqtt.state(f"{ROOT}/zm/1/state", lambda state: state["object_detection"] is True)
        mark = len(mqtt.messages)
        await zoneminder.motion(1, on=True)
        told = f"{ROOT}/zm/1/event"
        labelled = await mqtt.message(told, lambda each: each.json["label"] == "car", since=mark, within=_FOUND_WITHIN_S)
        event = labelled.json["id"]
        await zoneminder.motion(1, on=False)
        ended = await mqtt.message(told, _is_end_of(event), since=mark, within=_FOUND_WITHIN_S)
        assert ended.json["labels"] == ["car"], "what the VMS says of its end wipes nothing"
        mqtt.publish(f"{ROOT}/zm/event/set/detect", json.dumps({"event": event, "value": "snapshot", "request_id": "look"}))
        answer = (await mqtt.message(f"{ROOT}/ack", _is_answer, since=mark, within=60)).json
        assert answer["result"] == "applied", answer
        [frame] = answer["detail"]["frames"]
        x, _, width, _ = next(each["box"] for each in frame["objects"] if each["label"] == "car")
        assert abs(x + width / 2 - (CAR + 0.5) / 7) < 0.05, "where the bar is"
        picture = (await mqtt.message(f"{ROOT}/zm/1/snapshot", _is_jpeg, since=mark, within=30)).payload
        assert Image.open(io.BytesIO(picture)).size == (320, 240)
        assert not grave_lines(bridge.log)
    finally:
        await zoneminder.motion(1, on=False)
        await bridge.stop()


def _is_end_of(event: str) -> Any:
    return lambda each: each.json["id"] == event and each.json["type"] == "end"


def _is_answer(message: Message) -> bool:
    return bool(message.json["request_id"] == "look" and message.json["result"] != "running")


def _is_jpeg(message: Message) -> bool:
    return message.payload.startswith(b"\xff\xd8")


async def _colour_of_a_bar(folder: Path, zoneminder: ZoneMinder) -> tuple[int, int, int]:
    """Return the colour that a bar has in the picture of the first camera."""
    place = folder / "before"
    place.mkdir()
    async with serving(place, zoneminder, aiohttp.ClientTimeout(30)) as (http, _):
        async with asyncio.timeout(30):
            while True:
                async with http.get(f"{API}/media/monitors/zm/1/picture") as response:
                    if response.status == 200:
                        content = await response.read()
                        break
                await asyncio.sleep(0.2)
    return colour_of_the_car(content)
