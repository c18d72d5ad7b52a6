"""Zeroconf: what is announced where, until when, and what is said where it can't be."""

from __future__ import annotations

import asyncio
import sys
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import serving, until
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from vms_bridge.api.announcing import LOOK_S, Announcer, Service, is_wanted
from vms_bridge.api.config import HttpConfig
from vms_bridge.api.multicast import TYPE, Announcement, MulticastDns
from vms_bridge.errors import DoorClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from vms_bridge.api.announcing import Multicast

ID = uuid.uuid4().hex
"""Another one in each process: all hear each other."""
HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is opened there


@dataclass(slots=True)
class Said:
    """An announcement that nobody hears."""

    service: Service
    hang: asyncio.Event | None = None
    is_over: bool = False

    @property
    def name(self) -> str:
        return f"{self.service.bridge_id}.{TYPE}"

    async def close(self) -> None:
        if self.hang is not None:
            await self.hang.wait()
        self.is_over = True


@dataclass(slots=True)
class Speaker:
    """Multicast DNS as a test wants it."""

    there: tuple[str, ...] = ("192.0.2.7",)
    refusal: DoorClosed | None = None
    said: list[Said] = field(default_factory=list)
    hang: asyncio.Event | None = None

    def addresses(self, listening: Sequence[str]) -> tuple[str, ...]:
        del listening
        return self.there

    async def announce(self, service: Service, listening: Sequence[str]) -> Said:
        assert list(listening) == [EVERYWHERE]
        if self.refusal is not None:
            raise self.refusal
        self.said.append(Said(service, self.hang))
        return self.said[-1]


def announcer(clock: FakeClock, load: Callable[[], Multicast], **options: object) -> Announcer:
    return Announcer(HttpConfig.model_validate(options), HOME, clock, load)


@asynccontextmanager
async def announcing(clock: FakeClock, load: Callable[[], Multicast], **options: object) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(announcer(clock, load, host=EVERYWHERE, **options).run(ID, [(EVERYWHERE, 8098)]))
    try:
        yield task
    finally:
        task.cancel()
        while not task.done():
            await clock.advance(1)
            await asyncio.sleep(0.001)
        if not task.cancelled():
            task.result()


async def test_it_goes_on_with_other_addresses_and_says_goodbye_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    clock, speaker = FakeClock(), Speaker()
    async with announcing(clock, lambda: speaker):
        await until(lambda: speaker.said)
        first = speaker.said[0]
        assert first.service == Service(bridge_id=ID, version="1", is_tls=False, port=8098, addresses=("192.0.2.7",))
        assert first.service.properties == {"id": ID, "version": "1", "tls": "false", "path": "/api/v1"}
        await clock.advance(3 * LOOK_S)
        assert len(speaker.said) == 1
        speaker.there = ("192.0.2.8",)
        await clock.advance(LOOK_S)
        assert first.is_over
        assert [said.service.addresses for said in speaker.said] == [("192.0.2.7",), ("192.0.2.8",)]
    assert speaker.said[1].is_over
    assert f"the API is announced by zeroconf as {ID}.{TYPE}, at 192.0.2.7" in caplog.text


async def test_without_a_network_it_waits_for_one_and_a_failure_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, speaker = FakeClock(), Speaker(there=(), refusal=DoorClosed("multicast DNS can't be spoken", hint="look"))
    loaded = asyncio.Event()

    def load() -> Speaker:
        loop.call_soon_threadsafe(loaded.set)
        return speaker

    loop = asyncio.get_running_loop()
    async with announcing(clock, load):
        await loaded.wait()
        await until(lambda: clock.sleeping)
        assert "can't be spoken" not in caplog.text
        speaker.there = ("192.0.2.7",)
        await clock.advance(5 * LOOK_S)
        assert caplog.text.count("multicast DNS can't be spoken") == 1
        speaker.refusal = None
        await clock.advance(LOOK_S)
        assert len(speaker.said) == 1


async def test_a_goodbye_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    clock, speaker = FakeClock(), Speaker(hang=asyncio.Event())
    async with announcing(clock, lambda: speaker):
        await until(lambda: speaker.said)
        await settle()
    assert not speaker.said[0].is_over
    assert "goodbye was not said in time" in caplog.text


@pytest.mark.parametrize(("options", "level"), [({}, "INFO"), ({"zeroconf": True}, "WARNING")])
async def test_what_is_not_installed_is_told_once_in_words(
    caplog: pytest.LogCaptureFixture, options: dict[str, object], level: str
) -> None:
    caplog.set_level("INFO", "vms_bridge")

    def load() -> Speaker:
        raise ModuleNotFoundError("No module named 'zeroconf'", name="zeroconf")

    clock = FakeClock()
    async with announcing(clock, load, **options) as task:
        await asyncio.wait([task])
    [record] = [one for one in caplog.records if "zeroconf" in one.getMessage()]
    assert record.levelname == level
    assert "install vms-bridge[zeroconf]" in record.getMessage()


