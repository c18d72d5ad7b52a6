"""The rows about how the bridge itself looks at a monitor's pictures; bridges without detection show none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.entities.row import Category, Entity, JsonType, Platform, needs
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.views import MonitorView

_NEEDS = needs(Capability.OBJECT_DETECTION)


def profiles(view: MonitorView) -> tuple[str, ...]:
    """Return the profiles that can be chosen for a monitor; nothing where there is no choice."""
    known = view.offer.choices.get("detection_profile", ())
    return known if len(known) > 1 else ()


DETECTION: tuple[Entity[MonitorView], ...] = (
    Entity(
        key="object_detection",
        platform=Platform.SWITCH,
        needs=_NEEDS,
        field="object_detection",
        read=lambda view: view.offer.settings.get("object_detection"),
        json=JsonType.BOOLEAN,
        meaning="The bridge looks for objects in its pictures; null where it has no models for that.",
        command="object_detection",
        name="Object detection",
        category=Category.CONFIG,
        icon="mdi:eye-check-outline",
    ),
    Entity(
        key="detection_profile",
        platform=Platform.SELECT,
        needs=_NEEDS,
        field="detection_profile",
        read=lambda view: view.offer.settings.get("detection_profile"),
        json=JsonType.STRING,
        meaning="The profile by which it does.",
        command="detection_profile",
        choices=profiles,
        name="Detection profile",
        category=Category.CONFIG,
        icon="mdi:eye-settings-outline",
    ),
    Entity(
        key="detection_threshold",
        platform=Platform.NUMBER,
        needs=_NEEDS,
        field="detection_threshold",
        read=lambda view: view.offer.settings.get("detection_threshold"),
        json=JsonType.NUMBER,
        meaning="The least score that counts, where no label's rule says another.",
        command="detection_threshold",
        name="Detection threshold",
        category=Category.CONFIG,
        icon="mdi:tune-vertical-variant",
    ),
)
"""How a monitor is looked at, to be seen and to be chosen."""
