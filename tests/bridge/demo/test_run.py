"""The demo as a whole: the real bridge, a real broker, time that runs faster."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from vms_bridge.api.config import HttpConfig
from vms_bridge.backends import load_kind
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.cli import OK, main
from vms_bridge.clock import Moment, SystemClock
from vms_bridge.demo import scripting
from vms_bridge.demo.broker import Broker
from vms_bridge.demo.brokers import find_mosquitto, free_port, serving_broker
from vms_bridge.demo.detecting import MODEL, can_detect, said
from vms_bridge.demo.run import Show, _configuration, conclude, perform, run_demo
from vms_bridge.demo.table import PlainDisplay, TableDisplay, make_display
from vms_bridge.demo.witness import Happening, Tally
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.errors import BridgeError
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Message

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.demo.table import Display

load_kind("simulator")  # importing blocks, which is no business of the event loops under test
SPEED = 8.0
MOSQUITTO = find_mosquitto()


class FastClock:
    """The machine's clock, some times as fast."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, 0, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * SPEED

    def moment(self) -> Moment:
        return Moment(boot="first", uptime_s=self.monotonic(), wall=self.now())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(None if seconds is None else seconds / SPEED)


async def performed(show: Show) -> tuple[Tally, str]:
    out = io.StringIO()
    tally = await perform(show, PlainDisplay(out), FastClock(), asyncio.Event())
    return tally, out.getvalue()


async def test_everything_flows_through_the_embedded_broker(tmp_path: Path) -> None:
    tally, text = await performed(Show(directory=tmp_path, port=0, api_port=0, duration_s=24))
    assert tally.flows
    assert tally.events["new"] >= 2
    assert tally.snapshots
    assert tally.detections
    assert tally.entity_count > 60
    assert tally.acks["applied"] == tally.commands == 2
    assert "embedded broker, for demo and tests only" in text
    assert "Doorbell" in text
    assert "MQTT messages:" in text


@pytest.mark.skipif(MOSQUITTO is None and "VMS_BRIDGE_REQUIRE_REAL" not in os.environ, reason="mosquitto is not installed")
async def test_everything_flows_through_mosquitto(tmp_path: Path) -> None:
    port = free_port(0)
    tally, text = await performed(Show(directory=tmp_path, port=port, api_port=0, mosquitto=MOSQUITTO, duration_s=12))
    assert tally.flows
    assert f"127.0.0.1:{port} (mosquitto)" in text
    with pytest.raises(OSError, match=r"."):  # it has been stopped
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\necho no good >&2; exit 3\n",
        "#!/no/such/interpreter\n",
        "#!/bin/sh\ntrap '' TERM\necho starting >&2\nwhile :; do sleep 0.1; done\n",
    ],
    ids=["ends", "is none", "hangs"],
)
async def test_a_mosquitto_that_does_not_start_is_replaced(tmp_path: Path, script: str, caplog: pytest.LogCaptureFixture) -> None:
    binary = tmp_path / "mosquitto"
    binary.write_text(script)
    binary.chmod(0o700)
    async with serving_broker(binary, tmp_path, 0, SystemClock(), patience_s=0.3) as address:
        assert "embedded" in address.what
        _, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.close()
        await writer.wait_closed()
    assert "the embedded broker takes its place" in caplog.text


async def test_a_port_that_is_taken_is_left_to_its_owner(tmp_path: Path) -> None:
    async with Broker() as owner:
        assert free_port(owner.port) != owner.port
        async with serving_broker(None, tmp_path, owner.port, SystemClock()) as address:
            assert address.port != owner.port


async def test_a_bridge_that_cannot_run_ends_the_demo(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(BridgeError):
        await performed(Show(directory=file / "data", port=0, api_port=0, duration_s=100))


def test_its_time_is_over_before_anything_came_through() -> None:
    out = io.StringIO()
    assert run_demo(duration_s=0.3, port=0, cameras=1, pace=0.01, stream=out) == 1
    assert "not everything has come through" in out.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    class Out(io.StringIO):
        def write(self, text: str) -> int:
            if "Listen along" in text:
                threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
            return super().write(text)

    out = Out()
    assert run_demo(port=0, stream=out) == 0
    assert "The demo is over." in out.getvalue()


def test_an_error_is_told_in_words() -> None:
    def fails() -> Tally:
        raise BridgeError("no room", hint="make some")

    out = io.StringIO()
    assert conclude(fails, out, is_timed=True) == 1
    assert "no room make some" in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("LINES", "60")
    return Terminal()


@pytest.fixture
def table(terminal: Terminal) -> Display:
    display = make_display(terminal)
    assert isinstance(display, TableDisplay)
    return display


async def test_a_terminal_gets_a_table(tmp_path: Path, terminal: Terminal, table: Display) -> None:
    tally = await perform(Show(directory=tmp_path, port=0, api_port=0, duration_s=10), table, FastClock(), asyncio.Event())
    assert tally.events["new"]
    text = terminal.getvalue()
    for word in ("Driveway", "Front door", "Garden", "Recording", "sim-3-s", "Listen along"):
        assert word in text


async def test_a_long_table_is_cut(tmp_path: Path, terminal: Terminal, table: Display) -> None:
    await perform(Show(directory=tmp_path, port=0, api_port=0, duration_s=3, cameras=25), table, FastClock(), asyncio.Event())
    assert "and 5 more" in terminal.getvalue()


def test_anything_else_gets_lines() -> None:
    assert isinstance(make_display(io.StringIO()), PlainDisplay)


@pytest.mark.parametrize("payload", [b"", b"not JSON", b"[]", b"\xff", b"null"])
@pytest.mark.parametrize("topic", ["event", "ack", "sim/1/detection", "sim/1/state", "x"])
def test_the_tally_takes_anything(topic: str, payload: bytes) -> None:
    tally = Tally()
    tally.count(Topics("demo"), Message(topic=f"vms_bridge/demo/{topic}", payload=payload))
    tally.count(Topics("demo"), Message(topic="homeassistant/device/vms_bridge_demo/sim-1/config", payload=payload))
    assert tally.messages == 2
    assert not tally.flows


def test_a_running_command_is_not_answered_yet() -> None:
    tally = Tally(commands=1)
    ack = b'{"command": "run_state", "monitor": null, "result": "running"}'
    happening = tally.count(Topics("demo"), Message(topic="vms_bridge/demo/ack", payload=ack))
    assert isinstance(happening, Happening)
    assert tally.acks.total() == 0


async def test_the_api_is_open_and_a_token_is_shown(tmp_path: Path) -> None:
    out, stopped = io.StringIO(), asyncio.Event()
    running = asyncio.create_task(
        perform(Show(directory=tmp_path, port=0, api_port=0), PlainDisplay(out), SystemClock(), stopped)
    )
    while (found := re.search(r"Bearer (vb_[\w-]+)' (http://127.0.0.1:\d+/api/v1)/events", out.getvalue())) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    token, url = found[1], found[2]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while True:
            try:
                async with session.get(f"{url}/tokens/self") as answer:
                    said = await answer.json()
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)
    assert (said["scope"], said["token"]["name"]) == ("control", "demo")
    stopped.set()
    await running


