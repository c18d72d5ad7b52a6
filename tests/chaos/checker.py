"""Compares what a VMS recorded with what was told of it. Knows the public contract (docs/mqtt.md), and nothing of the bridge."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tests.chaos.tap import Accepted


_NOTHING = "nothing"
_FAST = ("alarm", "motion", "connected")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the VMS's event table; times are aware."""

    id: int
    monitor: int
    start: datetime
    end: datetime | None = None


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


def check_delivery(
    rows: Collection[Row],
    accepted: Iterable[Accepted],
    *,
    root: str,
    system: str,
    since: int = 0,
    gone: Collection[int] = (),
    orphans: Collection[int] = (),
) -> Delivery:
    """Hold the accepted messages against the rows that were there to be seen: those with ids above `since`.

    `gone` are ids that existed and were deleted: they may be told of or not. `orphans` are open rows that nobody will
    close: their end may be told as abandoned or not yet.
    """
    streams: dict[str, list[Accepted]] = defaultdict(list)
    for message in sorted(accepted, key=lambda each: each.sent):
        if message.topic == f"{root}/event":
            streams["all"].append(message)
        elif message.topic.startswith(f"{root}/{system}/") and message.topic.endswith("/event"):
            streams["monitor"].append(message)
    new = [row for row in rows if row.id > since]
    allowed = {f"{system}-{number}" for number in (*gone, *(row.id for row in rows))}
    delivery = Delivery(recorded=len(new))
    for name in ("all", "monitor"):
        told = _read_stream(name, streams[name], delivery, system)
        for row in new:
            public = f"{system}-{row.id}"
            _check_event(f"{name}: {public}", row, told.get(public, []), delivery, is_orphan=row.id in orphans)
        delivery.untrue += [f"{name}: {public} was told, and there is no such event" for public in told.keys() - allowed]
        delivery.announced = sum(any(each["type"] == "new" for each in events) for events in told.values())
    return delivery


def _read_stream(name: str, stream: Sequence[Accepted], delivery: Delivery, system: str) -> dict[str, list[dict[str, Any]]]:
    """Return each event's messages in the order of their first appearance, and note what is wrong with the order."""
    first: dict[tuple[str, str, int], bytes] = {}
    highest: dict[tuple[str, str, bool], int] = {}
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in stream:
        event = json.loads(message.payload)
        if event["system"] != system:
            continue
        key = (event["epoch"], event["monitor"], event["seq"])
        if key in first:
            delivery.duplicates += 1
            if first[key] != message.payload:
                delivery.differing.append(f"{name}: seq {key[2]} of monitor {key[1]} was sent again with other bytes")
            continue
        first[key] = message.payload
        lane = (event["epoch"], event["monitor"], event["late"])
        if event["seq"] <= highest.get(lane, 0):
            delivery.disordered.append(f"{name}: seq {event['seq']} of monitor {event['monitor']} came after {highest[lane]}")
        highest[lane] = max(highest.get(lane, 0), event["seq"])
        told[event["id"]].append(event)
        delivery.late += name == "all" and event["late"] and event["type"] == "new"
    return told


def _check_event(name: str, row: Row, told: Sequence[dict[str, Any]], delivery: Delivery, *, is_orphan: bool) -> None:
    types = [each["type"] for each in told]
    where = f"{name} (monitor {row.monitor}, {row.start:%H:%M:%S})"
    if "new" not in types:
        delivery.lost.append(f"{where} was never announced")
        return
    epochs = [each["epoch"] for each in told if each["type"] == "new"]
    if len(epochs) > len(set(epochs)):
        delivery.untrue.append(f"{where} was announced as new {len(epochs)} times")
    if "deleted" in types:
        delivery.untrue.append(f"{where} was told to be deleted, and is there")
    if row.end is None:
        if "end" in types and not is_orphan:
            delivery.untrue.append(f"{where} was told to have ended, and is open")
    elif "end" not in types:
        delivery.lost.append(f"{where} has ended at {row.end:%H:%M:%S}, which was never told")
    else:
        _check_end(where, row, told, delivery)


def _check_end(where: str, row: Row, told: Sequence[dict[str, Any]], delivery: Delivery) -> None:
    new, end = (next(each for each in told if each["type"] == type_) for type_ in ("new", "end"))
    if new["late"] == end["late"] and told.index(end) < told.index(new):
        delivery.disordered.append(f"{where}: its end came before its beginning")
    last = told[-1]
    for field_, true in (("start", row.start), ("end", row.end)):
        if _moment(last[field_]) != true:
            delivery.untrue.append(f"{where}: {field_} was told as {last[field_]} ({last['end_reason']}), and is {true:%H:%M:%S}")
    if last["monitor"] != str(row.monitor):
        delivery.untrue.append(f"{where} was told of monitor {last['monitor']}")


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """What the VMS itself says of a monitor; None where it can't be said."""

    alarm: str | None
    delivers: bool | None
    function: str | None
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
        so: dict[str, object] = {"available": True, "function": monitor.function, "is_recording": monitor.open is not None}
        so["event_id"] = f"{system}-{monitor.open.id}" if monitor.open else None
        if monitor.alarm is not None:
            so |= {"alarm": monitor.alarm, "motion": monitor.alarm in {"alarm", "alert"}}
        if monitor.delivers is not None:
            so["connected"] = monitor.delivers
        found |= {f"{topic} {field_}": (said.get(field_, _NOTHING), value) for field_, value in so.items()}
        if monitor.newest is not None:
            topic = f"{system}/{number}/last_event"
            last = _json(retained.get(f"{root}/{topic}"))
            found[f"{topic} id"] = (last.get("id", _NOTHING), f"{system}-{monitor.newest.id}")
            found[f"{topic} start"] = (_moment(last.get("start", _NOTHING)), monitor.newest.start)
            if monitor.newest.end is not None or monitor.open is not None:
                found[f"{topic} end"] = (_moment(last.get("end", _NOTHING)), monitor.newest.end)
    return found


class Truth:
    """What was so in the last moments: whoever tells what was so a moment ago, and not before that, tells the truth.

    `lag_s` is how late a source may be, `fast_s` how late what comes by shared memory may be.
    """

    def __init__(self, *, lag_s: float = 4.0, fast_s: float = 1.5) -> None:
        self._lag_s, self._fast_s = lag_s, fast_s
        self._seen: dict[str, deque[tuple[float, object]]] = defaultdict(deque)

    def untrue(self, compared: Mapping[str, tuple[object, object]], now: float) -> dict[str, str]:
        """Take in a comparison made now, and return every field that says what has not been so of late."""
        found = {}
        for name, (said, so) in compared.items():
            seen = self._seen[name]
            seen.append((now, so))
            lag_s = self._fast_s if name.endswith(_FAST) else self._lag_s
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
    return text if text in {None, _NOTHING} else datetime.fromisoformat(str(text))


def _shown(value: object) -> str:
    return f"{value:%H:%M:%S}" if isinstance(value, datetime) else repr(value)
