"""What is known of a bridge by its WebSocket (docs/websocket.md), as it changes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.board import Board, MonitorLine, SystemLine, happened
from vms_bridge.cli.monitors import in_view, last_event
from vms_bridge.cli.output import local_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINES = 8
_RUNNING = 8
Key = tuple[str, str]


class Watched:
    """All that is current since a WebSocket was opened. `is_whole` once it has told everything."""

    def __init__(self) -> None:
        self.is_whole = False
        self._systems: dict[str, dict[str, Any]] = {}
        self._monitors: dict[Key, dict[str, Any]] = {}
        self._states: dict[Key, dict[str, Any]] = {}
        self._objects: dict[Key, dict[str, Any] | None] = {}
        self._events: dict[Key, dict[str, Any]] = {}
        self._notices: dict[str, dict[str, Any]] = {}
        self._problem: str | None = None
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._takes: Mapping[object, Callable[[dict[str, Any]], str | None]] = {
            "bridge": self._take_bridge,
            "notices": self._take_notices,
            "system": self._take_system,
            "monitor": self._take_monitor,
            "state": self._take_state,
            "objects": self._take_objects,
            "last_event": self._take_last_event,
            "event": self._take_event,
            "gap": self._take_gap,
            "synced": self._take_synced,
        }

    def take(self, item: dict[str, Any]) -> str | None:
        """Take up what has changed; return the line that it is worth, if it is. Raises ApiFailed for what is none."""
        take = self._takes.get(item.get("what"))
        line = None if take is None else take(item)
        if line is not None:
            self._lines.append(line)
        return line

    def board(self, title: str, head: str = "") -> Board:
        """Return what is to be shown."""
        running = [_running(event) for event in self._events.values() if _goes_on(event)]
        notices = [_notice(notice) for notice in self._notices.values()]
        problem = [f"! {self._problem}"] if self._problem else []
        return Board(
            title=title,
            head=head,
            systems=[_system_line(system) for system in self._systems.values()],
            monitors=[self._monitor_line(key) for key in sorted(self._monitors)],
            running=running
            if len(running) <= _RUNNING
            else [*running[: _RUNNING - 1], f"and {len(running) - _RUNNING + 1} more"],
            notices=[*problem, *notices][:_LINES],
            lines=tuple(self._lines),
        )

    def _monitor_line(self, key: Key) -> MonitorLine:
        monitor, state = self._monitors[key], self._states.get(key)
        if state is None:
            return MonitorLine(name=monitor["name"], alarm=None)
        zones = {zone["key"]: zone["name"] for zone in monitor["zones"]}
        return MonitorLine(
            name=monitor["name"],
            alarm=state["alarm"] if state["available"] else "lost",
            is_forced=bool(state.get("forced")),
            in_view=in_view(self._objects.get(key)),
            zones=", ".join(zones.get(zone, zone) for zone, is_in in state["zones"].items() if is_in),
            is_recording=bool(state.get("is_recording")),
            last_event=last_event(self._events.get(key)) or "",
        )

    def _take_bridge(self, item: dict[str, Any]) -> str | None:
        before, self._problem = self._problem, item["value"]["problem"]
        return _now("bridge", "problem", self._problem) if self._problem and self._problem != before else None

    def _take_notices(self, item: dict[str, Any]) -> str | None:
        before, self._notices = self._notices, {notice["id"]: notice for notice in item["value"]}
        new = [notice["text"] for id_, notice in self._notices.items() if id_ not in before]
        return _now("bridge", "notice", "; ".join(new)) if new else None

    def _take_system(self, item: dict[str, Any]) -> str | None:
        key, system = item["system"], item["value"]
        before = self._systems.pop(key, None) if system is None else self._systems.get(key)
        if system is None:
            return None if before is None else _now(key, "system", "is no more")
        self._systems[key] = system
        state = system["state"]
        if before is None or before["state"]["available"] == state["available"]:
            return None
        return _now(key, "system", "is there again" if state["available"] else f"lost: {state['detail'] or ''}")

    def _take_monitor(self, item: dict[str, Any]) -> None:
        key = _key(item)
        if item["value"] is not None:
            self._monitors[key] = item["value"]
            return
        for kept in (self._monitors, self._states, self._objects, self._events):
            kept.pop(key, None)

    def _take_state(self, item: dict[str, Any]) -> str | None:
        key, state = _key(item), item["value"]
        before = self._states.get(key)
        self._states[key] = state
        if before is None or before["alarm"] == state["alarm"]:
            return None
        name = self._monitors[key]["name"] if key in self._monitors else "/".join(key)
        return _now(name, "alarm", state["alarm"] or "unknown")

    def _take_objects(self, item: dict[str, Any]) -> None:
        self._objects[_key(item)] = item["value"]

    def _take_last_event(self, item: dict[str, Any]) -> None:
        self._events[_key(item)] = item["value"]

    def _take_event(self, item: dict[str, Any]) -> str:
        event = item["value"]
        detail = ", ".join(event["labels"]) or event["cause"]
        if event["type"] == "end" and event["duration"] is not None:
            detail += f", {event['duration']:g} s"
        return _now(event["monitor_name"], f"event {event['type']}", detail)

    def _take_gap(self, _item: dict[str, Any]) -> str:
        return _now("bridge", "events", "some may be missing here")

    def _take_synced(self, _item: dict[str, Any]) -> None:
        self.is_whole = True


def _goes_on(event: dict[str, Any]) -> bool:
    return event["end"] is None and event["end_reason"] is None and event["type"] != "deleted"


def _running(event: dict[str, Any]) -> str:
    what = ", ".join(event["labels"]) or event["cause"]
    return f"{local_time(event['start']) or '':<19}  {event['monitor_name']}: {what}  {event['id']}"


def _notice(notice: dict[str, Any]) -> str:
    return f"! {notice['text']} -> {notice['hint']}" if notice["hint"] else f"! {notice['text']}"


def _key(item: dict[str, Any]) -> Key:
    return item["system"], item["monitor"]


def _now(who: str, what: str, detail: str | None) -> str:
    return happened(time.strftime("%H:%M:%S"), who, what, detail or "")


def _system_line(system: dict[str, Any]) -> SystemLine:
    state = system["state"]
    if not state["available"]:
        return SystemLine(name=system["name"], state="lost", trouble=state["detail"] or "")
    said = [f"{state['monitors']} cameras"]
    said += [f"run state {state['run_state']}"] if state["run_state"] else []
    said += [f"{system['kind']} {state['version']}"] if state["version"] else [system["kind"]]
    said += [f"index {state['index_progress']} %"] if state["index_progress"] not in {None, 100} else []
    return SystemLine(name=system["name"], state=", ".join(said), trouble=state["detail"] or "")
