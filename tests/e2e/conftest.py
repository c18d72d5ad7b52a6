"""The real programs, started once for all end-to-end tests, on loopback and on ports of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.e2e import home_assistant as ha
from tests.e2e import zoneminder as zm
from tests.e2e.bridge import BRIDGE, ROOT, Bridge
from tests.e2e.broker import Broker, Observer, mosquitto_path, mosquitto_version
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

REQUIRED = bool(os.environ.get("VMS_BRIDGE_REQUIRE_REAL"))
TEST_TIMEOUT_S = 300  # a program that hangs, the start of all of them included; what is waited for has deadlines of its own
MET = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MET] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    bridge = getattr(item, "funcargs", {}).get("bridge")
    if report.failed and isinstance(bridge, Bridge):
        report.sections.append(("log of vms-bridge", bridge.program.tail()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    met = config.stash[MET]
    terminalreporter.section("real programs")
    for name in ("mosquitto", "ZoneMinder", "Home Assistant", "Chromium", "RabbitMQ", "MediaPipe's models"):
        terminalreporter.line(f"{name} {met[name]}" if name in met else f"{name}: not met")


def need(missing: str | None) -> None:
    """Skip for the given reason, or fail where the real programs are required."""
    if missing and REQUIRED:
        pytest.fail(f"required by VMS_BRIDGE_REQUIRE_REAL: {missing}", pytrace=False)
    if missing:
        pytest.skip(missing)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[Broker]:
    """A mosquitto."""
    need(None if mosquitto_path() else "mosquitto is missing: apt-get install mosquitto")
    pytestconfig.stash[MET]["mosquitto"] = mosquitto_version()
    broker = Broker(tmp_path_factory.mktemp("mosquitto"))
    await broker.start()
    yield broker
    await broker.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def mqtt(broker: Broker) -> AsyncIterator[Observer]:
    """Somebody who reads everything on the broker."""
    observer = Observer(broker.port)
    await observer.start()
    yield observer
    observer.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def home(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> AsyncIterator[HomeAssistant]:
    """A Home Assistant that is connected to the broker."""
    need(ha.what_is_missing())
    pytestconfig.stash[MET]["Home Assistant"] = ha.version()
    async with HomeAssistant(tmp_path_factory.mktemp("home-assistant"), broker.port) as home:
        yield home


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def zoneminder(pytestconfig: pytest.Config) -> AsyncIterator[ZoneMinder]:
    """A ZoneMinder with three cameras."""
    need(zm.what_is_missing())
    async with ZoneMinder() as zoneminder:
        pytestconfig.stash[MET]["ZoneMinder"] = await zoneminder.version()
        yield zoneminder


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def bridge(
    broker: Broker, mqtt: Observer, zoneminder: ZoneMinder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """The bridge between that ZoneMinder, a simulated system beside it, and the broker; `mqtt` has seen all of it."""
    folder = tmp_path_factory.mktemp("bridge")
    configuration = BRIDGE.format(folder=folder, broker=broker.url, zoneminder=zoneminder)
    bridge = Bridge(folder, configuration, {"E2E_ZM_PASSWORD": zoneminder.password})
    await bridge.start()
    await mqtt.state(f"{ROOT}/zm/state", lambda state: state["available"])
    yield bridge
    await bridge.stop()
