from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.named import ROOT
from tests.fakes.zoneminder.memory import SIZES, MemoryWriter

from vms_bridge.zoneminder import AlarmState, Force, Unusable
from vms_bridge.zoneminder.shared_memory import SharedMemory

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = {600: "1.34.26", 760: "1.36.33", 768: "1.36.36", 864: "1.37.70", 872: "1.38.4", 888: "1.39.20"}


@pytest.mark.parametrize("size", SIZES)
def test_what_a_script_asks(tmp_path: Path, size: int) -> None:
    writer = MemoryWriter(tmp_path, "1", size=size, from_one=size != 600)
    writer.create(time.time())
    with SharedMemory(1, version=VERSIONS[size], directory=tmp_path) as memory:
        assert (memory.is_valid(), memory.is_alarmed(), memory.last_event()) == (True, False, None)
        writer.set(state=2, last_event=77, cause=b"Motion")
        writer.set_trigger(1, b"gate", score=40, text=b"somebody\0rubbish", showtext="\u00e9".encode())
        assert (memory.is_alarmed(), memory.alarm_state(), memory.last_event()) == (True, AlarmState.ALARM, 77)
        assert (memory.cause().alarm, memory.cause().forced) == ("Motion", "gate")
        trigger = memory.trigger()
        assert (trigger.force, trigger.score, trigger.cause) == (Force.ALARM, 40, "gate")
        assert (trigger.text, trigger.showtext) == ("somebody", "\u00e9")
        writer.set(state=3)
        assert memory.is_alarmed()
        assert memory.alarm_state() is AlarmState.ALERT
        memory.reload()
        assert memory.is_valid()


def test_a_daemon_that_starts_anew_is_found(tmp_path: Path) -> None:
    writer = MemoryWriter(tmp_path, "7")
    memory = SharedMemory("7", version=(1, 36, 33), directory=str(tmp_path))
    assert not memory.is_valid()
    with pytest.raises(Unusable, match="does not run"):
        memory.alarm_state()
    writer.create(time.time(), last_event=3)
    assert memory.last_event() == 3
    writer.set(valid=0)
    assert not memory.is_valid()
    writer.create(time.time(), last_event=4)
    assert memory.last_event() == 4
    memory.close()


def test_a_dead_daemon_says_nothing(tmp_path: Path) -> None:
    MemoryWriter(tmp_path, "1").create(time.time() - 3600)
    with SharedMemory(1, version="1.36.33", directory=tmp_path) as memory, pytest.raises(Unusable, match="sign of life"):
        memory.is_alarmed()


@pytest.mark.parametrize(("monitor", "version"), [("../1", "1.36.33"), (-1, "1.36.33"), (1, "newest")])
def test_what_can_not_be_looked_at(tmp_path: Path, monitor: int | str, version: str) -> None:
    with pytest.raises(ValueError, match="ZoneMinder"):
        SharedMemory(monitor, version=version, directory=tmp_path)


def test_the_example_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/migrating.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "SharedMemory(" in block]
    MemoryWriter(tmp_path, "1").create(time.time(), state=2, last_event=77, cause=b"Motion")
    exec(code.replace('1.36.33"', f'1.36.33", directory={str(tmp_path)!r}'), {})  # noqa: S102 (the page's own)
    assert capsys.readouterr().out == "77 Motion\n"
