"""A camera that moves, by a real ZoneMinder's own control module: what is asked for gets to the camera, and it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from tests.e2e.bridge import COMMAND, ROOT

from vms_bridge.errors import CommandRejected
from vms_bridge.zoneminder import Direction, Preset, PtzMode
from vms_bridge.zoneminder import ZoneMinder as Library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.bridge import Bridge
    from tests.e2e.broker import Observer
    from tests.e2e.zoneminder import ZoneMinder

CAMERA = 2
_BEGIN = """
UPDATE Monitors SET Controllable=1, ControlId=(SELECT Id FROM Controls WHERE Protocol='Amcrest_HTTP'),
    ControlDevice='fake', ControlAddress='http://127.0.0.1:{port}/' WHERE Id={camera};
REPLACE INTO ControlPresets VALUES ({camera}, 2, 'Gate & "drive"');
"""
_END = """
UPDATE Monitors SET Controllable=0, ControlId=NULL WHERE Id={camera};
DELETE FROM ControlPresets;
UPDATE Controls SET CanSetPresets=0 WHERE Protocol='Amcrest_HTTP';
"""
_WITHIN_S = 30.0
"""ZoneMinder starts the control daemon with the first word, and tries once a second."""


class FakeCamera:
    """Answers what the module Amcrest_HTTP asks, and keeps the words."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.port = 0
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def until_told(self, code: str, action: str = "start") -> dict[str, str]:
        """Return the words by which it was told this, and forget all before them."""
        async with asyncio.timeout(_WITHIN_S), self._news:
            while True:
                for number, words in enumerate(self.told):
                    if (words.get("code"), words.get("action")) == (code, action):
                        del self.told[: number + 1]
                        return words
                await self._news.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                asked = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
                parts = urlsplit(asked.split(" ", 2)[1])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
                await writer.drain()
                if parts.path.endswith("ptz.cgi"):
                    async with self._news:
                        self.told.append({name: values[0] for name, values in parse_qs(parts.query).items()})
                        self._news.notify_all()
        finally:
            writer.close()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def camera(zoneminder: ZoneMinder) -> AsyncIterator[FakeCamera]:
    """A camera behind the second monitor, whose control type has one preset of a name."""
    async with FakeCamera() as camera:
        await zoneminder.sql(_BEGIN.format(camera=CAMERA, port=camera.port))
        yield camera
        await zoneminder.sql(_END.format(camera=CAMERA))


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def zm(zoneminder: ZoneMinder, camera: FakeCamera) -> AsyncIterator[Library]:
    """The library, logged in when the camera is there."""
    assert camera.port
    async with Library(zoneminder.url, zoneminder.username, zoneminder.password) as zm:
        yield zm


async def test_what_a_camera_can_do_and_the_names_of_its_presets_are_read(zm: Library) -> None:
    able = await zm.ptz.capabilities(CAMERA)
    assert (able.name, able.protocol, able.presets) == ("Amcrest HTTP API", "Amcrest_HTTP", 5)
    assert able.moves == able.zoom.modes == (PtzMode.CONTINUOUS,)
    assert able.directions == (Direction.UP, Direction.DOWN, Direction.LEFT, Direction.RIGHT)
    assert await zm.ptz.presets(CAMERA) == (
        Preset(1), Preset(2, 'Gate & "drive"'), Preset(3), Preset(4), Preset(5),
    )  # fmt: skip
    with pytest.raises(CommandRejected, match="not controllable"):
        await zm.ptz.capabilities(1)


async def test_the_library_moves_it_and_sends_it_to_a_preset(zm: Library, camera: FakeCamera) -> None:
    await zm.ptz.preset(CAMERA, 'Gate & "drive"')
    assert (await camera.until_told("GotoPreset"))["arg2"] == "2"
    await zm.ptz.move(CAMERA, "up")
    await camera.until_told("Up")
    await zm.ptz.stop(CAMERA)
    await camera.until_told("Up", "stop")
    await zm.ptz.zoom(CAMERA, "in")
    await camera.until_told("ZoomTele")
    await zm.ptz.stop(CAMERA, "zoom")
    await camera.until_told("ZoomTele", "stop")


async def test_a_preset_is_set_and_named(zm: Library, camera: FakeCamera, zoneminder: ZoneMinder) -> None:
    with pytest.raises(CommandRejected, match="can't be told to remember"):
        await zm.ptz.set_preset(CAMERA, 3, "Pond")
    await zoneminder.sql("UPDATE Controls SET CanSetPresets=1 WHERE Protocol='Amcrest_HTTP'")
    await zm.ptz.capabilities(CAMERA, force_reload=True)
    await zm.ptz.set_preset(CAMERA, 3, "Pond / ü")
    assert (await camera.until_told("SetPreset"))["arg2"] == "3"
    await zm.ptz.set_preset(CAMERA, 2)
    await camera.until_told("SetPreset")
    assert await zm.ptz.presets(CAMERA) == (
        Preset(1), Preset(2, 'Gate & "drive"'), Preset(3, "Pond / ü"), Preset(4), Preset(5),
    )  # fmt: skip


async def test_the_command_line_sends_it_to_a_preset(zoneminder: ZoneMinder, camera: FakeCamera) -> None:
    way = ("--url", zoneminder.url, "--user", zoneminder.username)
    process = await asyncio.create_subprocess_exec(
        COMMAND, "zm", "ptz", str(CAMERA), "preset", "4", *way,
        env=os.environ | {"VMS_BRIDGE_ZM_PASSWORD": zoneminder.password}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    assert (await camera.until_told("GotoPreset"))["arg2"] == "4"


async def test_a_move_over_mqtt_is_accepted_and_the_bridge_stops_it(bridge: Bridge, mqtt: Observer, camera: FakeCamera) -> None:
    assert bridge.program.is_running
    topic = f"{ROOT}/zm/{CAMERA}"

    def is_answer(answer: dict[str, Any]) -> bool:
        return bool(answer["request_id"] == "move")

    await mqtt.state(f"{topic}/state", lambda state: 'Gate & "drive"' in state["presets"], within=30)
    mark = len(mqtt.messages)
    mqtt.publish(f"{topic}/set/ptz", json.dumps({"value": "left", "seconds": 0.5, "request_id": "move"}))
    answer = (await mqtt.message(f"{ROOT}/ack", lambda each: is_answer(each.json), since=mark, within=30)).json
    assert (answer["result"], answer["applied"], answer["error"]) == ("accepted", None, None)
    await camera.until_told("Left")
    await camera.until_told("Left", "stop")
