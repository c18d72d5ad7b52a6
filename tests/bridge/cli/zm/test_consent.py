"""What can't be undone is said, and wanted, before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vms_bridge.cli import OK, USAGE

if TYPE_CHECKING:
    from tests.bridge.cli.conftest import Terminal
    from tests.bridge.cli.zm.conftest import Zm
    from tests.fakes.zoneminder import FakeZoneMinder, World


async def test_nobody_can_be_asked(zm: Zm, world: World) -> None:
    code, out, err = await zm("monitors", "delete", "2")
    assert (code, out, "--yes does it" in err, "would delete monitor 2 Camera 2" in err) == (USAGE, "", True, True)
    assert 2 in world.monitors


async def test_what_would_be_done_is_shown_and_not_done(zm: Zm, fake: FakeZoneMinder, world: World) -> None:
    code, out, _ = await zm("monitors", "delete", "Camera 2", "--dry-run")
    assert (code, "would delete monitor 2 Camera 2" in out) == (OK, True)
    assert 2 in world.monitors
    assert "DELETE" not in {method for method, _ in fake.requests}


@pytest.mark.parametrize("answer", ["n\n", "\n"])
async def test_who_is_asked_says_no(
    answer: str, zm: Zm, fake: FakeZoneMinder, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.write(answer)
    terminal.seek(0)
    monkeypatch.setattr("sys.stdin", terminal)
    assert (await zm("monitors", "delete", "2"))[0] == OK
    assert "DELETE" not in {method for method, _ in fake.requests}
