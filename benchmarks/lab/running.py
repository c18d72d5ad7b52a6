"""How a benchmark starts and ends: exit 0 whatever it found, 1 when it could not measure."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab.programs import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run(measure: Callable[[Path], Awaitable[None]]) -> int:
    """Run a benchmark in a folder of its own, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="vms-bridge-bench-") as folder:
        try:
            asyncio.run(_run(measure, Path(folder)))
        except CannotMeasureError as error:
            print(f"could not measure: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 1
    return 0


async def _run(measure: Callable[[Path], Awaitable[None]], folder: Path) -> None:
    await measure(folder)
