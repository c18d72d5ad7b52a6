"""The Home Assistant of these tests with all that is around it, and somebody who looks at it with Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from tests.e2e import chromium
from tests.e2e import home_assistant as ha
from tests.e2e import zoneminder as zm
from tests.e2e.bridge import Bridge, grave_lines
from tests.e2e.chromium import Chromium
from tests.e2e.component.native import CONFIGURATION, ZONEMINDER, Native
from tests.e2e.conftest import MET, need
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.processes import free_ports, listening
from tests.fakes.go2rtc import FakeGo2rtc

from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.chromium import Page
    from tests.e2e.zoneminder import ZoneMinder


@pytest.fixture(scope="package")
def real_vms(request: pytest.FixtureRequest) -> ZoneMinder | None:
    """The ZoneMinder, where there can be one: the other tests do without."""
    if zm.what_is_missing() is not None:
        return None
    found: ZoneMinder = request.getfixturevalue("zoneminder")
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def native(
    real_vms: ZoneMinder | None, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> AsyncIterator[Native]:
    """A Home Assistant that got its token from the bridge by a pairing code."""
    need(ha.what_is_missing())
    pytestconfig.stash[MET]["Home Assistant"] = ha.version()
    folder = tmp_path_factory.mktemp("native")
    (port,) = free_ports(1)
    configuration, secrets = CONFIGURATION.format(folder=folder, port=port), {}
    if real_vms is not None:
        configuration += ZONEMINDER.format(zoneminder=real_vms)
        secrets["E2E_ZM_PASSWORD"] = real_vms.password
    bridge = Bridge(folder, configuration, secrets)
    await bridge.start()
    try:
        await listening(port, within=30)
        connector = aiohttp.UnixConnector(path=str(api_socket(folder / "data")))
        async with (
            aiohttp.ClientSession(connector=connector) as api,
            FakeGo2rtc() as go2rtc,
            HomeAssistant(folder, None, platform="vms_bridge", go2rtc=go2rtc.url) as home,
        ):
            async with api.get("http://localhost/api/v1/info") as response:
                bridge_id = (await response.json())["bridge_id"]
            found = Native(home, bridge, bridge_id, port, api, go2rtc)
            code = await found.pairing_code()
            made = await home.flow("vms_bridge", {"url": f"http://127.0.0.1:{port}", "method": "pair"}, {"code": code})
            assert made["type"] == "create_entry", made
            yield found
    finally:
        await bridge.stop()
    assert grave_lines(bridge.log) == []


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def page(native: Native, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[Page]:
    """A page of that Home Assistant in a real browser, one for all tests."""
    need(chromium.what_is_missing())
    async with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        pytestconfig.stash[MET]["Chromium"] = (await browser.command("Browser.getVersion"))["product"].partition("/")[2]
        yield await browser.page(native.home)
