"""What a document says was seen: by the names that VXG's own pages and samples use, and by plain ones. Pure, total and bounded.

What a document may say is not laid down. One in which nothing is found that was seen is somebody's note, and says nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.parse import OWN_SOURCE
from vms_bridge.model import DetectedObject, Detection, Enrichment
from vms_bridge.vxg.boxes import boxes_in_file, boxes_in_meta

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.vxg import Document

MOST_OBJECTS = 64
_MOST_NAMES = 32
_LONGEST = 64
_MOST_OF_A_KIND = 100
_LABELS, _SCORES = ("label", "labels", "object", "objects", "class"), ("score", "confidence", "probability")
_PLATES, _FACES = ("plate", "plates", "license_plate"), ("face", "faces")
_ENGINES = ("source", "ai_engine", "engine")
_COUNT = "_count"
_NO_COUNTS = frozenset(
    {"x", "y", "w", "h", "left", "top", "right", "bottom", "width", "height", "frame", "time", "timestamp", "duration", "score"}
)
_CLIP = "clip"
"""What VXG's own pages call the documents in which they keep people's notes about clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one document says was seen; `engine` is who says so, empty where that is not told."""

    camera_id: int
    time: datetime
    engine: str
    objects: tuple[DetectedObject, ...]
    plates: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()


def seen_in(document: Document, camera_id: int) -> Seen | None:
    """Return what a document of this camera says was seen; None for nothing, a note, or what was written by the bridge."""
    texts = {name.lower(): text for name, text in document.texts.items()}
    if texts.get("source") == OWN_SOURCE or texts.get("type") == _CLIP:
        return None
    plates, faces = _names(texts, _PLATES), _names(texts, _FACES)
    objects = tuple(_objects(document, texts))[:MOST_OBJECTS]
    if not (objects or plates or faces):
        return None
    engine = next((text for name in _ENGINES if (text := texts.get(name, "").strip()[:_LONGEST].strip())), "")
    return Seen(camera_id=camera_id, time=document.timestamp, engine=engine, objects=objects, plates=plates, faces=faces)


def detection_of(source: str, seen: Sequence[Seen]) -> Detection:
    """Return what a camera has shown by all that one engine says, the oldest first.

    Documents of one time are about one picture. Of several pictures each label counts as in the one that has most of it.
    """
    pictures: dict[datetime, dict[str, list[DetectedObject]]] = {}
    for each in seen:
        for one in (*each.objects, *_read_in("plate", each.plates), *_read_in("face", each.faces)):
            pictures.setdefault(each.time, {}).setdefault(one.label, []).append(one)
    best: dict[str, list[DetectedObject]] = {}
    for by_label in pictures.values():
        for label, objects in by_label.items():
            if len(objects) >= len(best.get(label, ())):
                best[label] = objects
    return Detection(
        monitor_id=str(seen[0].camera_id),
        time=max(each.time for each in seen),
        objects=tuple(one for objects in best.values() for one in objects)[:MOST_OBJECTS],
        source=source,
    )


def enrichment_of(seen: Sequence[Seen]) -> Enrichment:
    """Return what all of these add to the event in whose time they are: the label of the best score first, else the first one."""
    scores: dict[str, float] = {}
    for one in (one for each in seen for one in each.objects):
        scores[one.label] = max(scores.get(one.label, -1.0), -1.0 if one.score is None else one.score)
    labels = sorted(scores, key=lambda label: -scores[label])[:_MOST_NAMES]
    best = scores[labels[0]] if labels else -1.0
    return Enrichment(
        labels=tuple(labels),
        score=None if best < 0 else best,
        plates=tuple(dict.fromkeys(plate for each in seen for plate in each.plates))[:_MOST_NAMES],
        faces=tuple(dict.fromkeys(face for each in seen for face in each.faces))[:_MOST_NAMES],
    )


def _read_in(label: str, texts: Sequence[str]) -> Iterator[DetectedObject]:
    return (DetectedObject(label=label, text=text) for text in texts)


def _objects(document: Document, texts: Mapping[str, str]) -> Iterator[DetectedObject]:
    """Yield the objects by the first of these that there is: boxes, labels, counts."""
    boxes = boxes_in_file((document.raw or "").encode(), None, None) or boxes_in_meta(texts)
    score = _score(document.floats)
    for box in boxes[:MOST_OBJECTS]:
        if label := _label(box.label):
            sides = (box.left, box.top, box.width, box.height)
            yield DetectedObject(label=label, score=score if box.score is None else box.score, box=sides)
    if boxes:
        return
    if labels := _names(texts, _LABELS):
        box_of_one = _box(document.floats) if len(labels) == 1 else None
        yield from (DetectedObject(label=label, score=score, box=box_of_one) for label in labels)
        return
    for name, count in document.numbers.items():
        if label := _counted(name):
            yield from [DetectedObject(label=label, score=score)] * (count if 0 < count <= _MOST_OF_A_KIND else 0)


def _counted(name: str) -> str:
    """Return what is counted under a name, as in `Person: 2` and `people_count: 2`; empty for what is no count of anything."""
    lowered = name.lower()
    is_number = lowered in _NO_COUNTS or lowered.endswith(("id", "_ms", "_px"))
    return "" if is_number else _label(name[: -len(_COUNT)] if lowered.endswith(_COUNT) else name)


def _names(texts: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """Return what is named in any of these fields, each of which may name several."""
    found = [label for name in names for part in texts.get(name, "").split(",") if (label := _label(part))]
    return tuple(dict.fromkeys(found))[:_MOST_NAMES]


def _label(text: str) -> str:
    return " ".join(text[:_LONGEST].split())


def _score(floats: Mapping[str, float]) -> float | None:
    """Return how sure an engine is: 0 to 1, or in percent."""
    for name, value in floats.items():
        if name.lower() in _SCORES and 0 <= value <= 100:
            return value if value <= 1 else value / 100
    return None


def _box(floats: Mapping[str, float]) -> tuple[float, float, float, float] | None:
    """Return where something is, if that is said in parts of the picture."""
    sides = {name.lower(): value for name, value in floats.items()}
    left, top, width, height = (sides.get(name, -1.0) for name in ("left", "top", "width", "height"))
    fits = min(left, top) >= 0 and min(width, height) > 0 and max(left + width, top + height) <= 1
    return (left, top, width, height) if fits else None
