"""Compares what a VMS recorded with what was told of it. Knows the public contract (docs/mqtt.md), and nothing of the bridge."""

from __future__ import annotations

import json
import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tests.chaos.tap import Accepted


NOTHING = "nothing"
"""What a field says that is not there."""
_AT = "at"
"""Where a message that was read keeps the moment at which it was accepted."""
_FAST = ("alarm", "motion", "connected")
RETAINED = " is retained"
_Key = tuple[str, str, int]
"""Epoch, monitor and number: what identifies a message."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the VMS's event table; times are aware."""

    id: int
    monitor: int
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excuses:
    """What the run itself has done, so that it may be told otherwise; moments are monotonic.

    `gone` are ids that existed and were deleted: they may be told of or not. `orphans` are open rows that nobody will
    close: their end may be told as abandoned or not yet. After each moment of `full` the disk did not take what was
    written, so another epoch may begin. At each moment of `forgotten` the bridge was ended while it worked in memory:
    what the epoch of then has told may be told again, and what it had still to tell may be missing. Until `calm_until`
    nothing was hurt, so nothing had reason to be late. What was told between two moments of `misdated` may have its times in
    another time zone.
    """

    gone: Collection[int] = ()
    orphans: Collection[int] = ()
    full: Collection[float] = ()
    forgotten: Collection[float] = ()
    calm_until: float = 0.0
    misdated: Collection[tuple[float, float]] = ()

    def dates(self, moment: float) -> bool:
        """Say whether what was told at that moment has to have its times right."""
        return not any(start <= moment <= end for start, end in self.misdated)


_NO_EXCUSES = Excuses()


@dataclass(slots=True)
class Delivery:
    """What is wrong with what was told, in sentences, and what was counted."""

    recorded: int = 0
    announced: int = 0
    lost: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    duplicates: int = 0
    late: int = 0

    @property
    def faults(self) -> list[str]:
        """All that is wrong."""
        return [*self.lost, *self.disordered, *self.untrue, *self.differing]


@dataclass(slots=True)
class _Stream:
    """What was told on one kind of topic, resends left out: the bytes by number, the messages by event, in order."""

    name: str
    bytes_by_key: dict[_Key, bytes] = field(default_factory=dict)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def check_delivery(
    rows: Collection[Row], accepted: Iterable[Accepted], *, root: str, system: str, since: int = 0, excuses: Excuses = _NO_EXCUSES
) -> Delivery:
    """Hold the accepted messages against the rows that were there to be seen: those with ids above `since`."""
    ordered = sorted(accepted, key=lambda each: each.sent)
    new = [row for row in rows if row.id > since]
    delivery = Delivery(recorded=len(new))
    on_monitors = [each for each in ordered if each.topic.startswith(f"{root}/{system}/") and each.topic.endswith("/event")]
    on_all = [each for each in ordered if each.topic == f"{root}/event"]
    _check_topics(on_monitors, root, delivery)
    _check_lateness(on_all, excuses.calm_until, delivery)
    forgotten = _check_epochs([*on_all, *on_monitors], system, excuses, delivery)
    streams = _read_stream("all", on_all, delivery, system), _read_stream("monitor", on_monitors, delivery, system)
    _compare_streams(*streams, forgotten, delivery)
    allowed = {f"{system}-{number}" for number in (*excuses.gone, *(row.id for row in rows))}
    for stream in streams:
        _check_numbers(stream, forgotten, delivery)
        for row in new:
            public = f"{system}-{row.id}"
            told = stream.told.get(public, [])
            _check_event(f"{stream.name}: {public}", row, told, delivery, excuses)
        for public, told in stream.told.items():
            _check_steps(f"{stream.name}: {public}", told, forgotten, delivery)
        for number in excuses.gone:
            public = f"{system}-{number}"
            _check_deleted(f"{stream.name}: {public}", stream.told.get(public, []), forgotten, delivery)
        unknown = stream.told.keys() - allowed
        delivery.untrue += [f"{stream.name}: {public} was told, and there is no such event" for public in unknown]
        delivery.announced = sum(any(each["type"] == "new" for each in events) for events in stream.told.values())
    return delivery


