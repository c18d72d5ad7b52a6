"""`vms-bridge script run`: a script in its real sandbox, with what happens at a real API."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING

from tests.bridge.api.websocket.lab import house

from vms_bridge.cli import FAILED, OK, main
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SCRIPT = """from vms_bridge.script import monitors, mqtt, now, on, permissions

permissions(mqtt=["home/siren"], commands=["alarm"])

@on.startup()
async def begin():
    print("begins", now().year > 2000)

@on.alarm(to="alarm")
async def began(alarm):
    await mqtt.publish("home/siren", "ON")
    await alarm.monitor.trigger()
    print("known:", (await monitors["zm/2"].state()).connected)
"""


async def test_what_happens_now_happens_to_the_script(
    config: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = folder / "siren.py", io.StringIO()
    file.write_text(SCRIPT)
    monkeypatch.setattr("sys.stdout", out)
    async with house(folder) as bridge:
        running = asyncio.create_task(
            asyncio.to_thread(main, ["script", "run", str(file), "--config", str(config), "--for", "10m"])
        )
        number = 0
        while "known: True" not in out.getvalue():
            assert not running.done(), out.getvalue() + capsys.readouterr().err
            number += 1
            bridge.show("1", alarm=AlarmState.ALARM if number % 2 else AlarmState.IDLE)
            await asyncio.sleep(0.05)
        before = [each for each in bridge.hub.systems["zm"].monitors.values() if each.state.forced]
    assert await running == FAILED  # the bridge has ended
    assert not before  # nothing was really done
    assert "log begins True" in out.getvalue()
    assert "> mqtt.publish topic=home/siren" in out.getvalue()
    assert "> monitor.command monitor=zm/1 name=alarm" in out.getvalue()


async def test_it_ends_when_its_time_is_over(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "quiet.py"
    file.write_text("print('quiet')\n")
    arguments = ["script", "run", str(file), "--config", str(config), "--for", "0.1s", "--json"]
    async with house(folder):
        code = await asyncio.to_thread(main, arguments)
    assert code == OK
    assert "quiet" in {json.loads(line).get("log") for line in capsys.readouterr().out.splitlines()}


def test_a_script_that_does_not_get_up(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "broken.py"
    file.write_text("1 / 0\n")
    assert main(["script", "run", str(file), "--config", str(config)]) == FAILED
    assert "broken.py:1: ZeroDivisionError" in capsys.readouterr().err