def test_with_detection_cameras_see_motion_only_and_a_model_finds_the_rest(tmp_path: Path) -> None:
    show = Show(directory=tmp_path, port=0, api_port=0, detects=True)
    made = _configuration(show, MqttConfig(url="mqtt://127.0.0.1:1"), HttpConfig())
    assert made.systems["sim"].settings == SimulatorConfig(cameras=3, pace=2.0, pictures_only=1, names_visitors=False)
    settings = made.sinks["detection"].settings
    assert isinstance(settings, DetectionSettings)
    assert settings.models["demo"].file == MODEL
    camera = settings.camera("sim", "1", "Driveway")
    assert camera is not None
    assert camera.fps == 1
    assert (
        "detection" not in _configuration(replace(show, detects=False), MqttConfig(url="mqtt://127.0.0.1:1"), HttpConfig()).sinks
    )


@pytest.mark.parametrize(("detects", "words"), [(True, "only see motion"), (False, "without it")])
def test_the_demo_says_who_finds_out_what_is_seen(*, detects: bool, words: str) -> None:
    assert words in said(detects=detects)


def test_the_model_is_in_the_package() -> None:
    assert can_detect()
    assert "**For the demo.**" in (MODEL.parent / "README.md").read_text(encoding="utf-8")


async def test_a_link_opens_without_a_token_and_stops_when_the_token_is_given_up(tmp_path: Path) -> None:
    out, stopped = io.StringIO(), asyncio.Event()
    running = asyncio.create_task(
        perform(Show(directory=tmp_path, port=0, api_port=0), PlainDisplay(out), SystemClock(), stopped)
    )
    while (found := re.search(r"without a token: (http://\S+)\n", out.getvalue())) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    link = found[1]
    token = re.search(r"Bearer (vb_[\w-]+)'", out.getvalue())
    assert token is not None
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(link) as answer:
                    if answer.status == 200:  # the camera may not be known yet
                        assert answer.content_type == "image/jpeg"
                        assert await answer.read()
                        break
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
        url, headers = link.partition("/media/")[0], {"Authorization": f"Bearer {token[1]}"}
        async with session.delete(f"{url}/tokens/self", headers=headers) as gone:
            assert gone.status == 204
        async with session.get(link) as answer:
            assert answer.status == 403
    stopped.set()
    await running


@pytest.mark.timeout(60)  # a demo and two processes, on a machine that has other work
async def test_two_examples_run_in_their_sandbox(tmp_path: Path) -> None:
    out, stopped = io.StringIO(), asyncio.Event()
    await asyncio.to_thread(scripting.write, tmp_path)
    show = Show(directory=tmp_path, port=0, api_port=0, pace=20.0, has_scripts=True)
    running = asyncio.create_task(perform(show, PlainDisplay(out), SystemClock(), stopped))
    for words in (
        r"night_siren  script says +ready: 3 triggers",
        r"escalation   script says +ready: 4 triggers",
        "telling guard",
    ):
        while re.search(words, out.getvalue()) is None:
            assert not running.done(), out.getvalue()
            await asyncio.sleep(0.02)
    stopped.set()
    await running
    assert "script fails" not in out.getvalue()


def test_the_examples_are_those_of_the_checkout_and_are_changed(tmp_path: Path) -> None:
    assert scripting.can_script()
    scripting.write(tmp_path)
    for name, changes in scripting.CHANGES.items():
        text = (scripting.EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        written = (tmp_path / "scripts" / f"{name}.py").read_text(encoding="utf-8")
        assert all(before in text and before not in written for before, _ in changes)
        assert main(["script", "lint", "--strict", str(tmp_path / "scripts" / f"{name}.py")]) == OK


@pytest.mark.parametrize("hour", range(24))
def test_the_demos_site_is_closed_now(hour: int) -> None:
    closed = scripting.settings_at(hour)["night_siren"]
    begins, ends = closed["closed_from"], closed["closed_until"]
    assert isinstance(begins, int)
    assert isinstance(ends, int)
    assert (hour >= begins or hour < ends) if begins > ends else begins <= hour < ends


@pytest.mark.parametrize(("has_scripts", "words"), [(True, "are approved"), (False, "from a checkout")])
def test_the_demo_says_which_scripts_run(*, has_scripts: bool, words: str) -> None:
    assert words in scripting.said(has_scripts=has_scripts)
