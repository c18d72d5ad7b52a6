"""How a benchmark starts and ends: exit 0 whatever it found, 1 when it could not measure."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class CannotMeasureError(Exception):
    """Something that the benchmark needs is not there, or did not work."""


def run(measure: Callable[[Path], Coroutine[None, None, None]]) -> int:
    """Run a benchmark in a folder of its own, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="vms-bridge-bench-") as folder:
        try:
            asyncio.run(measure(Path(folder)))
        except CannotMeasureError as error:
            print(f"could not measure: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 1
    return 0
