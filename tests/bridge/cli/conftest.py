"""A configuration for the verbs that ask a running bridge."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


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
