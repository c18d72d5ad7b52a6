from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.support import QuickClock, library
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4

from vms_bridge.clock import SystemClock
from vms_bridge.concealment import Secrets
from vms_bridge.zoneminder.database_log import database_log
from vms_bridge.zoneminder.zmlog import LogSettings, debug, log_settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.fakes.zoneminder import Personality

    from vms_bridge.clock import TimeLimit

SETTINGS = log_settings("zmesdetect_m1", {"ZM_SERVER_ID": "2"}, {"ZM_LOG_DEBUG": "1", "ZM_LOG_LEVEL_DATABASE": "1"})


class Standing(SystemClock):
    """A clock whose limits are over as soon as they are set, and whose sleep has no end."""

    async def sleep(self, seconds: float) -> None:
        del seconds
        await asyncio.Event().wait()

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[TimeLimit]:
        return super().timeout(None if seconds is None else 0.05)


def logger(handler: logging.Handler) -> logging.Logger:
    made = logging.getLogger("zmesdetect")
    made.handlers, made.propagate = [handler], False
    made.setLevel(1)
    return made


async def test_lines_become_rows() -> None:
    async with library(V1_36_33) as (zm, fake):
        async with database_log(zm.client, SETTINGS, Secrets(["hunter2secret"])) as handler:
            log = logger(handler)
            log.info("%d people, password hunter2secret", 2)
            log.debug("asked")
            log.log(debug(2), "not of interest")
            await asyncio.to_thread(log.error, "of another thread")
        log.error("too late")
    assert [(row["Level"], row["Code"], row["Message"]) for row in fake.log_rows] == [
        ("0", "INF", "2 people, password ***"),
        ("1", "DB1", "asked"),
        ("-2", "ERR", "of another thread"),
    ]
    row = fake.log_rows[0]
    assert (row["Component"], row["ServerId"], row["File"]) == ("zmesdetect_m1", "2", "test_database_log.py")
    assert float(row["TimeKey"]) > 1_700_000_000
    assert int(row["Pid"])
    assert int(row["Line"])


@pytest.mark.parametrize(
    ("personality", "written"),
    [(V1_36_33, "Tür \\u0416 \\U0001f600"), (V1_38_4, "Tür \\u0416 \\U0001f600")],
    ids=["1.36", "1.38"],
)
async def test_letters_that_the_table_does_not_have_are_told_by_their_numbers(personality: Personality, written: str) -> None:
    async with library(personality) as (zm, fake), database_log(zm.client, SETTINGS) as handler:
        logger(handler).info("Tür \u0416 \U0001f600")
        logger(handler).info("Tür \u0416")
    assert [row["Message"] for row in fake.log_rows] == [written, "Tür \u0416" if personality.modern_modes else "Tür \\u0416"]


async def test_what_it_can_not_take_yet_waits(caplog: pytest.LogCaptureFixture) -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("logs", "500", times=3)
        clock = QuickClock()
        async with database_log(zm.client, SETTINGS, clock=clock) as handler:
            log = logger(handler)
            log.info("first")
            log.info("second")
    assert [row["Message"] for row in fake.log_rows] == ["first", "second"]
    assert clock.slept_s == 90
    assert [record.getMessage() for record in caplog.records if "for now" in record.getMessage()] == [
        "ZoneMinder's log can't be written for now: api/logs failed with HTTP 500"
    ]


async def test_a_user_who_may_not_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.users["admin"].permissions -= {"system:edit"}
        async with database_log(zm.client, SETTINGS) as handler:
            log = logger(handler)
            logging.getLogger("vms_bridge.zoneminder").addHandler(handler)
            for _ in range(5):
                log.info("never")
        logging.getLogger("vms_bridge.zoneminder").removeHandler(handler)
    assert not fake.log_rows
    assert "can't be written, and is no more: Insufficient Privileges" in caplog.text
    assert caplog.text.count("is no more") == 1


async def test_a_flood_costs_its_oldest_lines() -> None:
    async with library(V1_36_33) as (zm, fake), database_log(zm.client, SETTINGS) as handler:
        log = logger(handler)
        for number in range(1200):
            log.info("%d", number)
        assert len(handler.waiting) == 1000  # type: ignore[attr-defined]
        assert handler.waiting[0]["Log[Message]"] == "200"  # type: ignore[attr-defined]
        for _ in range(997):
            handler.waiting.pop()  # type: ignore[attr-defined]
    assert [row["Message"] for row in fake.log_rows] == ["200", "201", "202"]


async def test_zoneminder_that_hangs_does_not_hold_up_the_end() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("logs", "500")
        async with database_log(zm.client, SETTINGS, clock=Standing()) as handler:
            logger(handler).info("lost")
        assert not fake.log_rows


def test_a_threshold_that_is_off_writes_nothing() -> None:
    settings = LogSettings(name="zmes", file=Path("x"), database_level=-5)

    async def check() -> None:
        async with library(V1_36_33) as (zm, fake):
            async with database_log(zm.client, settings) as handler:
                logger(handler).critical("nobody hears")
            assert not fake.log_rows

    asyncio.run(check())
