"""Judges commands: each answered once, and truly, by what the VMS itself showed. Knows nothing of the bridge."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tests.chaos.tap import Accepted, Handed

FINAL = frozenset({"applied", "unchanged", "refused", "failed", "timeout"})
NEVER_ANSWERED = "was taken and never answered"
_SEEN_S = 1.0
"""How much later than the answer the truth may be looked at: it is looked at now and then."""


@dataclass(slots=True)
class Order:
    """A command as it was sent; moments are monotonic. `accepted` is when the broker took it, None if it never did."""

    request_id: str
    system: str
    monitor: str | None
    command: str
    value: str
    sent: float
    accepted: float | None = None
    response_topic: str | None = None
    protocol: int = 5

    @property
    def topic(self) -> str:
        """Its topic below the instance's root."""
        target = self.system if self.monitor is None else f"{self.system}/{self.monitor}"
        return f"{target}/set/{self.command}"

    @property
    def payload(self) -> bytes:
        """Its payload."""
        return json.dumps({"value": self.value, "request_id": self.request_id}).encode()

    def __str__(self) -> str:
        return f"{self.request_id} ({self.topic} {self.value}, MQTT {self.protocol})"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to the VMS on a command's behalf, and that it accepted."""

    system: str
    monitor: str | None
    at: float
    what: str


