"""What tests of the component share: a Home Assistant in this process, a bridge that the test drives, the entry between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import custom_components  # noqa: F401 - first: the plugin has a folder of that name too, and the first one found is it
import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import entity_registry as er
from hypothesis import HealthCheck, settings
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.fakes.bridge import FakeBridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from homeassistant.core import HomeAssistant

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # the machine's time says nothing about a property

DOMAIN = "vms_bridge"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bear two warnings that are not about us.

    Home Assistant's own HTTP server gives aiohttp names that are no AppKeys. And its test plugin freezes the garbage collector
    between tests (`gc.freeze`), so that hypothesis no longer finds who holds its own random numbers.
    """
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:It is recommended to use web"))
        item.add_marker(pytest.mark.filterwarnings("ignore:It looks like `register_random` was passed an object"))


@pytest.fixture(autouse=True)
def _usual(request: pytest.FixtureRequest, socket_enabled: None) -> None:  # noqa: ARG001 - asked for its effect
    """Have sockets on loopback and, where there is a Home Assistant, the component found."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
async def bridge() -> AsyncIterator[FakeBridge]:
    """A bridge with two monitors, by HTTP."""
    async with _serving(FakeBridge()) as bridge:
        yield bridge


@pytest.fixture
async def tls_bridge(request: pytest.FixtureRequest) -> AsyncIterator[FakeBridge]:
    """The same by TLS, with a certificate of its own."""
    if "hass" in request.fixturenames:
        _bear_failed_handshakes(request.getfixturevalue("hass").loop)
    async with _serving(FakeBridge(tls=True)) as bridge:
        yield bridge


@pytest.fixture
def entry(hass: HomeAssistant, bridge: FakeBridge) -> MockConfigEntry:
    """An entry for that bridge, not set up."""
    return entry_of(hass, bridge)


@pytest.fixture
async def component(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, told: Told
) -> AsyncIterator[MockConfigEntry]:
    """That entry, set up and knowing all that is current; unloaded at the end, if the test has not done so."""
    assert await hass.config_entries.async_setup(entry.entry_id), entry.reason
    await bridge.connected()
    await told()
    yield entry
    if hass.config_entries.async_get_entry(entry.entry_id) is not None and entry.state is ConfigEntryState.LOADED:
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


@pytest.fixture
def told(hass: HomeAssistant, bridge: FakeBridge) -> Told:
    """Wait until the component and Home Assistant have dealt with all that the bridge has said."""

    async def wait() -> None:
        for _ in range(2):
            await bridge.delivered()
            for _ in range(5):
                await asyncio.sleep(0)
            await hass.async_block_till_done()

    return wait


@pytest.fixture
def find(hass: HomeAssistant, bridge: FakeBridge) -> Find:
    """Return an entity's id by what it is about: `find("switch", "armed", "zm", "1")`."""

    def by_unique_id(
        platform: str, key: str, system: str | None = None, monitor: str | None = None, *, part: str | None = None
    ) -> str:
        unique_id = "/".join(filter(None, [bridge.bridge_id, system, monitor, part, key]))
        registry = er.async_get(hass)
        found = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        assert found is not None, (
            f"{platform} {unique_id}; there are {sorted(each.unique_id for each in registry.entities.values())}"
        )
        return found

    return by_unique_id


def entry_of(hass: HomeAssistant, bridge: FakeBridge, **data: object) -> MockConfigEntry:
    """Return an entry for this bridge, added and not set up; `data` in place of the usual."""
    usual = {"url": bridge.url, "fingerprint": bridge.fingerprint, "token": bridge.token, "bridge_id": bridge.bridge_id}
    entry = MockConfigEntry(domain=DOMAIN, unique_id=bridge.bridge_id, title=bridge.name, data={**usual, **data})
    entry.add_to_hass(hass)
    return entry


def _bear_failed_handshakes(loop: asyncio.AbstractEventLoop) -> None:
    """Have no test fail for a client that does not like the bridge's certificate, and goes: that is what it is to do."""
    told = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context["message"] != "Error on transport creation for incoming connection" and told is not None:
            told(loop, context)

    loop.set_exception_handler(handle)


@asynccontextmanager
async def _serving(bridge: FakeBridge) -> AsyncIterator[FakeBridge]:
    """Run a bridge for a test; fail it for what either side should not have said."""
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()
    assert bridge.lies == [], "the fake bridge has said what the real one never says"
    assert bridge.mistakes == [], "the component has said what the bridge does not understand"
