"""A year of a busy house's events: invented, but as cameras, detectors and people make them. The same seed, the same year."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.model import EndReason, Enrichment, Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGAN = datetime(2025, 11, 1, tzinfo=UTC)
_YEAR_S = 365 * 86_400
_AREAS = ("Driveway", "Door", "Garden", "Street", "Terrace", "Garage", "Path", "Fence", "Shed", "Pond")
_LABELS = {"person": 30.0, "car": 28.0, "dog": 6.0, "cat": 5.0, "bird": 2.0, "bicycle": 2.0, "truck": 1.5, "bus": 0.3}
RARE_LABEL, RARE_WORD, OLD_WORD = "horse", "lightning", "scaffold"
QUIET, BUSY = "64", "1"
_RARE, _WITH_PLATE, _WITH_FACE, _ADDED, _CONTINUOUS = 0.000_02, 0.3, 0.15, 0.4, 0.2
_OLD = 0.3
"""Up to which part of the year the old word is frequent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An event, and what a detector has added to it."""

    event: Event
    added: Enrichment | None = None


def year(count: int, *, monitors: int = 64, seed: int = 1) -> Iterator[Made]:
    """Yield so many events in the order in which they began; the first monitor is busy, the last has one in ten thousand."""
    chance = random.Random(seed)  # noqa: S311 - an invented house
    keys = [str(number) for number in range(1, monitors + 1)]
    weights = [1 / number for number in range(1, monitors)] + [0.000_4]
    for number in range(count):
        share = number / count
        start = BEGAN + timedelta(seconds=int(share * _YEAR_S + chance.random() * 20))
        monitor = chance.choices(keys, weights)[0]
        yield _made(number + 1, monitor, start, share=share, chance=chance)


def _made(number: int, monitor: str, start: datetime, *, share: float, chance: random.Random) -> Made:
    areas = tuple(dict.fromkeys(_AREAS[(int(monitor) + chance.randrange(3)) % len(_AREAS)] for _ in range(2)))
    if chance.random() < _CONTINUOUS:
        event = _event(number, monitor, start, 600 + chance.randrange(5) / 100, kind=EventKind.CONTINUOUS, cause="Continuous")
        return Made(event=event)
    seen = tuple(dict.fromkeys(chance.choices(list(_LABELS), list(_LABELS.values()), k=chance.choice((1, 1, 2)))))
    if chance.random() < _RARE:
        seen = (RARE_LABEL, *seen)
    score = round(0.5 + 0.49 * math.sqrt(chance.random()), 2)
    said = f"detected:{','.join(f'{label}:{int(100 * score)}%' for label in seen)}"
    notes = f"[a] {said} Motion: {', '.join(areas)}"
    if share < _OLD and chance.random() < 0.5:
        notes += f" {OLD_WORD}"
    if chance.random() < _RARE:
        notes += f" {RARE_WORD}"
    duration = round(math.exp(chance.gauss(3.2, 0.9)), 2)
    by_detector = chance.random() < _ADDED
    event = _event(
        number,
        monitor,
        start,
        duration,
        cause="Motion",
        notes=notes,
        zones=areas,
        labels=() if by_detector else seen,
        score=None if by_detector else score,
    )
    if not by_detector:
        return Made(event=event)
    plates = (f"{chance.choice('ABCDE')}{chance.randrange(20_000):05}",) if chance.random() < _WITH_PLATE else ()
    faces = (f"person {chance.randrange(30)}",) if chance.random() < _WITH_FACE else ()
    return Made(event=event, added=Enrichment(labels=seen, score=score, zones=areas[:1], plates=plates, faces=faces))


def _event(number: int, monitor: str, start: datetime, duration: float, **more: object) -> Event:
    return Event(
        id=str(number),
        monitor_id=monitor,
        start=start,
        end=start + timedelta(seconds=int(duration)),
        end_reason=EndReason.CLOSED,
        duration_s=duration,
        alarm_frames=int(duration * 2),
        max_score=number % 100,
        snapshot_ready=True,
        clip_ready=True,
        **more,  # type: ignore[arg-type]  # by name
    )
