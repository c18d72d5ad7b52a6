"""The component within a real Home Assistant, before a real bridge with simulated cameras and, where it can be had, a ZoneMinder.

It is added by its form with a pairing code; what it shows is held against what the bridge says.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from tests.e2e import home_assistant as ha
from tests.e2e import zoneminder as zm
from tests.e2e.bridge import Bridge, grave_lines
from tests.e2e.conftest import MET, need
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.processes import free_ports, listening

from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.zoneminder import ZoneMinder

CONFIGURATION = """\
instance: native
data_dir: {folder}/data
http: {{port: {port}}}
systems:
  sim: {{type: simulator, pace: 5, width: 320}}
"""
ZONEMINDER = """\
  zm:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: {zoneminder.shared_memory}
"""
TRUE_WITHIN_S = 10.0
VIDEO_WITHIN_S = 60.0
NOT_TESTED = "which has not been tested by Home Assistant"
"""What Home Assistant says of every integration that is not its own."""
REFUSED = "Login attempt or request with invalid authentication"
"""What it says of a test that asks without leave."""
GONE = (" is lost: ", "not ready yet")
"""What it may say while the bridge is down."""
LIVE = {
    "motion": "motion",
    "alarm": "alarm",
    "connectivity": "connected",
    "is_recording": "is_recording",
    "force_alarm": "forced",
}
"""Rows of the catalogue that are states of cameras, and the fields that they show."""


@dataclass(frozen=True, slots=True)
class Native:
    """A Home Assistant with the component, and the bridge that it was given."""

    home: HomeAssistant
    bridge: Bridge
    bridge_id: str
    api: aiohttp.ClientSession

    def of(self, *names: str) -> str:
        """Return an entity's unique id."""
        return "/".join((self.bridge_id, *names))

    async def asks(self, path: str) -> Any:
        """Return what the bridge says itself."""
        async with self.api.get(f"http://localhost/api/v1/{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def is_true(self, within: float = TRUE_WITHIN_S) -> None:
        """Wait until Home Assistant shows of every camera what the bridge says."""
        wrong: list[str] = []
        try:
            async with asyncio.timeout(within):
                while wrong := await self._wrong():  # noqa: ASYNC110 - see below
                    await asyncio.sleep(0.1)  # both move: nobody tells when they agree
        except TimeoutError:
            raise AssertionError(f"not true within {within:g} s: {wrong}") from None

    async def _wrong(self) -> list[str]:
        shown = self.home.by_unique_id()
        monitors = (await self.asks("monitors"))["monitors"]
        assert monitors, "the bridge has no camera"
        return [
            f"{name} is {shown.get(name)}, the bridge says {monitor['state'][field]}"
            for monitor in monitors
            for key, field in LIVE.items()
            if key in monitor["entities"]
            and shown.get(name := self.of(monitor["system"], monitor["key"], key)) != _word(monitor["state"][field])
        ]

    async def complaints(self, *excused: str) -> list[str]:
        """Return what Home Assistant has to complain of."""
        issues = (await self.home.command("repairs/list_issues"))["issues"]
        lines = [
            line for line in self.home.logged("vms_bridge") if not any(words in line for words in (NOT_TESTED, REFUSED, *excused))
        ]
        return lines + [
            f"repair {issue['issue_id']}" for issue in issues if "vms_bridge" in {issue["domain"], issue["issue_domain"]}
        ]


@pytest.fixture(scope="module")
def real_vms(request: pytest.FixtureRequest) -> ZoneMinder | None:
    """The ZoneMinder, where there can be one: the other tests do without."""
    if zm.what_is_missing() is not None:
        return None
    found: ZoneMinder = request.getfixturevalue("zoneminder")
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="module")
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
            HomeAssistant(folder, None, platform="vms_bridge") as home,
        ):
            async with api.post("http://localhost/api/v1/pair/opening", json={}) as response:
                code = (await response.json())["code"]
            made = await home.flow("vms_bridge", {"url": f"http://127.0.0.1:{port}", "method": "pair"}, {"code": code})
            assert made["type"] == "create_entry", made
            async with api.get("http://localhost/api/v1/info") as response:
                bridge_id = (await response.json())["bridge_id"]
            yield Native(home, bridge, bridge_id, api)
    finally:
        await bridge.stop()
    assert grave_lines(bridge.log) == []


async def test_every_camera_is_there_and_true(native: Native) -> None:
    await native.is_true()
    devices = await native.home.devices()
    assert {native.bridge_id, native.of("sim"), native.of("sim", "1"), native.of("sim", "1", "1")} <= devices.keys()
    assert await native.complaints() == []


async def test_an_alarm_can_be_forced_and_ended(native: Native) -> None:
    home, name = native.home, native.of("sim", "1", "force_alarm")
    switch = await home.entity(name)
    await home.call(switch, "turn_on")
    await home.shows(name, "on", within=5)
    await home.shows(native.of("sim", "1", "motion"), "on", within=5)
    await home.call(switch, "turn_off")
    await home.shows(name, "off", within=5)
    assert await native.complaints() == []