def _check_topics(on_monitors: Iterable[Accepted], root: str, delivery: Delivery) -> None:
    for message in on_monitors:
        event = json.loads(message.payload)
        if message.topic != f"{root}/{event['system']}/{event['monitor']}/event":
            delivery.untrue.append(f"{event['id']} of monitor {event['monitor']} was told on {message.topic}")


def _check_lateness(messages: Iterable[Accepted], calm_until: float, delivery: Delivery) -> None:
    for message in messages:
        event = json.loads(message.payload)
        if event["late"] and message.at < calm_until:
            delivery.untrue.append(f"{event['id']} was told as late ({event['type']}), and nothing was hurt yet")


def _check_epochs(messages: Iterable[Accepted], system: str, excuses: Excuses, delivery: Delivery) -> set[str]:
    """Note epochs that nothing explains; return those whose memory was lost."""
    first: dict[str, float] = {}
    for message in sorted(messages, key=lambda each: each.sent):
        event = json.loads(message.payload)
        if event["system"] == system:
            first[event["epoch"]] = min(first.get(event["epoch"], math.inf), message.at)
    for number, (epoch, at) in enumerate(first.items()):
        explained = sum(moment <= at for moment in excuses.full)
        if number > explained:
            delivery.untrue.append(f"epoch {epoch} is number {number + 1}, and only {explained} times a disk was full before")
    forgotten = set()
    for moment in excuses.forgotten:
        begun = [epoch for epoch, at in list(first.items())[1:] if at <= moment]
        forgotten |= set(begun[-1:])
    return forgotten


def _read_stream(name: str, messages: Sequence[Accepted], delivery: Delivery, system: str) -> _Stream:
    """Return each event's messages in the order of their first appearance, and note what is wrong with the order."""
    highest: dict[tuple[str, str, bool], int] = {}
    stream = _Stream(name)
    for message in messages:
        event = json.loads(message.payload)
        if event["system"] != system:
            continue
        key = (event["epoch"], event["monitor"], event["seq"])
        if key in stream.bytes_by_key:
            delivery.duplicates += 1
            if stream.bytes_by_key[key] != message.payload:
                delivery.differing.append(f"{name}: seq {key[2]} of monitor {key[1]} was sent again with other bytes")
            continue
        stream.bytes_by_key[key] = message.payload
        lane = (event["epoch"], event["monitor"], event["late"])
        if event["seq"] <= highest.get(lane, 0):
            delivery.disordered.append(f"{name}: seq {event['seq']} of monitor {event['monitor']} came after {highest[lane]}")
        highest[lane] = max(highest.get(lane, 0), event["seq"])
        stream.told[event["id"]].append(event | {_AT: message.at})
        delivery.late += name == "all" and event["late"] and event["type"] == "new"
    return stream


def _compare_streams(one: _Stream, other: _Stream, forgotten: Collection[str], delivery: Delivery) -> None:
    """What is told of all monitors must be told of each, in the same bytes."""
    for key in sorted(one.bytes_by_key.keys() | other.bytes_by_key.keys()):
        epoch, monitor, seq = key
        payloads = [stream.bytes_by_key.get(key) for stream in (one, other)]
        if None in payloads:
            if epoch not in forgotten:
                delivery.lost.append(f"seq {seq} of monitor {monitor}, epoch {epoch}, was told on one of its two topics only")
        elif payloads[0] != payloads[1]:
            delivery.differing.append(f"seq {seq} of monitor {monitor} has other bytes on `event` than on the monitor's topic")


def _check_numbers(stream: _Stream, forgotten: Collection[str], delivery: Delivery) -> None:
    """Numbers that are missing are messages that are missing, whatever they would have told."""
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for epoch, monitor, seq in stream.bytes_by_key:
        numbers[epoch, monitor].add(seq)
    first = next(iter(stream.bytes_by_key), ("", "", 0))[0]
    for (epoch, monitor), seen in numbers.items():
        lowest = 1 if epoch == first else min(seen)  # a later epoch may go on where the one before has ended
        missing = sorted(set(range(lowest, max(seen))) - seen)
        if missing and epoch not in forgotten:
            delivery.lost.append(f"{stream.name}: seq {missing} of monitor {monitor}, epoch {epoch}, never came")


