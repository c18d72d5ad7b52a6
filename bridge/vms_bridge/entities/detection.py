"""The rows about how the bridge itself looks at a monitor's pictures; bridges without detection show none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.entities.row import Category, DeadBand, Entity, JsonType, Platform, needs
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.entities.row import Scalar
    from vms_bridge.objects import Pace
    from vms_bridge.views import MonitorView

_NEEDS = needs(Capability.OBJECT_DETECTION)


def profiles(view: MonitorView) -> tuple[str, ...]:
    """Return the profiles that can be chosen for a monitor; nothing where there is no choice."""
    known = view.offer.choices.get("detection_profile", ())
    return known if len(known) > 1 else ()


def _of_pace(read: Callable[[Pace], Scalar]) -> Callable[[MonitorView], Scalar]:
    return lambda view: None if view.pace is None else read(view.pace)


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
    Entity(
        key="detection_rate",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        field="detection_rate",
        read=_of_pace(lambda pace: pace.rate),
        json=JsonType.NUMBER,
        meaning="How many of its pictures were looked at, a second, in the last minute.",
        name="Detection rate",
        unit="fps",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:eye-refresh-outline",
        enabled=False,
        dead_band=DeadBand("rate", absolute=0.1, relative=0.1),
    ),
    Entity(
        key="detection_time",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        field="detection_time",
        read=_of_pace(lambda pace: None if pace.took_s is None else round(1e3 * pace.took_s, 1)),
        json=JsonType.NUMBER,
        meaning="How long models took for one of these, in milliseconds.",
        name="Detection time",
        device_class="duration",
        unit="ms",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("took_s", absolute=0.001, relative=0.1),
    ),
    Entity(
        key="detection_age",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        field="detection_age",
        read=_of_pace(lambda pace: pace.age_s),
        json=JsonType.NUMBER,
        meaning="How old one of these was when it was known what is in it, in seconds; of an event's since it was asked for.",
        name="Detection age",
        device_class="duration",
        unit="s",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("age_s", absolute=0.05, relative=0.2),
    ),
    Entity(
        key="detection_drops",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        field="detection_drops",
        read=_of_pace(lambda pace: pace.dropped),
        json=JsonType.INTEGER,
        meaning="How many pictures made room for newer ones unseen, in the last minute.",
        name="Detection drops",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:eye-off-outline",
        enabled=False,
        dead_band=DeadBand("dropped", relative=0.1),
    ),
    Entity(
        key="detection_share",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        field="detection_share",
        read=_of_pace(lambda pace: round(100 * pace.share, 1)),
        json=JsonType.NUMBER,
        meaning="Of the last minute, the share in which models were at work for it, in per cent.",
        name="Detection share",
        unit="%",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:chart-donut",
        enabled=False,
        dead_band=DeadBand("share", absolute=0.005, relative=0.1),
    ),
)
"""How a monitor is looked at, to be seen and to be chosen."""
