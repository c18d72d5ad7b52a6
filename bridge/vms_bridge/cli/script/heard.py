"""Makes occurrences of what the bridge's WebSocket says: the same that scripts in the bridge get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.triggers.occurrences import alarm, detection, event, gone, monitor_states, notice, system_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.scripts.values import Occurrence

_Key = tuple[str, str]


class Heard:
    """What is known of a bridge by its WebSocket since it was opened; of these monitors only, as `system/key`, or of all."""

    def __init__(self, monitors: frozenset[str] = frozenset()) -> None:
        self._wanted = monitors
        self.is_whole = False
        self._monitors: dict[_Key, dict[str, Any]] = {}
        self._states: dict[_Key, dict[str, Any]] = {}
        self._systems: dict[str, dict[str, Any]] = {}
        self._notices: dict[str, dict[str, Any]] = {}

    def take(self, item: Mapping[str, Any]) -> list[Occurrence]:
        """Take up an item; returns what has happened by it. What was so before everything was told has not happened."""
        found = [each for each in self._taken(item) if self._is_wanted(each)]
        return found if self.is_whole else []

    def current(self) -> Iterator[Occurrence]:
        """Yield what is so now of each monitor, as if it had just become so."""
        for key, monitor in self._monitors.items():
            state = self._states.get(key, {})
            for field in ("connected", "armed"):
                yield from monitor_states(key, str(monitor["name"]), {}, {field: state.get(field)})
            yield alarm({"system": key[0], "monitor": key[1], "now": state.get("alarm")}, name=str(monitor["name"]))

    def _taken(self, item: Mapping[str, Any]) -> Iterator[Occurrence]:
        match item.get("what"):
            case "synced":
                self.is_whole = True
            case "monitor":
                yield from self._take_monitor(item)
            case "state":
                yield from self._take_state(item)
            case "system":
                yield from self._take_system(item)
            case "notices":
                yield from self._take_notices(item)
            case "event":
                message = item["value"]
                yield event(message, name=str(message.get("monitor_name") or ""))
            case "transition":
                state = self._states.get(_key(item), {})
                name, about = self._name(_key(item)), state.get
                yield alarm(item, name=name, score=about("score"), cause=about("cause"), event=about("event_id"))
            case "detection":
                key = _key(item)
                zones = {zone["key"]: zone["name"] for zone in self._monitors.get(key, {}).get("zones") or ()}
                yield detection(item["value"], monitor=key, name=self._name(key), zones=zones)

    def _take_monitor(self, item: Mapping[str, Any]) -> Iterator[Occurrence]:
        key = _key(item)
        if item["value"] is not None:
            self._monitors[key] = item["value"]
            return
        self._monitors.pop(key, None)
        self._states.pop(key, None)
        yield gone(*key)

    def _take_state(self, item: Mapping[str, Any]) -> Iterator[Occurrence]:
        key, now = _key(item), item["value"]
        before = self._states.get(key)
        self._states[key] = now
        if before is not None:
            yield from monitor_states(key, self._name(key), before, now)

    def _take_system(self, item: Mapping[str, Any]) -> Iterator[Occurrence]:
        key, now = str(item["system"]), item["value"]
        if now is None:
            self._systems.pop(key, None)
            yield gone(key)
            return
        before = self._systems.get(key)
        self._systems[key] = now
        if before is not None:
            yield from system_states(key, str(now.get("name") or key), before["state"], now["state"])

    def _take_notices(self, item: Mapping[str, Any]) -> Iterator[Occurrence]:
        before, self._notices = self._notices, {said["id"]: said for said in item["value"]}
        for key, said in self._notices.items():
            if key not in before:
                yield notice(said, is_active=True)
        for key, said in before.items():
            if key not in self._notices:
                yield notice(said, is_active=False)

    def _name(self, key: _Key) -> str:
        return str(self._monitors.get(key, {}).get("name") or key[1])

    def _is_wanted(self, occurrence: Occurrence) -> bool:
        return not self._wanted or (occurrence.monitor is not None and "/".join(occurrence.monitor) in self._wanted)


def _key(item: Mapping[str, Any]) -> _Key:
    return str(item["system"]), str(item["monitor"])