async def test_its_live_video_plays(native: Native) -> None:
    home = native.home
    camera = await home.entity(native.of("sim", "1", "camera"))
    picture = await home.picture(f"/api/camera_proxy/{camera}")
    assert picture[:2] == b"\xff\xd8"
    await home.shows(native.of("sim", "1", "camera"), lambda seen: bool(seen.attributes["supported_features"] & 2))
    master = (await home.command("camera/stream", entity_id=camera))["url"]
    async with asyncio.timeout(VIDEO_WITHIN_S):
        playlist = await _text(home, master)
        (variant,) = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        place = master.rpartition("/")[0]
        while not (pieces := re.findall(r"^(?!#)(\S+\.m4s)", await _text(home, f"{place}/{variant}"), re.MULTILINE)):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.2)  # a playlist has no event for its first segment
    _, _, head = await home.get(f"{place}/init.mp4")
    _, _, piece = await home.get(f"{place}/{pieces[0].removeprefix('./')}")
    assert head[4:8] == b"ftyp"
    assert b"moof" in piece[:2048]
    assert await native.complaints() == []


async def test_recordings_are_browsed_found_and_played(native: Native) -> None:
    home = native.home
    await home.shows(native.of("sim", "1", "last_event"), lambda seen: seen.attributes.get("clip_ready") is True, within=60)
    clip = await _first_clip(home, "media-source://vms_bridge")
    played = await home.command("media_source/resolve_media", media_content_id=clip)
    assert played["mime_type"] == "video/mp4"
    async with aiohttp.ClientSession(home.url) as nobody:
        async with nobody.get(played["url"], headers={"Range": "bytes=0-99"}) as response:
            assert (response.status, response.content_length) == (206, 100)
            assert (await response.read())[4:8] == b"ftyp"
        async with nobody.get(played["url"].partition("?")[0]) as response:
            assert response.status == 401
    assert await native.complaints() == []


async def test_movement_before_a_real_camera_is_shown_with_its_event(native: Native, real_vms: ZoneMinder | None) -> None:
    need(zm.what_is_missing())
    assert real_vms is not None
    home, motion, event = native.home, native.of("zm", "2", "motion"), native.of("zm", "2", "event")
    await home.shows(motion, "off", within=20)
    fired = home.states[await home.entity(event)].state
    await real_vms.motion(2, on=True)
    try:
        await home.shows(motion, "on", within=20)
        await home.shows(event, lambda seen: seen.state not in {fired, "unavailable"})
    finally:
        await real_vms.motion(2, on=False)
    await home.shows(motion, "off", within=30)
    assert await native.complaints() == []


@pytest.mark.parametrize(
    "order", ["bridge", "Home Assistant", "bridge, then Home Assistant", "Home Assistant while the bridge is down"]
)
async def test_all_is_true_soon_after_a_restart(native: Native, order: str) -> None:
    home, bridge = native.home, native.bridge
    match order:
        case "bridge":
            await bridge.stop()
            await home.shows(native.of("sim", "1", "motion"), "unavailable")
            await bridge.start()
        case "Home Assistant":
            await home.stop()
            await home.start()
        case "bridge, then Home Assistant":
            await bridge.stop()
            await bridge.start()
            await home.stop()
            await home.start()
        case _:
            await bridge.stop()
            await home.stop()
            await home.start()
            await bridge.start()
    await listening(_port(native), within=30)
    await native.is_true()
    assert await native.complaints(*GONE) == []


async def test_it_claims_the_devices_and_can_be_turned_off_and_on(native: Native) -> None:
    claims = (await native.asks("discovery"))["claims"]
    assert len(claims) == 1
    entry = next(each for each in await native.home.command("config_entries/get", domain="vms_bridge"))
    await native.home.command("config_entries/disable", entry_id=entry["entry_id"], disabled_by="user")
    await native.home.command("config_entries/disable", entry_id=entry["entry_id"], disabled_by=None)
    await native.is_true()
    assert await native.complaints(*GONE) == []


def _word(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "on" if value else "off"
        case _:
            return str(value)


def _port(native: Native) -> int:
    found = re.search(r"port: (\d+)", native.bridge.config.read_text())
    assert found is not None
    return int(found[1])


async def _text(home: HomeAssistant, path: str) -> str:
    status, _, body = await home.get(path)
    assert status == 200, f"{status} {path}"
    return body.decode()


async def _first_clip(home: HomeAssistant, place: str) -> str:
    """Go down from a place of the media browser, by way of the simulator, to the first clip, and return its id."""
    for _ in range(8):
        node = await home.command("media_source/browse_media", media_content_id=place)
        for child in node["children"]:
            if child["can_play"] and child["media_content_type"].startswith("video"):
                return str(child["media_content_id"])
        below = [str(child["media_content_id"]) for child in node["children"] if child["can_expand"]]
        place = next((each for each in below if "sim" in each), below[0])
    raise AssertionError(f"there is no clip below {place}")
