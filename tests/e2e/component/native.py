"""A real Home Assistant with the component, and the bridge before it: what it shows is held against what the bridge says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    from tests.e2e.bridge import Bridge
    from tests.e2e.home_assistant import HomeAssistant
    from tests.fakes.go2rtc import FakeGo2rtc

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
NOT_TESTED = "which has not been tested by Home Assistant"
"""What Home Assistant says of every integration that is not its own."""
REFUSED = "Login attempt or request with invalid authentication"
"""What it says of a test that asks without leave."""
GONE = (" is lost: ", "not ready yet")
"""What it may say while the bridge is down."""
SOURCE = "media-source://vms_bridge"
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
    port: int
    api: aiohttp.ClientSession
    go2rtc: FakeGo2rtc

    def of(self, *names: str) -> str:
        """Return an entity's unique id."""
        return "/".join((self.bridge_id, *names))

    async def asks(self, path: str) -> Any:
        """Return what the bridge says itself."""
        async with self.api.get(f"http://localhost/api/v1/{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def picture_of(self, system: str, monitor: str) -> bytes:
        """Return what a camera sees now."""
        async with self.api.get(f"http://localhost/api/v1/media/monitors/{system}/{monitor}/picture") as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def pairing_code(self) -> str:
        """Open pairing, and return the code that lets somebody in."""
        async with self.api.post("http://localhost/api/v1/pair/opening", json={}) as response:
            return str((await response.json())["code"])

    async def newest_event(self, monitor: str) -> Any:
        """Return the newest event of a monitor that the bridge's index has; None where there is none."""
        return next(iter((await self.asks(f"events?monitor={monitor}&limit=1"))["events"]), None)

    async def browse(self, place: str | None = None) -> list[dict[str, Any]]:
        """Return what is in the media browser below a node, or below the bridge."""
        node = place or f"{SOURCE}/{self.bridge_id}"
        return list((await self.home.command("media_source/browse_media", media_content_id=node))["children"])

    async def way_to(self, system: str, monitor: str) -> list[dict[str, Any]]:
        """Return the nodes from a system to the newest hour of a monitor, each below the one before."""
        root, nodes = f"{SOURCE}/{self.bridge_id}", list[dict[str, Any]]()
        for place in (f"{root}/{system}", f"{root}/{system}/{monitor}", "/day=", "/hour="):
            children = await self.browse(nodes[-1]["media_content_id"] if nodes else None)
            nodes.append(next(child for child in children if _is_at(child["media_content_id"], place)))
        return nodes

    async def resolve(self, media_content_id: str) -> dict[str, Any]:
        """Return where a clip or picture is to be had, and what it is."""
        found: dict[str, Any] = await self.home.command("media_source/resolve_media", media_content_id=media_content_id)
        return found

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


def _word(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "on" if value else "off"
        case _:
            return str(value)


def _is_at(media_content_id: str, place: str) -> bool:
    return place in media_content_id if place.endswith("=") else media_content_id == place
