"""Whether a link still lives, and what the broker will never answer: judged from what comes and goes.

A broker may take a message and lose its acknowledgement: mosquitto drops whatever it has to say to a client whose
queue is full. And a link may be slow without being dead. So time alone proves nothing
(docs/decisions/0306-answers-that-never-come.md).
"""

from __future__ import annotations

from dataclasses import dataclass

PING_S = 4.0
"""How often a broker is pinged, at most, unless somebody wants to know sooner."""
SILENCE_S = 9.0
"""A broker is dead that says nothing for so long though a ping has reached it; so is a link on which nothing moves."""
FORGOTTEN_S = 15.0
"""An answer is lost if nothing was answered for so long since a ping came back that was sent behind the question."""
OVERTAKEN_S = 5.0
"""It is lost, too, if a later one came so long ago. They come in order, but with some brokers not to the moment."""
_ANSWER_S = 4.0
_HOPELESS_S = 600.0
"""No link is so slow that neither an answer nor a ping comes back for so long, whatever else comes."""


@dataclass(frozen=True, slots=True)
class Transit:
    """What the kernel knows of a connection: how many bytes the other side has got, and how many it has not yet."""

    arrived: int
    waiting: int


@dataclass(slots=True)
class _Question:
    """What the broker is to answer; `pings` were sent before it."""

    asked_at: float
    pings: int
    is_ordered: bool
    overtaken_at: float | None = None
    reached_at: float | None = None
    """Since when the broker is known to have got it."""


class Lifeline:
    """Judges what happens on a link, and when. Times are monotonic seconds."""

    def __init__(self, now: float, *, ping_s: float = PING_S) -> None:
        self._heard_at = self._moved_at = self._answered_at = self._pinged_at = now
        self._questions: dict[int, _Question] = {}
        self._pings = self._pongs = 0
        self._arrived: int | None = None
        self._ping_ends: int | None = None
        """How many bytes have arrived when the newest ping has; None while that is not known."""
        self._ping_arrived_at: float | None = None
        self._ping_s = ping_s

    def keep_within(self, keepalive_s: float) -> None:
        """Ping so often that a broker that expects a packet within this time (0: it does not) does."""
        self._ping_s = min(self._ping_s, keepalive_s / 2 if keepalive_s else self._ping_s)

    def asked(self, number: int, now: float, *, is_ordered: bool) -> None:
        """Note what the broker is to answer; those that are `is_ordered` in their order."""
        self._questions[number] = _Question(now, self._pings, is_ordered)

    def answered(self, number: int, now: float) -> None:
        """Note an answer, and which it has overtaken."""
        question = self._questions.get(number)
        if question is None:
            return
        for other_number, other in self._questions.items() if question.is_ordered else ():
            if other_number == number:
                break
            if other.is_ordered and other.overtaken_at is None:
                other.overtaken_at = now
        del self._questions[number]
        self._answered_at = now
        self._pongs = max(self._pongs, question.pings)  # what was to come before has come, or never will

    def withdrawn(self, number: int) -> None:
        """Note that nobody waits for this answer any more."""
        self._questions.pop(number, None)

    def heard(self, now: float) -> None:
        """Note that something came."""
        self._heard_at = now

    def wants_ping(self, now: float) -> bool:
        """Say whether to ping: now and then, but not again as long as nothing has come since."""
        is_quiet = self._pongs < self._pings and self._heard_at <= self._pinged_at
        return now - self._pinged_at >= self._ping_s and not is_quiet

    def pinged(self, now: float) -> None:
        """Note that a ping was sent, behind all that was asked before."""
        self._pings += 1
        self._pinged_at = now
        self._ping_ends = self._ping_arrived_at = None

    def ponged(self, now: float) -> None:
        """Note that a ping was answered; which one it does not say, so the oldest is meant."""
        self._pongs = min(self._pongs + 1, self._pings)
        for question in self._questions.values():
            if question.reached_at is None and question.pings < self._pongs:
                question.reached_at = now

    def check(self, now: float, transit: Transit | None, *, is_written: bool) -> None:
        """Note how far things have come; `is_written`: the kernel has all of it. No `transit`: it does not say more."""
        if transit is not None:
            if self._arrived is not None and transit.arrived != self._arrived:
                self._moved_at = now
            self._arrived = transit.arrived
        if self._ping_ends is None and is_written:
            self._ping_ends = 0 if transit is None else transit.arrived + transit.waiting
        if self._ping_arrived_at is None and self._ping_ends is not None and (self._arrived or 0) >= self._ping_ends:
            self._ping_arrived_at = now

    def woke(self, now: float) -> None:
        """Blame nobody for a time in which we have slept."""
        self._heard_at = self._moved_at = self._answered_at = now
        self._ping_arrived_at = None
        for question in self._questions.values():
            question.overtaken_at = None if question.overtaken_at is None else now

    def silence_s(self, now: float) -> float | None:
        """Return for how long nothing has come, if that means the end; None: it may be that it only takes long."""
        quiet_s = now - self._heard_at
        if quiet_s <= SILENCE_S or self._pongs == self._pings:
            return None
        if self._ping_arrived_at is None:
            return quiet_s if now - self._moved_at > SILENCE_S else None
        return quiet_s if now - self._ping_arrived_at >= _ANSWER_S else None

    def forgotten(self, now: float) -> int:
        """Return how many answers are lost."""
        return sum(self._is_forgotten(question, now) for question in self._questions.values())

    def _is_forgotten(self, question: _Question, now: float) -> bool:
        if question.overtaken_at is not None:
            return now - question.overtaken_at >= OVERTAKEN_S
        if question.reached_at is None:
            return now - max(question.asked_at, self._answered_at) >= _HOPELESS_S
        return now - max(question.reached_at, self._answered_at) >= FORGOTTEN_S
