"""Where videos are while they are looked at: a directory of its own for each, which goes; what a kill has left goes later."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.errors import OutputError
from vms_bridge.private_files import make_directory
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock

_PREFIX = "vms-bridge-download-"
_KEPT_PREFIX = "vms-bridge-kept-"
_OURS = re.compile(rf"{_PREFIX}[A-Za-z0-9_]{{8}}")
LEFT_FOR_S = 86_400.0


@asynccontextmanager
async def download_directory(within: Path | None, clock: Clock, *, kept: bool = False) -> AsyncIterator[Path]:
    """Make a directory for its owner only, and take it away at the end unless it is to be `kept`. Raises OutputError."""
    parent = within or Path(tempfile.gettempdir())
    now_s = clock.now().timestamp()
    try:
        directory = await in_thread("download", lambda: _make(parent, now_s, _KEPT_PREFIX if kept else _PREFIX), close=_remove)
    except OSError as error:
        raise OutputError(f"no directory can be made in {parent}: {error.strerror}", hint="name one by download_dir") from None
    try:
        yield directory
    finally:
        if not kept:
            await in_thread("download", lambda: _remove(directory))


def _make(parent: Path, now_s: float, prefix: str) -> Path:
    make_directory(parent)
    for path in parent.iterdir():
        if _OURS.fullmatch(path.name) and path.is_dir() and not path.is_symlink() and now_s - path.stat().st_mtime > LEFT_FOR_S:
            _remove(path)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
