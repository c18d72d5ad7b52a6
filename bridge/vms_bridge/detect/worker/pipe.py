"""The worker's ends of its pipes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from vms_bridge.detect.engine.wire import HEADER, pack

if TYPE_CHECKING:
    from pydantic import BaseModel


class Output:
    """Where the worker writes what it says, from any of its threads. It waits for the bridge to read it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._turn = threading.Lock()

    def say(self, said: BaseModel) -> None:
        """Say it. Nobody is there to hear it any more: the process ends."""
        left = memoryview(pack(said))
        with self._turn:
            try:
                while left:
                    left = left[os.write(self._file, left) :]
            except BrokenPipeError:
                os._exit(0)


def read(file: int) -> bytes | None:
    """Return what the bridge says next, None at its end."""
    head = _exactly(file, HEADER.size)
    return None if head is None else _exactly(file, HEADER.unpack(head)[0])


def _exactly(file: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(file, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
