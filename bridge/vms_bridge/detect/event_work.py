"""One event that is looked at: which of its frames are still to be had, and what was found in those that were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.archive import FrameKind
from vms_bridge.detect.frames import frame_of, is_decided, pick_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.values import FrameId, Looked
    from vms_bridge.model import Enrichment, EventRef
    from vms_bridge.views import EventMessage, MonitorKey

PATIENCE_S = 60.0
"""For so long after an event's end its frames are still asked for."""
MOST_TRIES = 200
"""How often a frame is asked for, whatever happens."""
_FIRST_S, _LONGEST_S = 1.0, 15.0
_BETTER_S = 30.0
"""So often, at least, the best frame of an event that goes on is asked for again: it may be another one by now."""
_MOST_LOOKED = 32


@dataclass(slots=True, eq=False)
class Ask:
    """A frame that is wanted: when it is asked for next (by the monotonic clock; None: not any more)."""

    name: FrameId
    frame: FrameKind | int | datetime
    due: float | None
    tries: int = 0
    had: int = 0
    """How often it was there."""
    digest: bytes = b""
    """Of the picture that was looked at last."""
    is_under_way: bool = False
    is_overtaken: bool = False
    """It is to be asked for again once it is no more under way."""

    def again(self, now: float) -> None:
        """Have it asked for later: each time after twice as long, up to a quarter of a minute."""
        self.tries += 1
        self.due = None if self.tries >= MOST_TRIES else now + min(_LONGEST_S, _FIRST_S * 2 ** min(self.tries - 1, 8))

    def done(self, again: float | None = None) -> None:
        """Have it asked for no more, or again at this time."""
        self.due, self.tries, self.had = again, 0, self.had + 1

    def begin(self) -> None:
        """Note that it is asked for now."""
        self.is_under_way, self.is_overtaken = True, False

    def end(self, now: float) -> None:
        """Note that it is asked for no more for now."""
        self.is_under_way = False
        if self.is_overtaken:
            self.due = now


def asks(take: Sequence[str], now: float, after_s: float) -> list[Ask]:
    """Return what is wanted of an event by the configuration (`alarm`, `snapshot`, numbers), in its order."""
    named = [frame_of(each) for each in take]
    return [Ask(name=name, frame=frame, due=now + after_s) for name, frame in named]


@dataclass(slots=True, eq=False)
class EventWork:
    """An event, from its first message until nothing more can come of it."""

    ref: EventRef
    monitor: MonitorKey
    looking: Looking
    asks: list[Ask]
    is_late: bool
    began: float
    """When it was heard of first, by the monotonic clock."""
    over_at: float | None = None
    is_gone: bool = False
    """It was deleted, or there is no such event."""
    looked: list[Looked] = field(default_factory=list)
    """The frames in which something was found, in the order in which they are wanted."""
    told: Enrichment | None = None
    best: Looked | None = None

    def grow(self, message: EventMessage, now: float) -> None:
        """Take in a step of its life: at its end all that was not there yet is asked for, and the best frame once more."""
        if self.over_at is None and (message.end is not None or message.end_reason is not None):
            self.over_at = now
            for ask in self.asks:
                if ask.due is not None:
                    ask.due, ask.tries = now, 0
            self.refresh(now)

    def refresh(self, due: float) -> None:
        """Have its best frame asked for again."""
        for ask in self.asks:
            if ask.frame is FrameKind.BEST:
                ask.due, ask.tries = due if ask.due is None else min(ask.due, due), 0
                ask.is_overtaken = ask.is_under_way

    def had(self, ask: Ask, now: float) -> None:
        """Note that a frame was there: the best one of an event that goes on may become another one."""
        goes_on = ask.frame is FrameKind.BEST and self.over_at is None
        ask.done(now + min(_BETTER_S, _FIRST_S * 2 ** min(ask.had + 1, 8)) if goes_on else None)

    def next(self, now: float) -> Ask | None:
        """Return the frame to ask for next, whether its time has come or not; None: there is none, or it is under way."""
        if self.is_gone or self.is_settled or self._is_hopeless(now):
            return None
        waiting = [ask for ask in self.asks if ask.due is not None and not ask.is_under_way]
        return min(waiting, key=lambda ask: ask.due or 0.0, default=None)

    def is_done(self, now: float) -> bool:
        """Say whether nothing more can come of it."""
        if any(ask.is_under_way for ask in self.asks):
            return False
        if self.is_gone or self.is_settled or self._is_hopeless(now):
            return True
        return self.over_at is not None and all(ask.due is None for ask in self.asks)

    @property
    def is_settled(self) -> bool:
        """Whether no later frame could win: the first one with something new in it was wanted, and is there."""
        frames = self.looking.judge.frames
        return frames.stop_early and self.best is not None and is_decided(frames.pick, self.best)

    def take(self, looked: Looked) -> bool:
        """Take in a frame that was looked at; say whether it is the best one now. What was found before stays."""
        if not looked.found:
            return False
        order = {ask.name: number for number, ask in enumerate(self.asks)}
        self.looked.append(looked)
        self.looked.sort(key=lambda one: order.get(one.frame, len(order)))
        best = pick_frame(self.looking.judge.frames.pick, self.looked)
        if len(self.looked) > _MOST_LOOKED:
            self.looked.remove(next(one for one in self.looked if one is not best))
        is_new, self.best = best is not self.best, best
        return is_new and best is not None

    def _is_hopeless(self, now: float) -> bool:
        return self.over_at is not None and now - self.over_at >= PATIENCE_S
