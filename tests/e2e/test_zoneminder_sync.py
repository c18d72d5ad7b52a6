"""The three lines of docs/library.md, as a program of its own, on a real ZoneMinder."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.sync import ZoneMinder as Library

if TYPE_CHECKING:
    from tests.e2e.zoneminder import ZoneMinder

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
_RECENT = "SELECT Id FROM Events WHERE StartDateTime >= NOW() - INTERVAL 1 HOUR ORDER BY Id DESC"


async def recent(zoneminder: ZoneMinder) -> set[str]:
    return {row[0] for row in await zoneminder.sql(_RECENT)}


async def test_the_script_of_the_page_lists_the_events_of_the_last_hour(zoneminder: ZoneMinder) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    script = found[1].replace("https://host/zm", zoneminder.url)
    script = script.replace('"user", "password"', f"{zoneminder.username!r}, {zoneminder.password!r}")
    before = await recent(zoneminder)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaints = await program.communicate()
    assert (program.returncode, complaints) == (0, b"")
    listed = [line.split()[0] for line in said.decode().splitlines()]
    assert listed == sorted(listed, key=int, reverse=True)
    assert before
    assert before <= set(listed) <= await recent(zoneminder) | before


async def test_a_script_reads_and_changes_without_an_event_loop(zoneminder: ZoneMinder) -> None:
    def script() -> tuple[str, str | None, bytes]:
        with Library(zoneminder.url, zoneminder.username, zoneminder.password) as zm:
            door = zm.monitors.find(name="Front Door")
            assert door is not None
            event = zm.events(monitor=3, limit=1).first()
            assert event is not None
            title = zm.events.rename(event, "A name, by a script").name
            state = zm.states.active()
            return title, None if state is None else state.name, zm.monitors.snapshot(door)

    title, state, picture = await asyncio.to_thread(script)
    assert (title, state) == ("A name, by a script", "default")
    assert picture.startswith(b"\xff\xd8")
