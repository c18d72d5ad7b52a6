"""docs/library.md: its examples are run, each as a script of its own, and print what the page says."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.personality import V1_38_4
from tests.fakes.zoneminder.server import ADMIN

PAGE = Path(__file__).parents[3] / "docs" / "library.md"
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_example_says_what_it_prints() -> None:
    assert len(EXAMPLES) == PAGE.read_text(encoding="utf-8").count("```python")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_prints_what_the_page_says(number: int) -> None:
    script, said = EXAMPLES[number]
    async with FakeZoneMinder(_world(), users={"user": User("password", ADMIN)}) as fake:
        printed = await asyncio.to_thread(_run, script.replace("https://host/zm", fake.url))
    assert printed == said


def _world() -> World:
    world = World(V1_38_4)
    for number, name in enumerate(("Front Door", "Driveway", "Garden"), 1):
        world.monitors[number].name = name
    for monitor, notes in (
        (1, "detected:car:81%Motion: All"),
        (2, "Motion: Drive"),
        (3, "Motion: All"),
        (1, "detected:person:97%Motion: Porch"),
    ):
        event = world.open_event(monitor, notes=notes, max_score=80 if "person" in notes else 20)
        event.start -= timedelta(minutes=10)
        event.end, event.length, event.frames, event.alarm_frames = event.start + timedelta(seconds=60), 60.0, 50, 1
    return world


def _run(script: str) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(script, str(PAGE), "exec"), {"__name__": "__main__"})  # noqa: S102 (our own page)
    return printed.getvalue()
