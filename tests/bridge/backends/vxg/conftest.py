"""Backends at work against a simulated VXG, by a clock for which nobody waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from tests.fakes.virtual_time import VirtualClock, VirtualLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    import pytest


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Have time pass only when nothing is left to do: no test waits for it, however busy the machine is."""
    del item
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def clock() -> VirtualClock:
    return VirtualClock()
