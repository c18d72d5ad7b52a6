"""docs/vxg.md: its examples are run, each as a script of its own, and print what the page says; the tests it names are there."""

from __future__ import annotations

import asyncio
import io
import json
import re
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.vxg import FakeVxg

PAGE = Path(__file__).parents[3] / "docs" / "vxg.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, flags=re.DOTALL)
HERE = Path(__file__).parent


def test_every_example_says_what_it_prints() -> None:
    assert len(EXAMPLES) == TEXT.count("```python")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_prints_what_the_page_says(number: int) -> None:
    script, said = EXAMPLES[number]
    async with FakeVxg(channels=3) as fake:
        _fill(fake)
        printed = await asyncio.to_thread(_run, script.replace("https://web.example.cloud-vms.com", fake.url), fake)
    assert printed == said


def test_the_tests_that_the_page_names_are_there() -> None:
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`(?:, `::(test_\w+)`)?", TEXT)
    assert len(named) > 15
    for file, first, second in named:
        source = (HERE / file).read_text(encoding="utf-8")
        assert all(f"def {name}(" in source for name in (first, second) if name)


def _fill(fake: FakeVxg) -> None:
    for channel, name in zip(fake.world.channels.values(), ("Front Door", "Driveway", "Garden"), strict=True):
        channel.name = name
    fake.world.channels[103].status = "inactive"
    fake.world.task_delay_s = fake.world.images_delay_s = 0.05
    fake.world.set_period(fake.world.channels[101], 30.0)
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)
    fake.world.happen(101, "motion", ago_s=120)
    label = {"Name": "Person", "Instances": [{"BoundingBox": {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.5}}]}
    found = json.dumps({"Labels": [label]}).encode()
    fake.world.happen(102, "object_and_scene_detection", ago_s=60, meta={"person": "1"}, file=found)


def _run(script: str, fake: FakeVxg) -> str:
    printed = io.StringIO()
    known = {"__name__": "__main__", "GROUP_TOKEN": fake.group_token(), "ACCOUNT_KEY": fake.lkey}
    with redirect_stdout(printed):
        exec(compile(script, str(PAGE), "exec"), known)  # noqa: S102 (our own page)
    return printed.getvalue()
