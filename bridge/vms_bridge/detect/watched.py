"""What is looked for at a monitor: the labels, and zones, of which people have entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.detect.values import ModelFacts
from vms_bridge.objects import MOST_WATCHED, Watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.values import ModelTrouble

MOST_LABELS = 20
"""Where a camera takes all labels, and its models have more than these, entities are for the usual ones only."""
USUAL = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "bird", "cat", "dog")


def watched(looking: Looking | None, models: Mapping[str, ModelFacts | ModelTrouble]) -> tuple[Watched, ...]:
    """Return what is looked for: each label that counts, in all of the picture and in each zone that includes it."""
    if looking is None or not looking.is_on:
        return ()
    labels = _labels(looking, models)
    zones = [zone for zone in looking.judge.zones if zone.mode == "include"]
    everywhere = [Watched(label=label) for label in labels]
    in_zones = [Watched(label=label, zone=zone.name) for zone in zones for label in labels if zone.is_about(label, 1.0)]
    return tuple(dict.fromkeys((*everywhere, *in_zones)))[:MOST_WATCHED]


def _labels(looking: Looking, models: Mapping[str, ModelFacts | ModelTrouble]) -> list[str]:
    found: dict[str, None] = {}
    for stage in looking.judge.stages:
        loaded = [model for name in stage.models if isinstance(model := models.get(name), ModelFacts)]
        known = dict.fromkeys(label for model in loaded for label in model.labels)
        counts = [label for label in known if stage.standards.of(label) is not None]
        if len(counts) > MOST_LABELS and stage.standards.takes_all:
            counts = [label for label in counts if label in USUAL]
        found |= dict.fromkeys(counts)
    return list(found)
