"""Triggers and occurrences for tests, and a script whose triggers are heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.fakes.clock import FakeClock

from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.triggers.spec import read_triggers
from vms_bridge.scripts.triggers.triggers import ScriptTriggers
from vms_bridge.scripts.values import Occurrence, Permissions, Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.scripts.triggers.schedule import LastRuns
    from vms_bridge.views import MonitorKey

ZoneInfo("Europe/Berlin")  # read while nobody minds, as a bridge reads its own when it starts
PERMISSIONS = Permissions(listen=("home/#",), webhooks=("gate",))
BERLIN = Site(time_zone="Europe/Berlin", location=(52.52, 13.405))


def said(kind: str, number: int = 0, /, **more: object) -> dict[str, Any]:
    """What a worker says of a trigger; words that are no filters are those of time."""
    plain = {"debounce_s", "for_s", "once_per_s", "timeout_s", "concurrent", "line", "handler"}
    filters = {key: value for key, value in more.items() if key not in plain}
    words = {key: value for key, value in more.items() if key in plain}
    return {"id": number, "kind": kind, "handler": "on_it", "line": 7, **words, "filters": filters}


def trigger(kind: str, number: int = 0, /, site: Site = BERLIN, **more: object) -> Trigger:
    return read_triggers([said(kind, number, **more)], PERMISSIONS, site)[0]


class Script:
    """Triggers of one script, and what was delivered."""

    def __init__(
        self,
        *triggers: Trigger,
        clock: FakeClock | None = None,
        hidden: tuple[MonitorKey, ...] = (),
        site: Site = BERLIN,
        last_runs: LastRuns | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.heard: list[tuple[int, Occurrence]] = []
        self.told: list[str] = []
        self.triggers = ScriptTriggers(
            triggers,
            self.clock,
            lambda one, occurrence: self.heard.append((one.id, occurrence)),
            sees=lambda key: key not in hidden,
            site=site,
            last_runs=last_runs,
            tell=self.told.append,
        )

    def take(self, *several: Occurrence) -> int:
        """Have these happen; return how often a handler was called at once."""
        before = len(self.heard)
        for one in several:
            self.triggers.take(one)
        return len(self.heard) - before

    @property
    def whats(self) -> list[Mapping[str, Any]]:
        return [one.what for _, one in self.heard]


def alarm(now: str | None, before: str | None = "idle", *, monitor: str = "1", system: str = "zm") -> Occurrence:
    words = {"system": system, "monitor": monitor, "before": before, "now": now, "time": "2026-11-20T12:00:00Z"}
    return occurrences.alarm(words, name="Front door")


def event(step: str = "new", number: int = 1, *, monitor: str = "1", system: str = "zm", **more: object) -> Occurrence:
    message = {
        "id": f"{system}-{number}",
        "type": step,
        "kind": "alarm",
        "late": False,
        "system": system,
        "monitor": monitor,
        "monitor_name": "Front door",
        "labels": [],
        "score": None,
        "zones": [],
        "end": None,
        "end_reason": None,
        **more,
    }
    return occurrences.event(message)


def seen(*labels: str, source: str = "vms", zones: tuple[str, ...] = (), score: float = 0.9, monitor: str = "1") -> Occurrence:
    objects = [{"label": label, "score": score, "zones": list(zones)} for label in labels]
    words = {"time": "2026-11-20T12:00:00Z", "source": source, "objects": objects}
    return occurrences.detection(words, monitor=("zm", monitor), name="Front door")
