"""Which events go into a clip of a time, and what of each: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from vms_bridge.archive import ClipGap, GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from vms_bridge.model import Event, EventRef

TOLERANCE = timedelta(seconds=1)
"""Some VMSs tell whole seconds only: what is shorter is neither a gap nor a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event that may have something of a time; `ref` is how it is asked for."""

    ref: EventRef
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """What is wanted of an event: from `start` on and before `end`. `begins` and `lasts_s` are the event's own, as told.

    `is_to_its_end`: nothing of the event comes behind it, however long its video really is.
    """

    ref: EventRef
    begins: datetime
    lasts_s: float
    start: datetime
    end: datetime
    has_video: bool
    is_to_its_end: bool

    @property
    def start_s(self) -> float:
        """From where on, in seconds from the event's beginning."""
        return (self.start - self.begins).total_seconds()

    @property
    def end_s(self) -> float:
        """Up to where, the same."""
        return (self.end - self.begins).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlan:
    """What a clip is to be made of, up to `until`: now, where `asked_until` is still to come.

    `gaps` are known before anything is asked of the VMS; what was not recorded is no part of them.
    """

    system: str
    since: datetime
    until: datetime
    asked_until: datetime
    encode: bool
    parts: tuple[PlannedPart, ...]
    gaps: tuple[ClipGap, ...]
    is_settled: bool

    @property
    def key(self) -> str:
        """What is the same for whoever asks for the same, as long as the same was recorded."""
        said: list[object] = [self.system, self.since.isoformat(), self.asked_until.isoformat(), self.encode]
        for part in self.parts:
            said += [part.ref.format(), part.start.isoformat(), part.end.isoformat(), part.has_video]
        said += [f"{gap.start.isoformat()} {gap.reason}" for gap in self.gaps]  # their ends move on with the time
        return blake2b(repr(said).encode(), digest_size=16).hexdigest()


def plan(
    system: str, recorded: Iterable[Recorded], since: datetime, until: datetime, *, now: datetime, encode: bool = False
) -> ClipPlan:
    """Work out what is wanted of which event; where two overlap, the one that began first gives the time that both have."""
    asked_until, until = until, min(until, now)
    parts: list[PlannedPart] = []
    gaps: list[ClipGap] = []
    covered = since
    for one in sorted(recorded, key=_order):
        begins, ends = one.event.start, _end(one.event, now)
        if begins is None or one.event.deleted:
            continue
        start, end = max(begins, covered), min(ends, until)
        if end <= start:
            continue
        covered = end
        if not one.event.is_over:
            gaps.append(ClipGap(start=start, end=end, reason=GapReason.STILL_RECORDED))
            continue
        parts.append(
            PlannedPart(
                ref=one.ref,
                begins=begins,
                lasts_s=(ends - begins).total_seconds(),
                start=begins if start - begins < TOLERANCE else start,
                end=end,
                has_video=one.event.clip_ready,
                is_to_its_end=ends <= until,
            )
        )
    return ClipPlan(
        system=system,
        since=since,
        until=until,
        asked_until=asked_until,
        encode=encode,
        parts=tuple(parts),
        gaps=tuple(gaps),
        is_settled=not gaps and until < now - TOLERANCE,
    )


def gaps_between(plan: ClipPlan, times: Iterable[tuple[datetime, datetime]], known: Iterable[ClipGap]) -> tuple[ClipGap, ...]:
    """Return all that is missing: `known` gaps and, between those and the `times` of parts, what was not recorded."""
    known = sorted(known, key=lambda gap: gap.start)
    held = sorted([*times, *((gap.start, gap.end) for gap in known)])
    missing: list[ClipGap] = []
    covered = plan.since
    for start, end in [*held, (plan.until, plan.until)]:
        if start - covered >= TOLERANCE:
            missing.append(ClipGap(start=covered, end=start, reason=GapReason.NOT_RECORDED))
        covered = max(covered, end)
    return tuple(sorted([*missing, *known], key=lambda gap: (gap.start, gap.end)))


def _order(one: Recorded) -> tuple[float, str]:
    return (one.event.start.timestamp() if one.event.start else 0.0), one.ref.format()


def _end(event: Event, now: datetime) -> datetime:
    """Return when it ended, as well as that is known."""
    if event.end is not None:
        return event.end
    if event.start is not None and event.is_over:
        return event.start + timedelta(seconds=event.duration_s or 0.0)
    return max(now, event.start) if event.start is not None else now
