"""What the rules made of a picture, as the rest of the bridge takes it: objects, what is added to an event, what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.detect.engine import Drawn
from vms_bridge.model import DetectedObject, Enrichment
from vms_bridge.objects import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.detect.values import Found, Looked, ModelTrouble

MOST_OBJECTS = 100
"""How many things of a picture are told of; the surest ones."""
MOST_NAMES = 32
_DIGITS = 3


def objects(found: Iterable[Found]) -> tuple[DetectedObject, ...]:
    """Return what was found as the objects that a monitor shows, the surest first."""
    return tuple(
        DetectedObject(
            label=one.label,
            score=round(one.score, _DIGITS),
            box=_rounded(one.box),
            zones=one.zones,
            track=one.track,
            text=one.text,
        )
        for one in _surest(found)
    )


def enrichment(looked: Looked | None) -> Enrichment:
    """Return what a frame adds to its event: of what was not there before, the best of each label, the best label first."""
    if looked is None:
        return Enrichment()
    found = _surest(looked.new)
    labels = tuple(dict.fromkeys(one.label for one in found))[:MOST_NAMES]
    zones = tuple(dict.fromkeys(zone for one in found for zone in one.zones))[:MOST_NAMES]
    return Enrichment(
        labels=labels,
        score=round(found[0].score, _DIGITS) if found else None,
        zones=zones,
        best=looked.frame if isinstance(looked.frame, int) else None,
    )


def best_of_labels(found: Iterable[Found]) -> Mapping[str, float]:
    """Return the best score of each label that was found."""
    best: dict[str, float] = {}
    for one in _surest(found):
        best.setdefault(one.label, round(one.score, _DIGITS))
    return dict(list(best.items())[:MOST_NAMES])


def best_of_watched(found: Iterable[Found]) -> Mapping[Watched, float]:
    """Return the best score of each label in all of the picture, and in each zone."""
    best: dict[Watched, float] = {}
    for one in _surest(found):
        for zone in ("", *one.zones):
            best.setdefault(Watched(label=one.label, zone=zone), one.score)
    return best


def drawn(found: Iterable[Found]) -> tuple[Drawn, ...]:
    """Return the boxes to draw, each with its label and score, in one colour for each label."""
    shown = _surest(found)
    colours = {label: number for number, label in enumerate(sorted({one.label for one in shown}))}
    return tuple(Drawn(label=f"{one.label} {one.score:.0%}", box=one.box, colour=colours[one.label]) for one in reversed(shown))


def said(looked: Looked) -> dict[str, Any]:
    """Return a frame and what was found in it, as the answer to who has asked for it."""
    return {
        "frame": looked.frame,
        "width": looked.width,
        "height": looked.height,
        "objects": [
            {
                "label": one.label,
                "score": round(one.score, _DIGITS),
                "box": list(_rounded(one.box)),
                "zones": list(one.zones),
                "model": one.model,
                "known": one.is_known,
            }
            for one in _surest(looked.found)
        ],
        "troubles": [_trouble(each) for each in looked.troubles],
    }


def in_a_line(found: Iterable[Found]) -> str:
    """Return what was found in a few words: `person 91%, car 80%`, or `nothing`."""
    return ", ".join(f"{label} {score:.0%}" for label, score in best_of_labels(found).items()) or "nothing"


def _trouble(trouble: ModelTrouble) -> dict[str, str]:
    return {"model": trouble.name, "message": trouble.message, "hint": trouble.hint}


def _surest(found: Iterable[Found]) -> Sequence[Found]:
    return sorted(found, key=lambda one: -one.score)[:MOST_OBJECTS]


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = (round(min(1.0, max(0.0, side)), 4) for side in box)
    return x, y, width, height
