"""`vms-bridge script record`, at a real API over a hub that a test has made."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.bridge.api.websocket.lab import house

from vms_bridge.cli import FAILED, OK, main
from vms_bridge.cli.script.heard import Heard
from vms_bridge.model import AlarmState
from vms_bridge.scripts.triggers.record import line, read
from vms_bridge.scripts.trying.trial import NOON

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_what_happens_is_recorded(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = folder / "events.jsonl"
    arguments = ["script", "record", "-o", str(to), "--for", "10m", "--config", str(config)]
    async with house(folder) as bridge:
        recording = asyncio.create_task(asyncio.to_thread(main, arguments))
        number = 7
        while not (to.exists() and {"alarm", "event", "monitor_state"} <= kinds(to)):
            number += 1
            await bridge.record(number, key="1", labels=("person",))
            bridge.show("1", alarm=AlarmState.ALARM if number % 2 else AlarmState.IDLE, connected=bool(number % 2))
            await asyncio.sleep(0.02)
    assert await recording == FAILED  # the bridge has ended
    assert "zm/1" in {"/".join(each.monitor) for _, each in read(to.read_text().splitlines(), file="x") if each.monitor}
    capsys.readouterr()
    assert await asyncio.to_thread(main, arguments) == FAILED
    assert "not there yet" in capsys.readouterr().err


def kinds(file: Path) -> set[str]:
    """Return what has been recorded so far; the last line may not be whole yet."""
    *lines, _ = file.read_text().split("\n")
    return {json.loads(line)["kind"] for line in lines}


async def test_a_recording_ends_when_its_time_is_over(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with house(folder):
        code = await asyncio.to_thread(main, ["script", "record", "--for", "0.1s", "--config", str(config)])
    assert (code, capsys.readouterr().err) == (OK, "")


def item(what: str, value: Any = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"what": what, "value": value, "system": "zm", "monitor": "1", **more}


def test_what_is_said_by_the_websocket_is_what_scripts_get() -> None:
    heard = Heard()
    before = [
        item("notices", [{"id": "a", "kind": "system_lost"}]),
        item("system", {"name": "Home", "state": {"available": True}}),
        item("monitor", {"name": "Gate", "zones": [{"key": "2", "name": "Drive"}]}),
        item("state", {"alarm": "idle", "connected": True, "score": 7, "cause": "Motion", "event_id": "zm-1"}),
        item("event", {"id": "zm-0", "type": "end", "system": "zm", "monitor": "1"}),
    ]
    assert [heard.take(each) for each in before] == [[]] * len(before)  # what was so before has not happened
    heard.take({"what": "synced"})
    taken = {
        "alarm": item("transition", before="idle", now="alarm", time="2026-11-20T12:00:00Z"),
        "event": item("event", {"id": "zm-2", "type": "new", "system": "zm", "monitor": "1", "monitor_name": "Gate"}),
        "detection": item("detection", {"source": "vms", "objects": [{"label": "car", "zones": ["2"]}]}),
        "system_state": item("system", {"name": "Home", "state": {"available": False}}),
        "gone": item("monitor", None),
    }
    for kind, each in taken.items():
        [found] = heard.take(each)
        assert found.kind == kind
        assert next(read([line(NOON, found)], file="x"))[1].kind == kind
    assert heard.take(item("nothing that is known")) == []
    heard.take(item("notices", []))
    assert [each.what["active"] for each in heard.take(item("notices", [{"id": "b", "kind": "network"}]))] == [True]


def test_an_alarm_knows_what_is_known_of_its_monitor() -> None:
    heard = Heard(frozenset({"zm/1"}))
    heard.take(item("monitor", {"name": "Gate", "zones": []}))
    heard.take(item("state", {"score": 7, "cause": "Motion", "event_id": "zm-1"}))
    heard.take({"what": "synced"})
    [found] = heard.take(item("transition", before="idle", now="alarm", time="t"))
    assert {name: found.what[name] for name in ("name", "score", "cause", "event")} == {
        "name": "Gate",
        "score": 7,
        "cause": "Motion",
        "event": "zm-1",
    }
    assert heard.take({**item("transition", before="idle", now="alarm", time="t"), "monitor": "2"}) == []
    assert heard.take(item("system", None)) == []


def test_there_is_no_bridge(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["script", "record", "--config", str(config)]) == FAILED
    assert "no bridge is running here" in capsys.readouterr().err