@pytest.mark.parametrize(
    ("wish", "listening", "wanted"),
    [
        (None, ["127.0.0.1"], False),
        (None, ["127.0.0.1", "::1"], False),
        (None, ["192.0.2.7"], True),
        (None, [EVERYWHERE], True),
        (None, ["::"], True),
        (False, [EVERYWHERE], False),
        (True, ["127.0.0.1"], True),
    ],
)
def test_it_is_on_unless_only_this_machine_could_come(wish: bool | None, listening: list[str], wanted: bool) -> None:  # noqa: FBT001
    assert is_wanted(HttpConfig(zeroconf=wish), listening) is wanted


def test_the_addresses_are_those_by_which_others_come() -> None:
    dns = MulticastDns()
    assert dns.addresses([HERE]) == (HERE,)
    assert dns.addresses(["192.0.2.7"]) == ("192.0.2.7",)
    for host, versions in ((EVERYWHERE, {4}), ("::", {4, 6})):
        found = [ip_address(text) for text in dns.addresses([host])]
        assert {each.version for each in found} <= versions
        assert not any(each.is_loopback for each in found)


class Ear:
    """Hears on the loopback interface which bridges there are."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.heard = asyncio.Event()
        self.speaker = AsyncZeroconf(interfaces=[HERE])
        self._browser = AsyncServiceBrowser(self.speaker.zeroconf, TYPE, handlers=[self._hear])

    def _hear(self, zeroconf: object, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf, service_type
        if state_change is ServiceStateChange.Removed:
            self.names.discard(name)
        elif state_change is ServiceStateChange.Added:
            self.names.add(name)
        self.heard.set()

    async def until(self, *names: str) -> None:
        """Wait until these are there, of those that begin as they do, and no others."""
        while {name for name in self.names if name.startswith(ID)} != set(names):
            self.heard.clear()
            await self.heard.wait()

    async def about(self, name: str) -> AsyncServiceInfo:
        info = AsyncServiceInfo(TYPE, name)
        while not await info.async_request(self.speaker.zeroconf, 3_000):
            pass
        return info

    async def cancel(self) -> None:
        """Hear no more."""
        await self._browser.async_cancel()

    async def close(self) -> None:
        await self.cancel()
        await self.speaker.async_close()


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    yield ear
    await ear.close()


def service(**changes: object) -> Service:
    plain = Service(bridge_id=ID, version="1.2", is_tls=True, port=8443, addresses=(HERE,))
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


async def test_a_browser_finds_it_and_hears_its_goodbye(ear: Ear) -> None:
    announced = await MulticastDns().announce(service(), [HERE])
    try:
        assert announced.name == f"{ID}.{TYPE}"
        await ear.until(announced.name)
        info = await ear.about(announced.name)
        assert (info.port, info.parsed_addresses()) == (8443, [HERE])
        assert info.decoded_properties == {"id": ID, "version": "1.2", "tls": "true", "path": "/api/v1"}
    finally:
        await announced.close()
    await ear.until()


async def test_a_name_that_somebody_has_already_is_made_another_one(ear: Ear) -> None:
    other = Ear()
    info = AsyncServiceInfo(TYPE, f"{ID}.{TYPE}", port=1, server="other.local.", parsed_addresses=[HERE])
    told = await ear.speaker.async_register_service(info, cooperating_responders=True)
    second = Announcement(other.speaker, service())
    try:
        await other.until(info.name)
        await second.tell()
        assert second.name == f"{ID}-2.{TYPE}"
        await ear.until(info.name, second.name)
    finally:
        await told
        await other.cancel()
        await second.close()
    await ear.until(info.name)


async def test_what_can_not_be_announced_is_told_in_words() -> None:
    with pytest.raises(DoorClosed, match="multicast DNS can't be spoken"):
        await MulticastDns().announce(service(addresses=("192.0.2.7",)), ["192.0.2.7"])


async def test_the_api_announces_itself_where_it_listens(ear: Ear, tmp_path: Path) -> None:
    async with serving(tmp_path, hub=FakeHub(bridge_id=ID), zeroconf=True) as api:
        await ear.until(f"{ID}.{TYPE}")
        info = await ear.about(f"{ID}.{TYPE}")
        assert (info.port, info.parsed_addresses()) == (api.port, [HERE])
    await ear.until()


async def test_without_the_extra_the_api_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "vms_bridge.api.multicast")
    monkeypatch.setitem(sys.modules, "zeroconf", None)  # as if it were not installed
    async with serving(tmp_path, zeroconf=True) as api:
        await until(lambda: "install vms-bridge[zeroconf]" in caplog.text)
        assert (await api.get("/healthz")).status == 200
