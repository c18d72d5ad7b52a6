"""A system of many monitors as a ZoneMinder describes them, the same for the bridge and for its bare peer."""

from __future__ import annotations

from datetime import UTC, datetime

from vms_bridge.model import AlarmState, Capability, FullState, Monitor, MonitorState, SystemState
from vms_bridge.views import MonitorView, SystemView

SYSTEM = "zm"
URL = "http://vms.example"
_NOT_OF_ZONEMINDER = {Capability.DETECTION, Capability.DETECTIONS, Capability.ZONE_STATE}
_OF_SYSTEM = frozenset({Capability.RUN_STATE, Capability.STORAGE, Capability.LOAD})
_OF_MONITOR = frozenset(Capability) - _OF_SYSTEM - _NOT_OF_ZONEMINDER


def snapshot(monitors: int) -> FullState:
    """Return a system with that many monitors, at rest."""
    now = datetime.now(UTC)
    shown = tuple(
        Monitor(
            id=str(number),
            name=f"Camera {number}",
            model="Ffmpeg",
            width=1920,
            height=1080,
            modes={"function": ("None", "Monitor", "Modect", "Record", "Mocord", "Nodect")},
            capabilities=_OF_MONITOR,
        )
        for number in range(1, monitors + 1)
    )
    state = MonitorState(
        available=True,
        connected=True,
        alarm=AlarmState.IDLE,
        armed=True,
        is_recording=False,
        modes={"function": "Modect"},
        score=0,
        capture_fps=15.0,
        analysis_fps=15.0,
        bandwidth_bytes=250_000,
        events_total=1234,
        events_hour=3,
        events_day=40,
        events_week=300,
        events_month=1000,
        disk_bytes=12_345_678_901,
        source="shared_memory",
        lag_s=0.05,
        observed=now,
    )
    system = SystemState(
        available=True, version="1.36.33", running=True, run_state="default", run_states=("default",), load=0.5,
        capabilities=_OF_SYSTEM, observed=now,
    )  # fmt: skip
    return FullState(system=system, monitors=shown, states={monitor.id: state for monitor in shown})


def views(world: FullState) -> SystemView:
    """Return what the hub shows of it."""
    monitors = {
        monitor.id: MonitorView(system=SYSTEM, key=monitor.id, monitor=monitor, state=world.states[monitor.id])
        for monitor in world.monitors
    }
    return SystemView(key=SYSTEM, kind="scripted", name="Scripted", url=URL, state=world.system, monitors=monitors)
