"""What a shell completes from a VXG, by the protocol of its scripts, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.vxg.test_place import configured

from vms_bridge.cli import main
from vms_bridge.cli.direct import completing
from vms_bridge.cli.vxg.place import LKEY, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from tests.fakes.vxg import FakeVxg

    Complete = Callable[..., Coroutine[None, None, list[str]]]


@pytest.fixture
def complete(fake: FakeVxg, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Complete the last one of some words, as bash asks for it; on a busy machine two seconds may be too short."""
    monkeypatch.setattr(completing, "_PATIENCE_S", 15.0)
    monkeypatch.setenv(TOKEN, fake.group_token())
    monkeypatch.setenv(LKEY, fake.lkey)

    async def completed(*words: str, where: tuple[str, ...] | None = None) -> list[str]:
        place = ("--url", fake.url) if where is None else where
        line = ["vms-bridge", "vxg", *words[:-1], *place, words[-1]]
        monkeypatch.setenv("_VMS_BRIDGE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(json.dumps(word) for word in line))
        monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
        with pytest.raises(SystemExit):
            await asyncio.to_thread(main, [])
        shown = capsys.readouterr()
        assert shown.err == ""
        return [each.partition(",")[2] for each in shown.out.splitlines() if each]

    return completed


async def test_what_a_vxg_has(complete: Complete, fake: FakeVxg) -> None:
    assert await complete("channels", "status", "") == ["101", "102", "103"]
    assert await complete("images", "sample", "101", "103") == ["103"]
    assert await complete("groups", "delete", "") == [str(fake.group.id)]
    assert await complete("channels", "record", "101", "by") == ["by_event"]


async def test_what_is_configured(complete: Complete, fake: FakeVxg, tmp_path: Path) -> None:
    file = configured(fake, tmp_path, "cloud", "attic")
    assert await complete("channels", "list", "--config", str(file), "--system", "", where=()) == ["cloud", "attic"]
    assert await complete("live", "urls", "", where=("--config", str(file), "--system", "attic")) == ["101", "102", "103"]


async def test_what_is_wrong_completes_nothing(complete: Complete) -> None:
    assert await complete("channels", "status", "", where=("--url", "http://127.0.0.1:1")) == []
