"""What the fake knows, and how tests change it: systems, monitors, their states, events and the history of messages."""

from __future__ import annotations

import secrets
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.component.fakes import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.component.fakes.schemas import JsonObject

FEW = ("alarm_state", "events", "event_picture", "event_clip", "live_picture", "live_stream")


class World:
    """Owns all that; each change is told at once to whoever listens (`tell`)."""

    def __init__(self) -> None:
        self.epoch = "5d1f0c3a9b7e"
        self.systems: dict[str, JsonObject] = {}
        self.monitors: dict[tuple[str, str], JsonObject] = {}
        self.states: dict[tuple[str, str], JsonObject] = {}
        self.objects: dict[tuple[str, str], JsonObject | None] = {}
        self.last_events: dict[tuple[str, str], JsonObject] = {}
        self.events: dict[str, JsonObject] = {}
        self.notes: dict[str, str] = {}
        self.health: JsonObject = {"problem": None, "undelivered": 0, "given_up": 0}
        self.notices: list[JsonObject] = []
        self.claims: dict[str, JsonObject] = {}
        self._history: list[tuple[int, JsonObject]] = []
        self._position = self._forgotten = 0
        self._seqs: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._event_number = 12

    def tell(self, *items: JsonObject) -> None:
        """Say items of `changes`."""
        raise NotImplementedError

    def make_usual(self) -> None:
        """Have what most tests want: two monitors, and an event of each."""
        self.add_system("zm", name="Shed")
        self.add_monitor(
            "zm",
            "1",
            "Front door",
            area="Garden",
            model="AXIS P3245",
            zones={"1": "Drive", "2": "Lawn"},
            modes={"function": ("None", "Monitor", "Modect")},
        )
        self.add_monitor("zm", "2", "Yard", capabilities=FEW)
        now = datetime.now(UTC).replace(microsecond=0)
        self.add_event("zm", "1", id="zm-11", start=now - timedelta(days=1), label="person", zones=["Drive"], notes="somebody")
        self.add_event("zm", "2", id="zm-12", start=now - timedelta(hours=1), label="car")

    # --- its world ---

    def add_system(
        self,
        key: str,
        *,
        name: str = "",
        kind: str = "zoneminder",
        capabilities: Iterable[str] | None = None,
        entities: Iterable[str] | None = None,
        **state: Any,
    ) -> None:
        """Add a system, or change it."""
        self.systems[key] = values.system(key, name, kind, capabilities, entities, state)
        self._count_monitors(key)
        self.tell(self._system_item(key))

    def remove_system(self, key: str) -> None:
        """Take a system away, and its monitors."""
        for system, monitor in list(self.monitors):
            if system == key:
                self._forget(system, monitor)
        del self.systems[key]
        self.tell({"what": "system", "system": key, "value": None})

    def add_monitor(
        self,
        system: str,
        key: str,
        name: str = "",
        *,
        area: str | None = None,
        zones: Mapping[str, str] | None = None,
        modes: Mapping[str, Sequence[str]] | None = None,
        capabilities: Iterable[str] | None = None,
        entities: Iterable[str] | None = None,
        model: str = "",
        width: int | None = 1920,
        height: int | None = 1080,
        **state: Any,
    ) -> None:
        """Add a monitor, or change it; without `capabilities` it can do everything."""
        described = values.monitor(
            system,
            key,
            name,
            zones=zones or {},
            modes=modes or {},
            capabilities=capabilities,
            entities=entities,
            area=area,
            model=model,
            width=width,
            height=height,
        )
        self.monitors[system, key] = described
        self.states[system, key] = values.monitor_state(zones or {}, modes or {}, state)
        self.objects.setdefault((system, key), None)
        self._count_monitors(system)
        self.tell(self._system_item(system), *self._monitor_items(system, key))

    def remove_monitor(self, system: str, key: str) -> None:
        """Take a monitor away."""
        self._forget(system, key)
        self._count_monitors(system)
        self.tell(self._system_item(system))

    def change_state(self, system: str, monitor: str, **fields: Any) -> None:
        """Change fields of a monitor's state; `zones` are laid over those that there are."""
        state = self.states[system, monitor]
        if "zones" in fields:
            fields["zones"] = {**state["zones"], **fields["zones"]}
        self.states[system, monitor] = {**state, "time": values.written(datetime.now(UTC)), **fields}
        self.tell({"what": "state", "system": system, "monitor": monitor, "value": self.states[system, monitor]})

    def change_system(self, system: str, **fields: Any) -> None:
        """Change fields of a system's state."""
        known = self.systems[system]
        self.systems[system] = {**known, "state": {**known["state"], **fields}}
        self.tell(self._system_item(system))

    def change_monitor(self, system: str, monitor: str, **fields: Any) -> None:
        """Change what describes a monitor; a new zone is empty. What it has of the catalogue follows its capabilities."""
        described = {**self.monitors[system, monitor], **fields}
        if "entities" not in fields and fields.keys() & {"capabilities", "modes"}:
            described["entities"] = values.rows_of(described["capabilities"], described["modes"])
        self.monitors[system, monitor] = described
        state = self.states[system, monitor]
        zones = {zone["key"]: state["zones"].get(zone["key"], False) for zone in described["zones"]}
        self.states[system, monitor] = {**state, "zones": zones}
        self.tell(*self._monitor_items(system, monitor))

    def change_health(self, **fields: Any) -> None:
        """Change how the bridge itself fares."""
        self.health |= fields
        self.tell(self._bridge_item())

    def watch(self, system: str, monitor: str, **counts: int | None) -> None:
        """Have these labels looked for at a monitor, and nothing else; so many are there (None: nobody can tell)."""
        described = self.monitors[system, monitor]
        entities = [key for key in described["entities"] if key != "last_detection"]
        self.monitors[system, monitor] = {
            **described,
            "watched": [{"key": label, "label": label, "zone": None, "name": label.capitalize()} for label in counts],
            "entities": [*entities, *(["last_detection"] if counts else [])],
        }
        self.states[system, monitor]["objects"] = {
            label: {
                "label": label,
                "zone": None,
                "present": None if count is None else count > 0,
                "count": count,
                "picture": None,
            }
            for label, count in counts.items()
        }
        self.tell(*self._monitor_items(system, monitor))

    def set_objects(
        self,
        system: str,
        monitor: str,
        labels: Mapping[str, int] | None,
        zones: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Say how many objects a monitor shows; None: nobody knows."""
        value = (
            None
            if labels is None
            else {"labels": dict(labels), "zones": {zone: dict(each) for zone, each in (zones or {}).items()}}
        )
        self.objects[system, monitor] = value
        self.tell({"what": "objects", "system": system, "monitor": monitor, "value": value})

    def set_notices(self, *notices: JsonObject) -> None:
        """Say which notices there are now."""
        usual: JsonObject = {
            "kind": "system_lost",
            "system": None,
            "monitor": None,
            "text": "Something is wrong",
            "hint": "mend it",
        }
        since = values.written(datetime.now(UTC))
        self.notices = [{"id": f"n{number}", "since": since, **usual, **each} for number, each in enumerate(notices)]
        self.tell({"what": "notices", "value": self.notices})

    def state(self, system: str, monitor: str) -> JsonObject:
        """Return a monitor's state as it is now."""
        return dict(self.states[system, monitor])

    # --- events ---

    def event(
        self,
        system: str,
        monitor: str,
        *,
        id: str | None = None,  # noqa: A002 - as in the message
        type: str = "new",  # noqa: A002 - the same
        start: datetime | None = None,
        **fields: Any,
    ) -> str:
        """Say one step in the life of an event, and return its id; of one that there is only what changes is said."""
        message = self._stored(system, monitor, id, start, {**fields, "type": type})
        if type == "deleted":
            self.events.pop(message["id"], None)
        last = self.last_events.get((system, monitor))
        items: list[JsonObject] = []
        if last is None or last["id"] == message["id"] or (message["start"] or "") >= (last["start"] or ""):
            items.append(self._last_event_item(message))
        self._position += 1
        self._history.append((self._position, message))
        items.append(self._event_item(self._position, message, replayed=False))
        self.tell(*items)
        return str(message["id"])

    def add_event(
        self,
        system: str,
        monitor: str,
        *,
        start: datetime,
        id: str | None = None,  # noqa: A002 - as in the message
        seconds: float | None = 20,
        **fields: Any,
    ) -> str:
        """Put an event into the index only; `seconds=None`: it goes on."""
        over = {} if seconds is None else {"end": start + timedelta(seconds=seconds), "snapshot_ready": True, "clip_ready": True}
        message = self._stored(system, monitor, id, start, {"type": "end", **over, **fields})
        return str(message["id"])

    def change_event(self, event_id: str, command: str, value: Any) -> None:
        """Do what a command on an event says."""
        event = self.events[event_id]
        tags = event["tags"] or []
        changes: dict[str, Any] = {}
        match command:
            case "delete":
                self.event(event["system"], event["monitor"], id=event_id, type="deleted")
                return
            case "archived" | "locked":
                changes[command] = value in {"ON", True}
            case "tag":
                changes["tags"] = [*tags, value]
            case "untag":
                changes["tags"] = [each for each in tags if each != value]
            case _:
                self.notes[event_id] = str(value)
        self.event(event["system"], event["monitor"], id=event_id, type="update", **changes)

    def forget_history(self) -> None:
        """Keep no event messages of until now: who comes with an older cursor learns of a gap."""
        self._history.clear()
        self._forgotten = self._position

    def new_epoch(self) -> None:
        """Have another database: cursors of until now are not known."""
        self.epoch = secrets.token_hex(6)
        self._history.clear()
        self._position = self._forgotten = 0

    def detection(self, system: str, monitor: str, *objects: JsonObject) -> None:
        """Say what is in a frame."""
        usual: JsonObject = {"score": 0.9, "box": None, "zones": [], "track": None, "text": None}
        value = {
            "v": 1,
            "time": values.written(datetime.now(UTC)),
            "frame": None,
            "event_id": None,
            "source": "detector",
            "objects": [{**usual, **each} for each in objects],
        }
        self.tell({"what": "detection", "system": system, "monitor": monitor, "value": value})

    def transition(self, system: str, monitor: str, before: str | None, now: str | None) -> None:
        """Say a step of an alarm state."""
        time = values.written(datetime.now(UTC))
        self.tell({"what": "transition", "system": system, "monitor": monitor, "before": before, "now": now, "time": time})

    @property
    def end(self) -> str:
        """The cursor behind the newest event message."""
        return f"{self.epoch}:{self._position}"

    def everything(self) -> Iterator[JsonObject]:
        """Yield all that is current."""
        yield self._bridge_item()
        yield {"what": "notices", "value": self.notices}
        for key in self.systems:
            yield self._system_item(key)
            for system, monitor in self.monitors:
                if system == key:
                    yield from self._monitor_items(system, monitor)
                    yield {"what": "objects", "system": system, "monitor": monitor, "value": self.objects[system, monitor]}
                    if (system, monitor) in self.last_events:
                        yield {
                            "what": "last_event",
                            "system": system,
                            "monitor": monitor,
                            "value": self.last_events[system, monitor],
                        }

    def history_after(self, after: str | None) -> tuple[str | None, JsonObject | None]:
        """Return the cursor behind which event messages begin, and the gap that there is. Raises ValueError for none."""
        if after is None:
            return self.end, None
        if after == "beginning":
            return None, None
        epoch, _, number = after.rpartition(":")
        if not epoch or not number.isdigit():
            raise ValueError(after)
        reason = "unknown" if epoch != self.epoch or int(number) > self._position else "expired"
        if reason == "expired" and int(number) >= self._forgotten:
            return after, None
        return after, {"what": "gap", "reason": reason, "after": after, "cursor": f"{self.epoch}:{self._place(after)}"}

    def replayed(self, after: str | None) -> Iterator[JsonObject]:
        """Yield the event messages behind a cursor."""
        begin = self._position if after is None else self._place(after)
        for position, message in self._history:
            if position > begin:
                yield self._event_item(position, message, replayed=True)

    def _place(self, after: str) -> int:
        epoch, _, number = after.rpartition(":")
        known = epoch == self.epoch and number.isdigit()
        return max(self._forgotten, min(int(number), self._position)) if known else self._forgotten

    def _stored(
        self, system: str, monitor: str, id_: str | None, start: datetime | None, fields: Mapping[str, Any]
    ) -> JsonObject:
        if id_ is None:
            self._event_number += 1
            id_ = f"{system}-{self._event_number}"
        self._seqs[system, monitor] += 1
        known = self.events.get(id_)
        begun = {} if start is None else {"start": start}
        if known is None:
            known = values.event(self.epoch, self.monitors[system, monitor], id_, start or datetime.now(UTC), {})
        message = values.changed(known, {**begun, **fields, "seq": self._seqs[system, monitor], "epoch": self.epoch})
        self.events[id_] = message
        if "notes" in fields:
            self.notes[id_] = fields["notes"]
        return message

    def _forget(self, system: str, key: str) -> None:
        del self.monitors[system, key], self.states[system, key], self.objects[system, key]
        self.last_events.pop((system, key), None)
        self.tell({"what": "monitor", "system": system, "monitor": key, "value": None})

    def _count_monitors(self, key: str) -> None:
        system = self.systems[key]
        count = sum(system == key for system, _ in self.monitors)
        self.systems[key] = {**system, "state": {**system["state"], "monitors": count}}

    def _bridge_item(self) -> JsonObject:
        return {"what": "bridge", "value": {**self.health, "claims": list(self.claims.values())}}

    def _system_item(self, key: str) -> JsonObject:
        return {"what": "system", "system": key, "value": self.systems[key]}

    def _monitor_items(self, system: str, key: str) -> list[JsonObject]:
        named = {"system": system, "monitor": key}
        return [
            {"what": "monitor", **named, "value": self.monitors[system, key]},
            {"what": "state", **named, "value": self.states[system, key]},
        ]

    def _last_event_item(self, message: JsonObject) -> JsonObject:
        value = {name: each for name, each in message.items() if name not in {"snapshot_url", "clip_url"}}
        self.last_events[message["system"], message["monitor"]] = value
        return {"what": "last_event", "system": message["system"], "monitor": message["monitor"], "value": value}

    def _event_item(self, position: int, message: JsonObject, *, replayed: bool) -> JsonObject:
        return {"what": "event", "cursor": f"{self.epoch}:{position}", "replayed": replayed, "value": message}
