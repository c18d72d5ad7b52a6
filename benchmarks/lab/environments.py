"""Environments of what benchmarks compare with: made once below `.cache`, in no lock, out of the bridge's and the tests' way."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"


async def python(name: str, packages: Sequence[str], *, without_needs: Sequence[str] = ()) -> Path:
    """Return the Python of the environment of that name, having made it if it is not as wanted. Raises CannotMeasureError.

    `without_needs` are packages that are installed without what they say they need.
    """
    folder = CACHE / name
    found, mark = folder / "bin" / "python", folder / "whole"
    wanted = " ".join([*packages, *without_needs])
    if not mark.exists() or mark.read_text() != wanted:
        print(f"making {folder} ({wanted}): it can take some minutes", file=sys.stderr)
        await _run(sys.executable, "-m", "venv", "--clear", str(folder))
        pip = (str(found), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore")
        await _run(*pip, *packages)
        if without_needs:
            await _run(*pip, "--no-deps", *without_needs)
        mark.write_text(wanted)
    return found


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdout=sys.stderr)
    if await process.wait():
        raise CannotMeasureError(f"the peers' environment could not be made: {' '.join(command)}")
