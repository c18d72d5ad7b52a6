"""What a shell completes from the running bridge, by the protocol of its scripts, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.answering import answering, json_answer
from tests.fakes.backend import monitor
from tests.fakes.scripts import FakeScripts

from vms_bridge.cli import completing, main
from vms_bridge.sockets import api_socket
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bridge.api.lab import Api
    from tests.bridge.api.world import World

    Complete = Callable[..., list[str]]
MONITORS = ["other/1", "zm/1", "zm/2"]


@pytest.fixture
def complete(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Complete the last one of some words, as bash asks for it; on a busy machine a second may be too short."""
    monkeypatch.setattr(completing, "_PATIENCE_S", 15.0)

    def completed(*words: str, where: tuple[str, ...] = ()) -> list[str]:
        at = next((at for at, word in enumerate(words) if word.startswith("--")), len(words) - 1)
        line = ["vms-bridge", *words[:at], *(where or ("--config", str(config))), *words[at:]]
        monkeypatch.setenv("_VMS_BRIDGE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(json.dumps(word) for word in line))
        monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
        with pytest.raises(SystemExit) as ended:
            main([])
        shown = capsys.readouterr()
        assert (ended.value.code, shown.err) == (0, "")
        return [each.partition(",")[2] for each in shown.out.splitlines() if each]

    return completed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("monitors", "show", ""), MONITORS),
        (("monitors", "show", "zm/"), ["zm/1", "zm/2"]),
        (("monitors", "list", "--area", ""), ["Garden"]),
        (("events", "list", "--system", "z"), ["zm"]),
        (("events", "list", "--monitor", "o"), ["other/1"]),
        (("events", "download", "--monitor", "o"), ["other/1"]),
        (("events", "list", "--label", ""), ["dog", "person"]),
        (("events", "download", "--zone", "d"), ["dog"]),
        (("logs", ""), ["zm", "other"]),
        (("index", "rebuild", "--system", ""), ["zm", "other"]),
        (("token", "create", "--monitor", "zm/2"), ["zm/2"]),
        (("discovery", ""), ["on", "off", "drop"]),
        (("discovery", "drop", "ha"), ["ha-1"]),
        (("discovery", "off", "ha"), []),
        (("script", "logs", ""), ["gate"]),
        (("script", "approve", "b"), []),
        (("command", ""), [*MONITORS, "zm", "other", "bridge"]),
        (("command", "zm/1", "a"), ["armed", "alarm"]),
        (("command", "zm/1", "func"), ["function"]),
        (("command", "zm", ""), ["run_state"]),
        (("command", "bridge", "d"), ["discovery"]),
        (("command", "zm-9", "lo"), ["locked"]),
        (("command", "zm/1", "alarm", ""), ["ON", "OFF"]),
        (("command", "zm/1", "function", ""), ["None", "Monitor", "Modect"]),
        (("command", "zm", "run_state", ""), ["Home", "Away"]),
        (("command", "zm/404", "function", ""), []),
        (("command", "zm/1", "restart", ""), []),
    ],
)
async def test_what_the_bridge_has(words: tuple[str, ...], found: list[str], api: Api, world: World, complete: Complete) -> None:
    assert api.port
    world.claim("switch", "ha-1")
    world.scripts.serve(FakeScripts())
    completed = await asyncio.to_thread(complete, *words)
    assert sorted(completed) == sorted(found)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
async def test_other_shells_are_told_what_it_is(
    shell: str, api: Api, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.port
    words = ["vms-bridge", "monitors", "show", "--config", str(config)]
    monkeypatch.setenv("_VMS_BRIDGE_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join([*words, "zm/2"] if shell == "zsh" else words))
    monkeypatch.setenv("COMP_CWORD", str(len(words)) if shell == "zsh" else "zm/2")
    with pytest.raises(SystemExit):
        await asyncio.to_thread(main, [])
    out = capsys.readouterr().out
    assert "zm/2" in out
    assert "Camera 2" in out


async def test_over_the_network_too(api: Api, complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", api.token(Scope.READ, systems=frozenset({"zm"})))
    assert await asyncio.to_thread(complete, "monitors", "show", "", where=("--url", api.url)) == ["zm/1", "zm/2"]
    monkeypatch.delenv("VMS_BRIDGE_TOKEN")
    assert await asyncio.to_thread(complete, "monitors", "show", "", where=("--url", api.url)) == []


async def test_a_name_that_no_shell_should_see(api: Api, world: World, complete: Complete) -> None:
    assert api.port
    world.add_monitor("zm", monitor(3, area="Gar\nden"))
    world.add_monitor("zm", monitor(4, area="Attic"))
    assert await asyncio.to_thread(complete, "monitors", "list", "--area", "") == ["Attic", "Garden"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0\r\n",
        json_answer([]),
        json_answer({}),
        json_answer({"monitors": 3}),
        json_answer({"monitors": [3]}),
        json_answer({}, 500),
    ],
)
def test_a_bridge_that_is_odd_completes_nothing(answer: bytes, folder: Path, complete: Complete) -> None:
    with answering(answer, path=api_socket(folder)):
        assert complete("monitors", "show", "") == []


def test_no_bridge_and_no_configuration_complete_nothing(complete: Complete, tmp_path: Path) -> None:
    assert complete("monitors", "show", "") == []
    assert complete("monitors", "show", "", where=("--config", str(tmp_path / "none"))) == []
    assert complete("monitors", "show", "", where=("--url", "nonsense")) == []


def test_a_bridge_that_hangs_completes_nothing(folder: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_PATIENCE_S", 0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(api_socket(folder)))
        listener.listen()
        assert complete("monitors", "show", "") == []


def test_there_is_an_end_to_what_is_completed(folder: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_MOST", 3)
    many = [{"system": "zm", "key": str(number), "name": "x"} for number in range(10)]
    with answering(json_answer({"monitors": many}), path=api_socket(folder)):
        assert len(complete("monitors", "show", "")) == 3
