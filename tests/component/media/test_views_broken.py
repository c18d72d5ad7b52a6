"""What comes of a bridge that breaks off, lies or never ends, and of a user who goes away: before a server of the test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from custom_components.vms_bridge import views
from homeassistant.config_entries import ConfigEntryState
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp.test_utils import TestClient
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
"""Home Assistant's own."""
PIECE = bytes(64 * 1024)


class Upstream:
    """In the place of a coordinator with its client: opens what the test's own server answers."""

    bridge_id = "b1"

    def __init__(self) -> None:
        self.client = self
        self.answer: Answer = never
        self.opened = 0
        self.closed = asyncio.Event()
        self.url = ""

    @asynccontextmanager
    async def media(self, path: str, *, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open it, and see it closed."""
        self.opened += 1
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/{path}", headers=headers) as response:
                yield response
        finally:
            self.opened -= 1
            self.closed.set()


async def never(request: web.Request) -> web.StreamResponse:
    """Say nothing that was asked for."""
    raise AssertionError(request)


def says(**headers: str) -> Answer:
    """Answer with these headers, and a little."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"abc", headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def goes_on(request: web.Request) -> web.StreamResponse:
    """Answer with a clip that has no end."""
    response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
    await response.prepare(request)
    while True:
        await response.write(PIECE)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that answers as the test says."""
    made = Upstream()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await made.answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
async def entry(hass: HomeAssistant, upstream: Upstream) -> MockConfigEntry:
    """An entry that is loaded, as far as the view can tell."""
    assert await async_setup_component(hass, "http", {})
    views.async_register(hass)
    entry = MockConfigEntry(domain="vms_bridge", unique_id="b1")
    entry.add_to_hass(hass)
    entry.mock_state(hass, ConfigEntryState.LOADED)
    entry.runtime_data = upstream
    return entry


@pytest.fixture
async def browser(entry: MockConfigEntry, hass_client: ClientSessionGenerator) -> TestClient[web.Request, web.Application]:  # noqa: ARG001
    """A browser in which an administrator is signed in."""
    browser: TestClient[web.Request, web.Application] = await hass_client()
    return browser


def clip(entry: MockConfigEntry, file: str = "clip.mp4") -> str:
    """Return where a clip is."""
    return f"/api/vms_bridge/media/{entry.entry_id}/zm-1/{file}"


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/octet-stream", "multipart/x-mixed-replace", "video/mp4x", ""]
)
async def test_nothing_that_a_browser_would_run_comes_back(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream, kind: str
) -> None:
    upstream.answer = says(Content_Type=kind)
    response = await browser.get(clip(entry))
    assert (response.status, await response.read()) == (502, b"")


async def test_of_headers_only_those_on_the_list_come_back(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream
) -> None:
    upstream.answer = says(
        Content_Type="video/mp4; charset=x",
        Set_Cookie="a=b",
        Link="<x>",
        Refresh="0; url=x",
        Content_Disposition="attachment; filename=evil.exe",
        Cache_Control="public, max-age=9999999",
        ETag="no tag",
        Access_Control_Allow_Origin="*",
        X_Content_Type_Options="sniff",
    )
    response = await browser.get(clip(entry))
    assert (response.status, await response.read()) == (200, b"abc")
    names = {name.title() for name in response.headers} - {"Date", "Server", "Referrer-Policy", "X-Frame-Options"}
    assert names == {"Content-Type", "Content-Length", "Cache-Control", "Content-Disposition", "X-Content-Type-Options"}
    assert response.headers["Content-Type"] == "video/mp4"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Content-Disposition"] == 'inline; filename="zm-1.mp4"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_half_a_clip_never_looks_like_a_whole_one(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream
) -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4", "Content-Length": str(2 * len(PIECE))})
        await response.prepare(request)
        await response.write(PIECE)
        assert request.transport is not None
        request.transport.close()
        return response

    upstream.answer = breaks_off
    with pytest.raises(aiohttp.ClientError):
        await (await browser.get(clip(entry))).read()
    assert upstream.opened == 0


async def test_who_goes_away_is_sent_nothing_more(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream
) -> None:
    upstream.answer = goes_on
    response = await browser.get(clip(entry))
    assert len(await response.content.readexactly(len(PIECE))) == len(PIECE)
    response.close()
    async with asyncio.timeout(30):
        await upstream.closed.wait()


async def test_an_entry_that_is_unloaded_ends_what_plays(
    hass: HomeAssistant, browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream
) -> None:
    upstream.answer = goes_on
    response = await browser.get(clip(entry))
    await response.content.readexactly(len(PIECE))
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)
    with pytest.raises(aiohttp.ClientError):
        await response.read()
    assert upstream.opened == 0


async def test_who_takes_nothing_is_let_go(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "STALLED_S", 0.05)
    upstream.answer = goes_on
    response = await browser.get(clip(entry))
    async with asyncio.timeout(30):
        await upstream.closed.wait()
    response.close()


async def test_pictures_wait_for_their_turn(
    browser: TestClient[web.Request, web.Application], entry: MockConfigEntry, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "QUEUED_S", 0.05)
    there, ends = asyncio.Semaphore(0), asyncio.Event()

    async def waits(_: web.Request) -> web.StreamResponse:
        there.release()
        await ends.wait()
        return web.Response(body=b"abc", content_type="image/jpeg")

    upstream.answer = waits
    pictures = [asyncio.create_task(browser.get(clip(entry, "picture.jpg"))) for _ in range(views.MOST_PICTURES)]
    for _ in pictures:
        await there.acquire()
    late = await browser.get(clip(entry, "picture.jpg"))
    assert (late.status, late.headers["Retry-After"]) == (503, "1")
    ends.set()
    assert [(await picture).status for picture in pictures] == [200] * views.MOST_PICTURES
    assert (await browser.get(clip(entry, "picture.jpg"))).status == 200
