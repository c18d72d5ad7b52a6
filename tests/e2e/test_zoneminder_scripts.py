"""What scripts that come from pyzm do beside a real ZoneMinder 1.36: its shared memory, its logs, its daemons."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest_asyncio
from yarl import URL

from vms_bridge.zoneminder import AlarmState, Force, SharedMemory
from vms_bridge.zoneminder import ZoneMinder as Library
from vms_bridge.zoneminder.database_log import database_log
from vms_bridge.zoneminder.zm_conf import read_conf
from vms_bridge.zoneminder.zmlog import debug, file_handler, log_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.e2e.zoneminder import ZoneMinder

_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} [\w-]+\[\d+\]\.\w{3}-[^ /]+/\d+ \[.*\]")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def zm(zoneminder: ZoneMinder) -> AsyncIterator[Library]:
    """The library, logged in."""
    async with Library(zoneminder.url, zoneminder.username, zoneminder.password) as zm:
        yield zm


async def until(is_so: Callable[[], bool], *, within_s: float = 15.0) -> None:
    """Wait until it is so; ZoneMinder has no event for it."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_an_alarm_shows_in_shared_memory(zm: Library, zoneminder: ZoneMinder) -> None:
    version = (await zm.version()).zoneminder
    with SharedMemory(1, version=version, directory=zoneminder.shared_memory) as memory:
        await until(memory.is_valid)
        await until(lambda: memory.alarm_state() is AlarmState.IDLE)
        await zm.monitors.force_alarm(1)
        try:
            await until(memory.is_alarmed)
            assert await zm.monitors.alarm_state(1) in {AlarmState.ALARM, AlarmState.ALERT}
            trigger = memory.trigger()
            assert (trigger.force, trigger.cause) == (Force.ALARM, "Forced Web")
            assert memory.cause().forced == "Forced Web"
            event = memory.last_event()
        finally:
            await zm.monitors.cancel_alarm(1)
        await until(lambda: not memory.is_alarmed(), within_s=30)
        assert memory.trigger().force is Force.NOTHING
        assert event is not None
        counts = await zm.monitors.event_counts("1 day")
        assert counts["1"] >= 1
        assert "2" not in counts or counts["2"] >= 0


async def test_a_program_logs_as_zoneminders_own(zm: Library, zoneminder: ZoneMinder, tmp_path: Path) -> None:
    own = sorted(path for path in (zoneminder.root / "var/log/zm").glob("zmc_m*.log") if path.stat().st_size)
    assert own
    lines = [line for path in own for line in path.read_text(errors="replace").splitlines()]
    assert sum(_LINE.fullmatch(line) is not None for line in lines) > 0.9 * len(lines)
    conf = read_conf(zoneminder.root / "etc/zm")
    assert conf["ZM_PATH_LOGS"] == "/var/log/zm"
    assert "ZM_DB_PASS" not in conf
    settings = log_settings("zmesdetect_m1", conf, {row.name: row.value for row in await zm.configs.list()})
    assert (settings.file, settings.owner) == (Path("/var/log/zm/zmesdetect_m1.log"), ("www-data", "www-data"))
    handler = file_handler(replace(settings, file=tmp_path / "zmesdetect_m1.log", file_level=1))
    log = logging.getLogger("tests.e2e.zmesdetect")
    log.propagate = False
    log.setLevel(1)
    log.addHandler(handler)
    marked = f"ümlaut & 'quote' \U0001f600 {time.time()}"
    try:
        async with database_log(zm.client, replace(settings, database_level=0)) as rows:
            log.addHandler(rows)
            log.warning(marked)
            log.log(debug(3), "not of interest")
            log.removeHandler(rows)
    finally:
        log.removeHandler(handler)
        handler.close()
    (line,) = (tmp_path / "zmesdetect_m1.log").read_text().splitlines()
    assert _LINE.fullmatch(line)
    (row,) = [row for row in await zm.logs.list(component="zmesdetect_m1") if str(row.message).endswith(marked[-15:])]
    assert (row.level, row.message) == (-1, marked.replace("\U0001f600", "\\U0001f600"))
    assert abs(row.time.timestamp() - time.time()) < 60


async def test_daemons_are_stopped_started_and_restarted(zm: Library) -> None:
    try:
        await zm.monitors.stop(2)
        await _until_running(zm, is_running=False)
    finally:
        await zm.monitors.start(2)
    await _until_running(zm, is_running=True)
    before = (await zm.monitors.daemon_status(2)).text
    await zm.monitors.restart(2)
    end = time.monotonic() + 30
    while (status := await zm.monitors.daemon_status(2)).text == before or not status.is_running:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)


async def _until_running(zm: Library, *, is_running: bool) -> None:
    end = time.monotonic() + 30
    while (await zm.monitors.daemon_status(2)).is_running is not is_running:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)


async def test_addresses_of_pictures_open_them(zm: Library) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as http:
        async with http.get(URL(await zm.monitors.snapshot_url(1), encoded=True)) as answer:
            assert (await answer.read()).startswith(b"\xff\xd8")
        async with http.get(URL(await zm.monitors.stream_url(1), encoded=True)) as answer:
            assert answer.content_type == "multipart/x-mixed-replace"
            assert b"\xff\xd8" in await answer.content.readexactly(2000)
