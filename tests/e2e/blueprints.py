"""Automations that are made of the blueprints, and a phone that their notifications go to."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from tests.e2e.processes import free_ports
from tests.e2e.waiting import Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.home_assistant import HomeAssistant

DOOR, LIGHT = "input_boolean.door", "light.porch"
SEEN_WITHIN_S = 60.0
_PHONE = {
    "app_id": "app",
    "app_name": "App",
    "app_version": "1",
    "device_id": "phone",
    "device_name": "My Phone",
    "manufacturer": "Someone",
    "model": "Phone",
    "os_name": "Android",
    "os_version": "16",
    "supports_encryption": False,
}


@dataclass
class Phone:
    """The companion app, and the server that its notifications go through."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    device: str = ""
    changes: Changes = field(default_factory=Changes)

    async def push(self, request: web.Request) -> web.Response:
        """Take a notification."""
        self.told.append(await request.json())
        self.changes.tell()
        return web.json_response({}, status=201)

    async def gets(self, key: str, *, within: float = SEEN_WITHIN_S) -> dict[str, Any]:
        """Wait until a notification with that in its data has come, and return the first one's data."""

        def look() -> dict[str, Any] | None:
            return next((said["data"] for said in self.told if key in said.get("data", {})), None)

        return await self.changes.until(look, lambda: f"a notification with {key}; there were {self.told}", within)


@asynccontextmanager
async def phone_of(home: HomeAssistant) -> AsyncIterator[Phone]:
    """Add a phone to a Home Assistant, as the companion app does."""
    (port,) = free_ports(1)
    phone = Phone(f"http://127.0.0.1:{port}/push")
    application = web.Application()
    application.router.add_post("/push", phone.push)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        app = {"push_token": "token", "push_url": phone.url}
        await home.post("/api/mobile_app/registrations", {"app_data": app, **_PHONE})
        devices = await home.command("config/device_registry/list")
        phone.device = next(device["id"] for device in devices if device["name"] == _PHONE["device_name"])
        yield phone
    finally:
        await runner.cleanup()


@asynccontextmanager
async def automation(home: HomeAssistant, blueprint: str, **inputs: object) -> AsyncIterator[None]:
    """Have an automation made of that blueprint, for as long as the block lasts."""
    path = f"/api/config/automation/config/{blueprint}"
    use = {"path": f"vms_bridge/{blueprint}.yaml", "input": inputs}
    await home.post(path, {"alias": blueprint, "use_blueprint": use})
    entity = f"automation.{blueprint}"
    await home.has(entity, "on")
    try:
        yield
    finally:
        await home.delete(path)


async def goes_on_and_off(home: HomeAssistant, *, since: int) -> None:
    """Wait until the light has been on, and off again, since `since`, an earlier `len(home.history)`."""
    lit = await home.has(LIGHT, "on", since=since, within=SEEN_WITHIN_S)
    await home.has(LIGHT, "off", since=home.history.index(lit), within=SEEN_WITHIN_S)
