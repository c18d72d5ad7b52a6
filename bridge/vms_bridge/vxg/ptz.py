"""Cameras that move.

That a move is `send_ptz` with an action, and ends by the action `stop`, is seen in the vendor's player; what `presets` take and
give is inferred from their addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vms_bridge.vxg.fields import mapping, objects, text
from vms_bridge.vxg.refusals import WrongValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH = "/api/v2/cameras/{id}/"
ACTIONS = ("left", "right", "top", "bottom", "zoom_in", "zoom_out")
"""The first four are seen; that zooming is called so is inferred."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A place that a camera knows."""

    id: str
    name: str


class Ptz:
    """What moves."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def capabilities(self, channel: ChannelRow | int) -> Mapping[str, Any]:
        """Return what the camera says that it can, as it says it. Raises NotThere for one that can't move, or VmsError."""
        return mapping(await self._session.ask_of(channel, "GET", f"{_PATH}ptz/"))

    async def move(self, channel: ChannelRow | int, action: str) -> None:
        """Have it begin to move; it goes on until `stop`. Raises WrongValue, Refused or VmsError."""
        if action not in ACTIONS:
            raise WrongValue(f"no camera moves {action[:40]!r}", hint=f"one of {', '.join(ACTIONS)}")
        await self._session.ask_of(channel, "POST", f"{_PATH}send_ptz/", body={"action": action})

    async def stop(self, channel: ChannelRow | int) -> None:
        """Have it stand still. Raises Refused or VmsError."""
        await self._session.ask_of(channel, "POST", f"{_PATH}send_ptz/", body={"action": "stop"})

    async def presets(self, channel: ChannelRow | int) -> tuple[Preset, ...]:
        """Return the places that it knows. Raises VmsError."""
        answer = mapping(await self._session.ask_of(channel, "GET", f"{_PATH}ptz/presets/"))
        found = (Preset(text(raw.get("id", raw.get("token"))), text(raw.get("name"))) for raw in objects(answer.get("objects")))
        return tuple(each for each in found if each.id)

    async def go_to(self, channel: ChannelRow | int, preset: Preset | str) -> None:
        """Have it go to a place. Raises Refused or VmsError."""
        await self._session.ask_of(channel, "POST", f"{_PATH}ptz/presets/goto/", body={"id": _id(preset)})

    async def add_preset(self, channel: ChannelRow | int, name: str) -> None:
        """Have it know the place where it looks now. Raises Refused or VmsError."""
        await self._session.ask_of(channel, "POST", f"{_PATH}ptz/presets/", body={"name": name[:128]})

    async def delete_preset(self, channel: ChannelRow | int, preset: Preset | str) -> None:
        """Have it forget a place. Raises Refused or VmsError."""
        await self._session.ask_of(channel, "DELETE", f"{_PATH}ptz/presets/{quote(_id(preset), safe='')}/")


def _id(preset: Preset | str) -> str:
    return preset.id if isinstance(preset, Preset) else preset
