"""What happens in a trial has all the words that it would have in the bridge: who writes it by hand need not say each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.script.happenings import Alarm, Change, Detection, Event, Happening
from vms_bridge.scripts.trying.times import in_utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vms_bridge.scripts.values import Occurrence

_KINDS: Mapping[str, type[Happening]] = {
    "event": Event,
    "alarm": Alarm,
    "detection": Detection,
    "monitor_state": Change,
    "system_state": Change,
}
_UNSAID: Mapping[str, Any] = {"kind": "alarm", "lost": 0, "snapshot_ready": True, "objects": []}
_TIMES = frozenset({"start", "time"})


def completed(occurrence: Occurrence, at: datetime) -> Occurrence:
    """Return it with every word that authors are promised: unknown is None, a list is empty, a time is that of the line."""
    kind = _KINDS.get(occurrence.kind)
    if kind is None:
        return occurrence
    said = occurrence.what
    words = {name: _unsaid(name, of, at) for name, of in kind.__annotations__.items() if name not in said}
    if said.get("labels") and "label" in words:
        words["label"] = said["labels"][0]
    return replace(occurrence, what={**words, **said})


def _unsaid(name: str, of: str, at: datetime) -> Any:  # noqa: ANN401 - JSON
    if name in _UNSAID:
        return _UNSAID[name]
    if name in _TIMES:
        return in_utc(at)
    if of == "bool":
        return False
    return [] if of.startswith("list[") and "None" not in of else {} if of.startswith("dict[") else None
