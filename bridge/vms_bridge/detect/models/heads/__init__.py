"""How models tell what they found: a file for each family of layouts, and all of them in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.detect.models.heads import anchors, blazeface, detr, end_to_end, ssd, yolo

if TYPE_CHECKING:
    from vms_bridge.detect.models.values import Layout

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        yolo.YOLO,
        yolo.YOLO5,
        yolo.YOLOX,
        end_to_end.E2E,
        end_to_end.YOLONAS,
        ssd.SSD,
        ssd.TFOD,
        detr.DETR,
        detr.RFDETR,
        anchors.ANCHORS,
        anchors.ANCHORS7,
        blazeface.BLAZEFACE,
    )
}
LATER = {
    "ctc": ("one output [1, T, characters + 1]", "readers of text, such as plates"),
    "embedding": ("one output [1, D]", "what tells faces apart"),
}
"""Layouts that are known by name, and that nothing here makes use of yet."""
