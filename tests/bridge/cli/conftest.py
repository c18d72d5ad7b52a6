"""A configuration for the verbs that ask a running bridge, a bridge for them to ask, and how a test gives them."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import Api, serving
from tests.bridge.api.world import World

from vms_bridge.cli import main

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    Ask = Callable[..., Coroutine[None, None, tuple[int, str, str]]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket, however deep pytest's own are."""
    with tempfile.TemporaryDirectory(prefix="vb-", dir=os.environ.get("XDG_RUNTIME_DIR", "/tmp")) as name:  # noqa: S108 - for its length
        yield Path(name)


@pytest.fixture
def config(folder: Path) -> Path:
    file = folder / "vms-bridge.yaml"
    file.write_text(f"data_dir: {folder}\nhttp: {{}}\nsystems: {{zm: {{type: simulator}}}}\n")
    return file


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(folder: Path, world: World) -> AsyncIterator[Api]:
    async with serving(folder, hub=world) as api:
        yield api


@pytest.fixture
def ask(api: Api, config: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a verb in a thread, as the server is on the loop; return its code and what it prints."""

    async def asked(*arguments: str) -> tuple[int, str, str]:
        assert api.port
        code = await asyncio.to_thread(main, [*arguments, "--config", str(config)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return asked


class Terminal(io.StringIO):
    """What says that it is a terminal; it is stdout and stderr once a test has said so, for pytest has its own before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._monkeypatch = monkeypatch

    def isatty(self) -> bool:
        return True

    def take_over(self) -> None:
        self._monkeypatch.setattr("sys.stdout", self)
        self._monkeypatch.setattr("sys.stderr", self)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal that can show colours."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "140", "LINES": "60"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(monkeypatch)
