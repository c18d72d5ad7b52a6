"""The channels of a group as the bridge knows them: what each is, how it is, and what was read of it last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.parse import RECORDING, monitor_of, name_of
from vms_bridge.model import AlarmState, FullState, Monitor, MonitorState, StateUpdate, SystemUpdate
from vms_bridge.vxg import RECORD_MODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from vms_bridge.backends.base import Feed
    from vms_bridge.model import SystemState
    from vms_bridge.ptz import Ptz
    from vms_bridge.vxg import ChannelRow

SOURCE = "events"
"""By which path alarms come: the list of events, asked again and again."""


@dataclass(slots=True)
class Camera:
    """One channel. What is None was not read yet, or can't be known."""

    row: ChannelRow
    record_mode: str | None = None
    is_detecting: bool | None = None
    ptz: Ptz | None = None
    cause: str | None = None
    is_alarmed: bool = False
    is_forced: bool = False
    event: str | None = None
    """The event that began last, while it goes on."""

    _made: tuple[object, Monitor] | None = None
    """The monitor that was made last, and of what: of thousands each is looked at again and again, and few change."""

    @property
    def monitor(self) -> Monitor:
        """What it is."""
        modes = RECORD_MODES if self.record_mode in RECORD_MODES else ()
        made_of = (self.row.name, self.row.access, modes, self.is_detecting is not None, self.ptz)
        if self._made is None or self._made[0] != made_of:
            self._made = made_of, monitor_of(self.row, modes=modes, detects=self.is_detecting, ptz=self.ptz)
        return self._made[1]

    def state(self, now: datetime | None, lag_s: float) -> MonitorState:
        """How it is."""
        return MonitorState(
            available=True,
            connected=self.row.online,
            alarm=AlarmState.ALARM if self.is_alarmed else AlarmState.IDLE,
            forced=self.is_forced,
            detection=self.is_detecting,
            is_recording=self.row.recording,
            modes={RECORDING: self.record_mode} if self.record_mode is not None and self.monitor.modes else {},
            cause=self.cause if self.is_alarmed else None,
            event_id=self.event,
            source=SOURCE,
            lag_s=lag_s,
            detail=None if self.row.online else f"the VMS says that the camera is {self.row.status or 'away'}",
            observed=now,
        )


class Cameras:
    """All channels of one connection; tells the hub whatever has changed."""

    def __init__(self, feed: Feed, lag_s: float) -> None:
        self._feed, self._lag_s = feed, lag_s
        self._by_id: dict[int, Camera] = {}
        self._told: dict[int, tuple[Monitor, MonitorState]] = {}

    def __iter__(self) -> Iterator[Camera]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, camera_id: int) -> Camera | None:
        """Return a channel; None: it is not in the group, or no more."""
        return self._by_id.get(camera_id)

    def take(self, rows: Iterable[ChannelRow]) -> None:
        """Take the group as it is now: what is not in it is gone."""
        before = self._by_id
        self._by_id = {}
        for row in rows:
            camera = before.get(row.id)
            if camera is None:
                camera = Camera(row)
            camera.row = row
            self._by_id[row.id] = camera

    def tell_all(self, system: SystemState, now: datetime) -> None:
        """Tell the whole truth."""
        shown = self._shown()
        states = {number: camera.state(now, self._lag_s) for number, camera in shown.items()}
        monitors = {camera.row.id: camera.monitor for camera in self}
        self._told = {number: (monitors[number], states[number]) for number in shown}
        self._feed.emit(
            FullState(
                system=system,
                monitors=tuple(monitors.values()),
                states={str(number): state for number, state in states.items()},
            )
        )

    def tell(self, system: SystemState, now: datetime) -> None:
        """Tell what has changed: states alone, or everything where there are other channels, or they are something else."""
        shown = self._shown()
        if shown.keys() != self._told.keys() or any(self._told[number][0] != each.monitor for number, each in shown.items()):
            self.tell_all(system, now)
            return
        self._feed.emit(SystemUpdate(state=system))
        for camera in shown.values():
            self.tell_one(camera, now)

    def _shown(self) -> dict[int, Camera]:
        return {camera.row.id: camera for camera in self if self._feed.shows(str(camera.row.id), name_of(camera.row))}

    def tell_one(self, camera: Camera, now: datetime, *, anew: bool = False) -> None:
        """Tell how a channel is, if that has changed, or `anew` in any case."""
        number = camera.row.id
        told = self._told.get(number)
        if told is None:
            return
        state = camera.state(told[1].observed, self._lag_s)
        if anew or state != told[1]:
            state = replace(state, observed=now)
            self._told[number] = (told[0], state)
            self._feed.emit(StateUpdate(monitor_id=str(number), state=state))
