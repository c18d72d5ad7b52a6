"""A script beside a real ZoneMinder and a real broker: approved on the command line, it answers an alarm, adds to its event."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING, Any

from tests.e2e.bridge import COMMAND, Bridge, grave_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.broker import Broker, Observer
    from tests.e2e.zoneminder import ZoneMinder

ROOT = "vms_bridge/rules"
CONFIGURATION = """\
instance: rules
data_dir: {folder}/data
mqtt: {{url: "{broker}", commands: control}}
http: {{port: 0}}
scripts: {{}}
systems:
  zm:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: {zoneminder.shared_memory}
"""
RULE = '''\
"""Where somebody is at the front, the drive is recorded too."""

from vms_bridge.script import Alarm, Event, entity, log, monitors, on, permissions, state

permissions(monitors=["zm/*"], commands=["trigger"], annotate=True, entities=True)

visits = entity.sensor("visits", name="Visits")


@on.alarm(monitor="zm/1", to="alarm")
async def came(alarm: Alarm) -> None:
    state["visits"] = state.get("visits", 0) + 1
    visits.set(state["visits"])
    picture = await alarm.monitor.snapshot()
    log.info(f"a picture of {len(await picture.read())} bytes")
    done = await monitors["zm/2"].trigger(seconds=3)
    log.info("the drive is recorded:", done.result)


@on.event(monitor="zm/1", step="end")
async def went(event: Event) -> None:
    await event.annotate(labels=["visitor"], text="the rule has seen it")
    try:
        open("/etc/passwd")
    except OSError:
        log.info("no file can be opened")
'''
_WITHIN_S = 60.0


async def test_a_rule_is_approved_and_answers_an_alarm(
    broker: Broker, mqtt: Observer, zoneminder: ZoneMinder, tmp_path: Path
) -> None:
    configuration = CONFIGURATION.format(folder=tmp_path, broker=broker.url, zoneminder=zoneminder)
    bridge = Bridge(tmp_path, configuration, {"E2E_ZM_PASSWORD": zoneminder.password})
    await bridge.start()
    try:
        for monitor in (1, 2):
            await mqtt.state(f"{ROOT}/zm/{monitor}/state", lambda state: state["alarm"] == "idle")
        source = tmp_path / "rule.py"
        source.write_text(RULE)
        await _script(bridge, "upload", str(source))
        (waiting,) = json.loads(await _script(bridge, "list", "--json"))
        assert (waiting["name"], waiting["status"]) == ("rule", "waiting")
        await _script(bridge, "approve", "rule", "--yes")
        await mqtt.state(f"{ROOT}/script/rule/status", lambda status: status["status"] == "ready", within=_WITHIN_S)
        mark = len(mqtt.messages)
        await zoneminder.motion(1, on=True)
        drive = await mqtt.message(f"{ROOT}/zm/2/state", lambda each: each.json["alarm"] == "alarm", since=mark, within=_WITHIN_S)
        assert drive.json["forced"] is not False
        await zoneminder.motion(1, on=False)
        ended = await mqtt.message(f"{ROOT}/zm/1/event", _is_labelled, since=mark, within=_WITHIN_S)
        assert ended.json["text"] == "the rule has seen it"
        await _until_logged(bridge, "a picture of", "the drive is recorded: applied", "no file can be opened")
        kept = json.loads(await _script(bridge, "state", "rule", "--export"))
        assert "visits" in json.dumps(kept)
        await mqtt.state(f"{ROOT}/zm/2/state", lambda state: state["alarm"] == "idle", within=_WITHIN_S)
        assert not grave_lines(bridge.log)
    finally:
        await zoneminder.motion(1, on=False)
        await bridge.stop()


def _is_labelled(message: Any) -> bool:
    return bool("visitor" in message.json["labels"])


async def _until_logged(bridge: Bridge, *words: str) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while True:
            said = await _script(bridge, "logs", "rule")
            if all(each in said for each in words):
                return
            await asyncio.sleep(0.3)  # nobody tells when it changes


async def _script(bridge: Bridge, *words: str) -> str:
    """Run a verb of `vms-bridge script`, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        COMMAND, "script", *words, "--config", bridge.config, env=dict(os.environ) | bridge.secrets, stdout=PIPE, stderr=PIPE
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, f"{words}: {complained.decode()}"
    return said.decode()
