"""The examples of docs/cli.md that ask a VXG itself do what they say: each is given to one that has all that they name."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.test_docs import arguments, examples
from tests.bridge.cli.vxg.test_place import configured

from vms_bridge.cli import OK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg

EXAMPLES = [line for line in examples() if arguments(line)[0] == "vxg"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 15


@pytest.mark.parametrize("line", EXAMPLES)
async def test_an_example(line: str, run: Ran, fake: FakeVxg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.world.channels[101].name = "Front door"
    fake.group.name = "Our engine"
    fake.group.channels = [101, 102, 103]
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)
    event = fake.world.happen(101, ago_s=60)
    fake.world.events[42] = event
    (tmp_path / "account-key").write_text(fake.lkey)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"timestamp": "2026-11-20T12:00:00Z"}\n')))
    file = configured(fake, tmp_path, "cloud")
    code, out, err = await run(*arguments(line)[1:], "--config", str(file))
    assert (code, "Traceback" in out + err) == (OK, False), (line, err)
