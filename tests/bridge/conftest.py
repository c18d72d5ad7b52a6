"""What the bridge's unit tests share."""

from __future__ import annotations

import gc
import logging
import os
from typing import TYPE_CHECKING

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings
from tests.bridge.scripts.escapes.tally import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]  # here, for the process that collects the others' results reads no folder below

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # the machine's time says nothing about a property

_FINDS_LEAKS = bool(os.environ.get("VMS_BRIDGE_FIND_LEAKS"))
"""It takes as long again as the tests themselves."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from looking at thousands of tests again and again: they live as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Find what a test has left open in that test, where that is asked for: it fails another one where it is collected later."""
    if _FINDS_LEAKS:
        gc.collect()


@pytest.fixture(autouse=True)
def logging_as_found() -> Iterator[None]:
    """Undo what a test that runs a whole program has done to logging."""
    loggers = [logging.getLogger(), logging.getLogger("vms_bridge")]
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, level, handlers in before:
        logger.setLevel(level)
        for handler in [each for each in logger.handlers if each not in handlers]:
            logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test whose project code blocks the event loop."""
    with blockbuster_ctx("vms_bridge") as blocker:
        # Not ours: the measuring of coverage takes its own lock wherever a line is first met.
        blocker.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", {"lock_data", "unlock_data"})
        yield blocker
