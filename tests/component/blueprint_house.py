"""A house with cameras, phones and lights as automations see it: registries and states, without the integrations behind them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeassistant.components.automation.const import DOMAIN as AUTOMATION
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeassistant.core import HomeAssistant, ServiceCall

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
FOLDER = BLUEPRINTS / "automation" / "vms_bridge"
BRIDGE_ID = "5f0c7a52e9d14b0c"
MESSAGE: dict[str, Any] = {
    "epoch": "b71d02c4",
    "seq": 1,
    "id": "zm-1234",
    "kind": "alarm",
    "system": "zm",
    "monitor": "1",
    "monitor_name": "Front door",
    "label": "person",
    "labels": ["person"],
    "score": 0.91,
    "zones": ["Drive"],
    "cause": "Motion",
    "end": None,
    "end_reason": None,
    "snapshot_ready": True,
    "clip_ready": False,
    "clip_url": None,
    "media_id": f"media-source://vms_bridge/{BRIDGE_ID}/event/zm-1234/clip",
}
"""An event message, as an event entity has it in its attributes."""


class House:
    """What automations see of it, and what they do to it."""

    def __init__(self, hass: HomeAssistant, config: Path) -> None:
        self.hass = hass
        self._devices, self._entities = dr.async_get(hass), er.async_get(hass)
        self._entries: dict[str, MockConfigEntry] = {}
        self._count = 0
        shutil.copytree(BLUEPRINTS, config / "blueprints")
        hass.config.config_dir = str(config)

    def device(self, domain: str, name: str, identifier: str) -> str:
        """Return the id of a new device of that integration."""
        device = self._devices.async_get_or_create(
            config_entry_id=self.entry(domain).entry_id, identifiers={(domain, identifier)}, name=name
        )
        return device.id

    def entry(self, domain: str) -> MockConfigEntry:
        """Return the integration's config entry."""
        if domain not in self._entries:
            self._entries[domain] = MockConfigEntry(domain=domain, entry_id=f"entry_of_{domain}")
            self._entries[domain].add_to_hass(self.hass)
        return self._entries[domain]

    def entity(self, domain: str, platform: str, name: str, device: str, state: str = "unknown") -> str:
        """Return the id of a new entity of a device, with that state."""
        self._count += 1
        entity = self._entities.async_get_or_create(
            domain,
            platform,
            f"unique-{self._count}",
            config_entry=self.entry(platform),
            device_id=device,
            suggested_object_id=name,
        )
        self.hass.states.async_set(entity.entity_id, state)
        return entity.entity_id

    def camera(self, platform: str, name: str = "front_door", monitor: str = "1") -> str:
        """Return the event entity of a new camera, which has a picture and a camera entity too."""
        device = self.device(platform, name, f"{BRIDGE_ID}/zm/{monitor}")
        for domain in ("image", "camera"):
            self.entity(domain, platform, name, device)
        return self.entity("event", platform, f"{name}_event", device)

    def phone(self, name: str) -> tuple[str, list[ServiceCall]]:
        """Return a phone with the companion app, and what it is told."""
        return self.device("mobile_app", name, name), async_mock_service(
            self.hass, "notify", f"mobile_app_{name.lower().replace(' ', '_')}"
        )

    async def automate(self, blueprint: str, **inputs: object) -> None:
        """Have an automation made of that blueprint."""
        use = {"path": f"vms_bridge/{blueprint}.yaml", "input": inputs}
        assert await async_setup_component(self.hass, AUTOMATION, {AUTOMATION: {"alias": "Ours", "use_blueprint": use}})
        await self.hass.async_block_till_done()
        state = self.hass.states.get("automation.ours")
        assert state is not None
        assert state.state == "on", "the blueprint makes no valid automation"

    async def fire(self, entity: str, step: str = "new", **message: object) -> None:
        """Have an event entity fire for one step of an event."""
        self._count += 1
        now = dt_util.utcnow()
        said = {**MESSAGE, "seq": self._count, "start": now.isoformat(), "event_type": step, **message}
        state = now.isoformat(timespec="milliseconds").replace("+00:00", f"{self._count % 1000:03}+00:00")
        self.hass.states.async_set(entity, state, said)
        await self.settle()

    async def set(self, entity: str, state: str, **attributes: object) -> None:
        """Have an entity say something."""
        self.hass.states.async_set(entity, state, attributes)
        await self.settle()

    async def settle(self) -> None:
        """Let what has begun go on until it waits; Home Assistant's own way would wait for the waiting automation, too."""
        for _ in range(100):
            await asyncio.sleep(0)


def said(calls: Sequence[ServiceCall]) -> list[dict[str, Any]]:
    """Return the `data` of notifications."""
    return [call.data["data"] for call in calls]
