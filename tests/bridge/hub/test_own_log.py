"""The newest lines of the bridge's own log: bounded, without secrets, and kept for as long as the hub runs only."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import started
from tests.fakes.clock import FakeClock

from vms_bridge.concealment import Secrets
from vms_bridge.hub.own_log import LONGEST_LINE, MOST_LINES, OwnLog

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("vms_bridge.some.part")


def test_it_is_bounded_and_has_no_secrets() -> None:
    secrets = Secrets(["correct horse"])
    log = OwnLog(secrets)
    log.open()
    try:
        LOGGER.warning("the password is %s", "correct horse")
        secrets.keep(["battery staple"])
        LOGGER.error("and then battery staple, \x1b[31mred")
        log.handle(LOGGER.makeRecord(LOGGER.name, logging.ERROR, "", 1, "%d that do not fit", ("no",), None))
        LOGGER.error("x" * 5_000)
        first, second, third, long = log.lines(logging.WARNING, 10)
        assert (first.message, first.level, first.component) == ("the password is ***", "warning", "vms_bridge.some.part")
        assert second.message == "and then ***, \\x1b[31mred"
        assert third.message == "%d that do not fit"
        assert len(long.message) == LONGEST_LINE
        assert log.lines(logging.ERROR, 2) == [third, long]
        for number in range(MOST_LINES + 10):
            LOGGER.warning("line %d", number)
        assert len(log.lines(0, 5_000)) == MOST_LINES
    finally:
        log.close()
    LOGGER.error("after its end")
    assert log.lines(logging.ERROR, 1) == []


class Unsayable:
    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def __str__(self) -> str:
        raise self._error

    __repr__ = __str__


SAID: list[tuple[Any, tuple[Any, ...], str]] = [
    ("%s", (Unsayable,), "%s"),
    ("%d", ("x",), "%d"),
    ("%(a)s", ({},), "%(a)s"),
    ("%s %s", (1,), "%s %s"),
    (Unsayable, (), "a line that can't be said (Unsayable)"),
    (None, (), "None"),
    ("\ud800", (), "\ud800"),
]


@pytest.mark.parametrize("error", [RuntimeError, RecursionError, MemoryError, UnicodeDecodeError])
def test_whatever_is_logged_its_handler_raises_nothing(error: type[Exception]) -> None:
    log = OwnLog(Secrets())
    wild = Unsayable(error)
    for message, arguments, _ in SAID:
        said = [wild if each is Unsayable else each for each in (message, *arguments)]
        log.handle(LOGGER.makeRecord(LOGGER.name, logging.ERROR, "", 1, said[0], tuple(said[1:]), None))
    assert [line.message for line in log.lines(0, 10)] == [told for _, _, told in SAID]
    wrong = LOGGER.makeRecord(LOGGER.name, logging.ERROR, "", 1, "at no time", (), None)
    wrong.created = math.inf
    log.handle(wrong)
    assert len(log.lines(0, 10)) == len(SAID)


async def test_the_hub_keeps_it_while_it_runs(tmp_path: Path) -> None:
    async with started(tmp_path, FakeClock()) as hub:
        LOGGER.warning("seen")
        assert [line.message for line in hub.own_log(logging.WARNING, 1)] == ["seen"]
    LOGGER.warning("not seen")
    assert [line.message for line in hub.own_log(logging.WARNING, 1)] == ["seen"]