def _check_steps(name: str, told: Sequence[dict[str, Any]], forgotten: Collection[str], delivery: Delivery) -> None:
    """An event begins, ends and is deleted once, in whatever epoch."""
    for type_ in ("new", "end", "deleted"):
        times = sum(each["type"] == type_ and each["epoch"] not in forgotten for each in told)
        if times > 1:
            delivery.untrue.append(f"{name} was told as {type_} {times} times")


def _check_deleted(name: str, told: Sequence[dict[str, Any]], forgotten: Collection[str], delivery: Delivery) -> None:
    types = {each["type"] for each in told}
    is_remembered = any(each["type"] == "new" and each["epoch"] not in forgotten for each in told)
    if is_remembered and not types & {"end", "deleted"}:
        delivery.lost.append(f"{name} was announced and is deleted, and neither that nor its end was told")


def _check_event(name: str, row: Row, told: Sequence[dict[str, Any]], delivery: Delivery, excuses: Excuses) -> None:
    types = [each["type"] for each in told]
    where = f"{name} (monitor {row.monitor}, {row.start:%H:%M:%S})"
    if "new" not in types:
        delivery.lost.append(f"{where} was never announced")
        return
    if "deleted" in types:
        delivery.untrue.append(f"{where} was told to be deleted, and is there")
    for each in told:
        if _moment(each["start"]) != row.start and excuses.dates(each[_AT]):
            delivery.untrue.append(f"{where}: start was told as {each['start']} ({each['type']})")
        if each["monitor"] != str(row.monitor):
            delivery.untrue.append(f"{where} was told of monitor {each['monitor']} ({each['type']})")
    if row.end is None:
        if "end" in types and row.id not in excuses.orphans:
            delivery.untrue.append(f"{where} was told to have ended, and is open")
    elif "end" not in types:
        delivery.lost.append(f"{where} has ended at {row.end:%H:%M:%S}, which was never told")
    else:
        _check_end(where, row, told, delivery, excuses)


def _check_end(where: str, row: Row, told: Sequence[dict[str, Any]], delivery: Delivery, excuses: Excuses) -> None:
    new, end = (next(each for each in told if each["type"] == type_) for type_ in ("new", "end"))
    if new["late"] == end["late"] and told.index(end) < told.index(new):
        delivery.disordered.append(f"{where}: its end came before its beginning")
    last = told[-1]
    if _moment(last["end"]) != row.end and excuses.dates(last[_AT]):
        delivery.untrue.append(f"{where}: end was told as {last['end']} ({last['end_reason']}), and is {row.end:%H:%M:%S}")


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """What the VMS itself says of a monitor; None where it can't be said. `modes` are the fields that follow from its modes."""

    alarm: str | None
    delivers: bool | None
    modes: Mapping[str, object]
    newest: Row | None
    open: Row | None


def compared_states(
    facts: Mapping[int, MonitorFacts], retained: Mapping[str, bytes], *, root: str, system: str
) -> dict[str, tuple[object, object]]:
    """Return what is said and what is so, for every retained field that can be compared, by `topic field`."""
    found: dict[str, tuple[object, object]] = {"status": (retained.get(f"{root}/status"), b"online")}
    found[f"{system}/state available"] = (_json(retained.get(f"{root}/{system}/state")).get("available"), True)
    for number, monitor in facts.items():
        topic = f"{system}/{number}/state"
        said = _json(retained.get(f"{root}/{topic}"))
        so: dict[str, object] = {"available": True, **monitor.modes, "is_recording": monitor.open is not None}
        so["event_id"] = f"{system}-{monitor.open.id}" if monitor.open else None
        if monitor.alarm is not None:
            so |= {"alarm": monitor.alarm, "motion": monitor.alarm in {"alarm", "alert"}}
        if monitor.delivers is not None:
            so["connected"] = monitor.delivers
        found |= {f"{topic} {field_}": (said.get(field_, NOTHING), value) for field_, value in so.items()}
        if monitor.newest is not None:
            topic = f"{system}/{number}/last_event"
            last = _json(retained.get(f"{root}/{topic}"))
            found[f"{topic} id"] = (last.get("id", NOTHING), f"{system}-{monitor.newest.id}")
            found[f"{topic} start"] = (_moment(last.get("start", NOTHING)), monitor.newest.start)
            if monitor.newest.end is not None or monitor.open is not None:
                found[f"{topic} end"] = (_moment(last.get("end", NOTHING)), monitor.newest.end)
    return found


