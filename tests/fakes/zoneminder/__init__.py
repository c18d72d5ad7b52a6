"""A fake ZoneMinder for tests and benchmarks: an HTTP server with the habits of every version, and shared memory files.

    async with FakeZoneMinder(World(monitors=200, shm_dir=path)) as zm:
        zm.world.alarm(1)

Alone: `python -m tests.fakes.zoneminder --port 8080 --monitors 200 --version 1.38.4 --shm-dir /tmp/shm --rate 5`.
"""

from __future__ import annotations

from tests.fakes.zoneminder.memory import MemoryWriter
from tests.fakes.zoneminder.personality import Personality, by_version
from tests.fakes.zoneminder.server import FakeZoneMinder, User
from tests.fakes.zoneminder.world import FakeEvent, FakeLine, FakeMonitor, World

__all__ = ["FakeEvent", "FakeLine", "FakeMonitor", "FakeZoneMinder", "MemoryWriter", "Personality", "User", "World", "by_version"]
