"""The rows about objects that are looked for at a monitor: of each label, in all of the picture or in a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.entities.row import Entity, JsonType, Platform, Source, part_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.objects import Watched
    from vms_bridge.views import MonitorView


class ObjectPart(NamedTuple):
    """Something that is looked for, with the monitor at which: what its rows read."""

    view: MonitorView
    watched: Watched

    @property
    def number(self) -> int | None:
        """How many there are; None where nobody can tell."""
        counts = self.view.objects
        if counts is None:
            return None
        labels = counts.zones.get(self.watched.zone, {}) if self.watched.zone else counts.labels
        return labels.get(self.watched.label, 0)


def _presence(part: ObjectPart) -> bool | None:
    return None if part.number is None else part.number > 0


OBJECT: tuple[Entity[ObjectPart], ...] = (
    Entity(
        key="presence",
        platform=Platform.BINARY_SENSOR,
        part_of="objects",
        field="present",
        read=_presence,
        json=JsonType.BOOLEAN,
        meaning="Whether one is there; null where nobody can tell.",
        name="{}",
        device_class="occupancy",
    ),
    Entity(
        key="count",
        platform=Platform.SENSOR,
        part_of="objects",
        field="count",
        read=lambda part: part.number,
        json=JsonType.INTEGER,
        meaning="How many are there; null where nobody can tell.",
        name="{} count",
        state_class="measurement",
        icon="mdi:counter",
    ),
    Entity(
        key="best_picture",
        platform=Platform.IMAGE,
        source=Source.OBJECT,
        part_of="objects",
        field="picture",
        read=lambda part: part.view.pictures.get(part.watched),
        json=JsonType.TIME,
        meaning="Since when there is another picture of it, by the API and on its own topic; null where there is none.",
        name="{} picture",
        icon="mdi:image-search-outline",
    ),
)
"""What is shown of each thing that is looked for."""


def object_parts(view: MonitorView) -> Mapping[str, ObjectPart]:
    """Return what is looked for at a monitor, by key."""
    return {part_key(watched.id): ObjectPart(view, watched) for watched in view.watched}