def compared_topics(
    facts: Mapping[int, MonitorFacts], retained: Mapping[str, bytes], *, root: str, system: str, discovery: str
) -> dict[str, tuple[object, object]]:
    """Return which topics are retained below `root` and `discovery`, and which must be: all of these, and no others.

    A picture must be there when the newest event of a camera has ended; monitors without a daemon (`delivers` is None
    for them) have none.
    """
    wanted = {f"{root}/status", f"{root}/info", f"{root}/health", f"{root}/{system}/state"}
    wanted |= {f"{discovery}/_bridge/config", f"{discovery}/{system}/config"}
    possible = set()
    for number, monitor in facts.items():
        own = f"{root}/{system}/{number}"
        wanted |= {f"{own}/state", f"{discovery}/{system}-{number}/config"}
        possible |= {f"{own}/last_event", f"{own}/snapshot"}
        if monitor.newest is not None:
            wanted.add(f"{own}/last_event")
        if monitor.newest is not None and monitor.newest.end is not None and monitor.alarm is not None:
            wanted.add(f"{own}/snapshot")
    ours = {topic for topic, payload in retained.items() if payload and topic.startswith((f"{root}/", f"{discovery}/"))}
    return {f"{topic}{RETAINED}": (topic in ours, topic in wanted) for topic in wanted | ours - possible}


def is_told_deleted(told: bytes | None, newest: Row, deleted: Collection[int], *, system: str) -> bool:
    """Say whether a last event is told to be deleted, and is, that was newer than all there are: it stays the newest."""
    last = _json(told)
    return last.get("type") == "deleted" and last.get("id") in {f"{system}-{number}" for number in deleted if number > newest.id}


class Truth:
    """What was so in the last moments: whoever tells what was so a moment ago, and not before that, tells the truth.

    `lag_s` is how late a source may be, `fast_s` how late what comes by shared memory may be, `topic_s` how late a topic is
    cleared of what is gone.
    """

    def __init__(self, *, lag_s: float = 4.0, fast_s: float = 1.5, topic_s: float | None = None) -> None:
        self._lag_s, self._fast_s = lag_s, fast_s
        self._topic_s = lag_s if topic_s is None else topic_s
        self._seen: dict[str, deque[tuple[float, object]]] = defaultdict(deque)

    def note(self, so: Mapping[str, object], now: float) -> None:
        """Take in what is so now, and is not what the comparison of now holds against what is said."""
        for name, value in so.items():
            self._seen[name].append((now, value))

    def untrue(self, compared: Mapping[str, tuple[object, object]], now: float) -> dict[str, str]:
        """Take in a comparison made now, and return every field that says what has not been so of late."""
        found = {}
        for name, (said, so) in compared.items():
            seen = self._seen[name]
            seen.append((now, so))
            lag_s = self._fast_s if name.endswith(_FAST) else self._topic_s if name.endswith(RETAINED) else self._lag_s
            # What was so until the next look was so until then: the value before the window's first counts too.
            while len(seen) > 1 and seen[1][0] <= now - lag_s:
                seen.popleft()
            if all(said != value for _, value in seen):
                found[name] = f"says {_shown(said)}, and it is {_shown(so)}"
        return found


def _json(payload: bytes | None) -> dict[str, Any]:
    """Return what was retained; nothing where there is nothing that can be read."""
    try:
        found = json.loads(payload or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _moment(text: str | None) -> datetime | str | None:
    return text if text in {None, NOTHING} else datetime.fromisoformat(str(text))


def _shown(value: object) -> str:
    return f"{value:%H:%M:%S}" if isinstance(value, datetime) else repr(value)
