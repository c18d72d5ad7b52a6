"""What a shell completes from a ZoneMinder, by the protocol of its scripts, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.zm.test_place import configured

from vms_bridge.cli import main
from vms_bridge.cli.direct import completing
from vms_bridge.cli.zm.place import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from tests.fakes.zoneminder import FakeZoneMinder

    Complete = Callable[..., Coroutine[None, None, list[str]]]


@pytest.fixture
def complete(fake: FakeZoneMinder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Complete the last one of some words, as bash asks for it; on a busy machine two seconds may be too short."""
    monkeypatch.setattr(completing, "_PATIENCE_S", 15.0)
    monkeypatch.setenv(PASSWORD, fake.users["admin"].password)

    async def completed(*words: str, where: tuple[str, ...] | None = None) -> list[str]:
        place = ("--url", fake.url, "--user", "admin") if where is None else where
        line = ["vms-bridge", "zm", *words[:-1], *place, words[-1]]
        monkeypatch.setenv("_VMS_BRIDGE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(json.dumps(word) for word in line))
        monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
        with pytest.raises(SystemExit):
            await asyncio.to_thread(main, [])
        shown = capsys.readouterr()
        assert shown.err == ""
        return [each.partition(",")[2] for each in shown.out.splitlines() if each]

    return completed


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("monitors", "show", ""), ["1", "2", "3"]),
        (("monitors", "alarm", "1", "o"), ["on", "off"]),
        (("states", "set", "Q"), ["Quiet"]),
        (("states", "s"), ["show", "set", "start", "stop"]),
    ],
)
async def test_what_a_zoneminder_has(words: tuple[str, ...], found: list[str], complete: Complete) -> None:
    place = () if words == ("states", "s") else None
    assert sorted(await complete(*words, where=place)) == sorted(found)


async def test_what_is_configured(complete: Complete, fake: FakeZoneMinder, tmp_path: Path) -> None:
    file = configured(fake, tmp_path, "zm", "attic")
    assert await complete("version", "--system", "", where=()) == []
    assert await complete("version", "--config", str(file), "--system", "", where=()) == ["zm", "attic"]
    assert await complete("monitors", "show", "", where=("--config", str(file), "--system", "zm")) == ["1", "2", "3"]


async def test_what_is_wrong_completes_nothing(complete: Complete, fake: FakeZoneMinder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await complete("monitors", "show", "", where=("--url", "http://127.0.0.1:1/zm")) == []
    monkeypatch.delenv(PASSWORD)
    assert await complete("monitors", "show", "") == []  # nobody is asked for a password
    assert fake.logins == type(fake.logins)()