class History:
    """What was in force when, by what was looked at."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, str | None, str], list[tuple[float, object]]] = defaultdict(list)

    def note(self, system: str, monitor: str | None, now: float, values: Mapping[str, object]) -> None:
        """Note what is in force from now on; only changes take room, and what is known already none."""
        for name, value in values.items():
            looks = self._looks[system, monitor, name]
            if not looks or (looks[-1][1] != value and looks[-1][0] < now):
                looks.append((now, value))

    def between(self, system: str, monitor: str | None, name: str, start: float, end: float) -> list[object]:
        """Return every value that was in force at some moment between these."""
        looks = self._looks[system, monitor, name]
        first = max(bisect_right(looks, start, key=lambda look: look[0]) - 1, 0)
        return [value for at, value in looks[first:] if at <= end]


@dataclass(frozen=True, slots=True)
class Allowances:
    """What may go otherwise through no fault of the bridge's.

    `ended`: moments at which the bridge was ended: what it had taken and not yet answered may stay without an answer, and it does
    not know any more which ids were used. `unwritten`: those of them at which its disk was full: nor does it know any more what
    it had answered, and says of what was under way that it can't know.
    `forgotten`: moments at which the broker lost what waits there. `doubtful` are requests that a perfectly formed lie may
    have misled.
    """

    ended: Collection[float] = ()
    unwritten: Collection[float] = ()
    forgotten: Collection[float] = ()
    doubtful: Collection[str] = ()


_NONE = Allowances()


@dataclass(slots=True)
class Answers:
    """What is wrong with the answers, in sentences, and what was counted."""

    sent: int = 0
    accepted: int = 0
    unanswered: int = 0
    results: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    faults: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """How many final answers there were."""
        return sum(self.results.values())

    @property
    def unanswered_faults(self) -> list[str]:
        """What an answer may yet come to."""
        return [fault for fault in self.faults if fault.endswith(NEVER_ANSWERED)]

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.results.items()))
        return f"{self.sent} (taken by the broker: {self.accepted}; {counts or 'none answered'}; excused: {self.unanswered})"


def check_commands(
    orders: Sequence[Order],
    accepted: Iterable[Accepted],
    handed: Sequence[Handed],
    *,
    root: str,
    history: History,
    changes: Sequence[Change] = (),
    allowances: Allowances = _NONE,
) -> Answers:
    """Hold every command against its answers, and these against what was so."""
    found = Answers(sent=len(orders), accepted=sum(order.accepted is not None for order in orders))
    ordered = sorted(accepted, key=lambda each: each.sent)
    told: dict[str, list[tuple[Accepted, dict[str, Any]]]] = defaultdict(list)
    for message in ordered:
        if message.topic == f"{root}/ack" or message.topic in {order.response_topic for order in orders}:
            answer = json.loads(message.payload)
            told[answer["request_id"]].append((message, answer))
    known = {order.request_id for order in orders}
    found.faults += [f"{number}: answered, and nobody has asked" for number in told.keys() - known]
    by_id: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        by_id[order.request_id].append(order)
    for number, same in by_id.items():
        answers = [(message, answer) for message, answer in told.get(number, ()) if message.topic == f"{root}/ack"]
        _check_order(same, answers, handed, root, history, allowances, found)
        _check_response(same, told.get(number, ()), root, found)
    _check_changes(orders, told, changes, root, allowances, found)
    return found


def _check_order(
    same: Sequence[Order],
    answers: Sequence[tuple[Accepted, dict[str, Any]]],
    handed: Sequence[Handed],
    root: str,
    history: History,
    allowances: Allowances,
    found: Answers,
) -> None:
    """Hold what was sent by one id, mostly once, against what was answered by that id."""
    order = same[0]
    finals = _finals(order, answers, found)
    finals = [each for each in finals if each == finals[0] or not _is_owed_to_a_full_disk(order, *each, allowances)]
    for _, answer in finals:
        found.results[answer["result"]] += 1
        if not any(_is_to(answer, each) for each in same):
            found.faults.append(f"{order}: the answer is to another command: {answer}")
    if len(finals) > len({each.topic + each.value for each in same}):
        results = ", ".join(answer["result"] for _, answer in finals)
        found.faults.append(f"{order}: has {len(finals)} answers: {results}")
    done = [(message, answer) for message, answer in finals if answer["result"] != "refused"] or finals[:1]
    if len(done) > 1 and not any(order.sent < moment < done[-1][0].at for moment in allowances.ended):
        found.faults.append(f"{order}: its id was used for something else, and neither was refused")
    if finals:
        meant = [each for each in same if _is_to(done[0][1], each)] or [order]
        # What was lost with a session has left its id to the next one.
        asked = next((each for each in meant if _came(each, handed, root)), meant[0])
        if order.request_id not in allowances.doubtful:
            _check_truth(asked, *done[0], history, found)
    elif _must_be_answered(order, handed, root, allowances):
        found.faults.append(f"{order}: {NEVER_ANSWERED}")
    else:
        found.unanswered += 1


def _is_owed_to_a_full_disk(order: Order, message: Accepted, answer: Mapping[str, Any], allowances: Allowances) -> bool:
    """Say whether a bridge that was ended while its disk was full has left this as a second answer."""
    return answer["result"] == "timeout" and any(order.sent < moment < message.at for moment in allowances.unwritten)


def _finals(
    order: Order, answers: Sequence[tuple[Accepted, dict[str, Any]]], found: Answers
) -> list[tuple[Accepted, dict[str, Any]]]:
    """Return the final answers, those left out that say the same, at whatever time."""
    finals: dict[str, tuple[Accepted, dict[str, Any]]] = {}
    seen: set[bytes] = set()
    for message, answer in answers:
        if answer["result"] in FINAL:
            finals.setdefault(json.dumps(answer | {"time": None}), (message, answer))
        elif finals and message.payload not in seen:
            found.faults.append(f"{order}: `{answer['result']}` was said after the final answer")
        seen.add(message.payload)
    return list(finals.values())


def _is_to(answer: Mapping[str, Any], order: Order) -> bool:
    return (answer["system"], answer["monitor"], answer["command"]) == (order.system, order.monitor, order.command)


def _came(order: Order, handed: Sequence[Handed], root: str) -> list[Handed]:
    """Return each time that it was handed to the bridge."""
    topic = f"{root}/{order.topic}"
    return [each for each in handed if each.topic == topic and each.payload == order.payload]


def _must_be_answered(order: Order, handed: Sequence[Handed], root: str, allowances: Allowances) -> bool:
    """Say whether it has to be: it reached the bridge, or was taken by a broker that has kept it."""
    came = _came(order, handed, root)
    if any(each.confirmed is not None for each in came):
        last = max(each.at for each in came)
        return not any(moment > last for moment in allowances.ended)
    return order.accepted is not None and not any(moment > order.accepted for moment in allowances.forgotten)


def _check_truth(order: Order, message: Accepted, answer: Mapping[str, Any], history: History, found: Answers) -> None:
    result = answer["result"]
    if result in {"applied", "unchanged"}:
        if str(answer["applied"]) != order.value:
            found.faults.append(f"{order}: {result} {answer['applied']!r}, and {order.value!r} was asked for")
        seen = history.between(order.system, order.monitor, order.command, order.sent, message.at + _SEEN_S)
        if order.value not in seen:
            found.faults.append(f"{order}: {result}, and what was so meanwhile: {seen}")
    elif not (answer.get("error") or {}).get("hint"):
        found.faults.append(f"{order}: {result} without a reason")


def _check_response(same: Sequence[Order], told: Sequence[tuple[Accepted, dict[str, Any]]], root: str, found: Answers) -> None:
    """An answer goes to the response topic, too, in the same bytes, and to no other's."""
    order = same[0]
    general = {message.payload for message, _ in told if message.topic == f"{root}/ack"}
    for message, _ in told:
        if message.topic == f"{root}/ack":
            continue
        if message.topic not in {each.response_topic for each in same}:
            found.faults.append(f"{order}: answered on {message.topic}, which is another's")
        elif message.payload not in general:
            found.faults.append(f"{order}: answered otherwise on its response topic: {message.payload!r}")


def _check_changes(
    orders: Sequence[Order],
    told: Mapping[str, Sequence[tuple[Accepted, dict[str, Any]]]],
    changes: Sequence[Change],
    root: str,
    allowances: Allowances,
    found: Answers,
) -> None:
    """Nothing is done twice, after a refusal, or unasked: there are no more changes than reasons for one.

    What a bridge was ended over comes to the next one too, unless it was answered: for each end one change more.
    """
    targets = {(change.system, change.monitor) for change in changes}
    for target in targets:
        mine = {order.request_id for order in orders if (order.system, order.monitor) == target}
        done = [change for change in changes if (change.system, change.monitor) == target]
        may = len(allowances.ended)
        for number in mine:
            results = {answer["result"] for message, answer in told.get(number, ()) if message.topic == f"{root}/ack"}
            may += not results & FINAL or bool(results & {"applied", "failed", "timeout"})
        if len(done) > may:
            what = ", ".join(change.what for change in done[-8:])
            found.faults.append(f"{target}: {len(done)} changes for {may} commands that may have made one; the last: {what}")
