"""The program of a script's process: `main(fd)`, with the descriptor of the socket to the bridge."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_PROCESS = "vms_bridge.scripts.worker.process"


def main(fd: int) -> NoReturn:
    """Serve the bridge until it lets go."""
    # asyncio would load it: megabytes, for connections that nobody can make here.
    sys.modules["ssl"] = None  # type: ignore[assignment] # how an import is told that there is none
    serve: Callable[[int], NoReturn] = import_module(_PROCESS).serve
    serve(fd)
