"""`vms-bridge script test`, as its users give it."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003

import pytest

from vms_bridge.cli import FAILED, OK, USAGE, main

SCRIPT = """from vms_bridge.script import mqtt, on, permissions, settings, Number, state, cron

permissions(mqtt=["home/siren"])
settings(count=Number(2, min=1, max=5))

@on.alarm(to="alarm")
async def began(alarm):
    state["count"] = state.get("count", 0) + 1
    if state["count"] >= settings["count"]:
        await mqtt.publish("home/siren", "ON")

@cron("0 * * * *")
def hourly():
    print("an hour")
"""
WHAT = '{"system": "zm", "monitor": "1", "before": "idle", "now": "alarm"}'
ALARM = f'{{"at": "2026-11-20T12:00:%02dZ", "kind": "alarm", "what": {WHAT}}}\n'


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "replay.jsonl").write_text(ALARM % 0 + ALARM % 9)
    file = tmp_path / "siren.py"
    file.write_text(SCRIPT)
    return file


def test_it_is_shown_what_happened(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay = str(script.parent / "replay.jsonl")
    assert main(["script", "test", str(script), "--replay", replay, "--time-zone", "UTC", "--for", "1h"]) == OK
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "2026-11-20",
        "  12:00:00  * alarm zm/1 idle -> alarm",
        "  12:00:09  * alarm zm/1 idle -> alarm",
        "  12:00:09  > mqtt.publish topic=home/siren retain=false body=ON",
        "  13:00:00    log an hour  (line 14)",
    ]
    assert "2 triggers, 3,609 s, 0 failures" in shown.err
    assert main(["script", "test", str(script), "--replay", replay, "--all"]) == OK
    assert "  began()  line 6" in capsys.readouterr().out


def test_answers_and_json(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = script.parent / "answers.json"
    answers.write_text(json.dumps({"settings": {"count": 5}, "state": {"count": 3}}))
    arguments = ["script", "test", str(script), "--replay", str(script.parent / "replay.jsonl"), "--answers", str(answers)]
    assert main([*arguments, "--json"]) == OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["at_s"] for line in lines if line.get("did") == "mqtt.publish"] == [9.0]
    answers.write_text(json.dumps({"settings": {"count": 9}}))
    assert main(arguments) == FAILED
    assert "takes 1 to 5" in capsys.readouterr().err


def test_what_is_expected(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = script.parent / "expected.jsonl"
    arguments = ["script", "test", str(script), "--replay", str(script.parent / "replay.jsonl"), "--expect", str(expected)]
    assert main(arguments) == FAILED
    assert "can't be read" in capsys.readouterr().err
    assert main([*arguments, "--update"]) == OK
    assert json.loads(expected.read_text()) == {
        "at_s": 9.0,
        "did": "mqtt.publish",
        "with": {"topic": "home/siren"},
        "text": "ON",
    }
    assert main(arguments) == OK
    expected.write_text('{"did": "mqtt.publish", "text": "OFF"}\n')
    capsys.readouterr()
    assert main(arguments) == FAILED
    assert '- {"did": "mqtt.publish", "text": "OFF"}' in capsys.readouterr().err
    assert main(["script", "test", str(script), "--update"]) == USAGE
    assert main([*arguments[:-1], str(script.parent), "--update"]) == USAGE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", "siren.py:1: it is no Python"),
        ("from vms_bridge.script import permissions\npermissions(x=1)\n", "siren.py:2: "),
        ("x = 1\n1 / 0\n", "siren.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_scripts_that_can_not_be_tried(script: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    script.write_text(text)
    assert main(["script", "test", str(script)]) == FAILED
    shown = capsys.readouterr()
    assert words in shown.err
    assert "vms_bridge/" not in shown.err + shown.out  # none of our own lines
    assert main(["script", "test", str(script), "--json"]) == FAILED


def test_handlers_that_nothing_has_called_are_named(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.write_text(
        "from vms_bridge.script import on\n\n@on.startup\ndef f(): pass\n\n@on.alarm(monitor='fornt*')\ndef g(): pass\n"
    )
    assert main(["script", "test", str(script)]) == OK
    assert "never called: g (line 6)" in capsys.readouterr().err


def test_a_replay_that_is_none(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay = script.parent / "replay.jsonl"
    replay.write_text(ALARM % 5 + ALARM % 1)
    assert main(["script", "test", str(script), "--replay", str(replay)]) == FAILED
    assert f"{replay}:2: " in capsys.readouterr().err
