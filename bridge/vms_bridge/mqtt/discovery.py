"""Home Assistant's discovery payloads, derived from views and the entity catalogue.

Written with readable keys and abbreviated at the very end. One retained payload describes a device with all of its
entities; an unknown key at its top level, in `device` or in `origin` makes Home Assistant reject it as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import MonitorView, SystemView


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the bridge offers over discovery: where, under which name, and how much may be commanded."""

    topics: Topics
    name: str = "VMS Bridge"
    commands: Literal["none", "control", "admin"] = "control"
    snapshots: bool = True


def bridge_payload(offer: Offer) -> bytes:
    """Return the payload of the bridge's own device."""
    raise NotImplementedError


def system_payload(view: SystemView, offer: Offer) -> bytes:
    """Return the payload of a system's device."""
    raise NotImplementedError


def monitor_payload(view: MonitorView, system: SystemView, offer: Offer) -> bytes:
    """Return the payload of a monitor's device, its zones as child devices."""
    raise NotImplementedError


def components(payload: bytes) -> dict[str, str]:
    """Return the platform of each component in a retained payload, by id; nothing for bytes that are no payload."""
    raise NotImplementedError


def removal_payload(previous: bytes, gone: Collection[str]) -> bytes:
    """Return `previous` with only the platform left of the components that are gone: the first of the two steps."""
    raise NotImplementedError
