"""Folders of pictures as a VMS: each folder is a camera, each new picture is motion, a burst of pictures is an event."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from vms_bridge.backends.base import Finding
from vms_bridge.errors import MediaUnavailable, UnsupportedCommand, VmsUnreachable
from vms_bridge.model import (
    AlarmState,
    Capability,
    EndReason,
    Event,
    EventBatch,
    EventPicture,
    FullState,
    Monitor,
    MonitorState,
    StateUpdate,
    SystemState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.backends.base import Feed
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.model import PictureRef

_CAMERA = re.compile(r"[A-Za-z0-9_-]{1,48}")
_EVENT = re.compile(r"([A-Za-z0-9_-]{1,48})-([0-9]{1,15})")
_MOST_BYTES = 5_000_000
_CAN = frozenset({Capability.ALARM_STATE, Capability.EVENTS, Capability.EVENT_PICTURE, Capability.LIVE_PICTURE})


class FolderConfig(BaseModel):
    """The keys below a system of `type: folder`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="the folder whose folders are cameras")
    quiet: float = Field(default=10, gt=0, le=3_600, description="seconds without a picture that end an event")
    interval: float = Field(default=1, ge=0.1, le=60, description="seconds between two looks at the folders")


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that a camera has dropped, by Unix time."""

    time: float
    path: Path


def scan(root: Path, since: float) -> dict[str, list[Picture]]:
    """Return every camera with its pictures from `since` on, the oldest first; blocking. Raises OSError."""
    found: dict[str, list[Picture]] = {}
    for folder in root.iterdir():
        if _CAMERA.fullmatch(folder.name) and folder.is_dir():
            pictures = (Picture(file.stat().st_mtime, file) for file in folder.glob("*.jpg"))
            found[folder.name] = sorted((one for one in pictures if one.time >= since), key=lambda one: one.time)
    return found


def events_of(camera: str, pictures: Sequence[Picture], quiet_s: float, now: float) -> list[Event]:
    """Make events of pictures: a new one begins where there was none for `quiet_s`."""
    bursts: list[list[float]] = []
    for picture in pictures:
        if bursts and picture.time - bursts[-1][-1] < quiet_s:
            bursts[-1].append(picture.time)
        else:
            bursts.append([picture.time])
    return [_event(camera, burst, quiet_s, now) for burst in bursts]


def _event(camera: str, burst: list[float], quiet_s: float, now: float) -> Event:
    over = now - burst[-1] >= quiet_s
    return Event(
        id=f"{camera}-{int(burst[0] * 1_000)}",  # stable: the same files give the same id after a restart
        monitor_id=camera,
        start=_moment(burst[0]),
        cause="Picture",
        end=_moment(burst[-1] + quiet_s) if over else None,
        end_reason=EndReason.CLOSED if over else None,
        duration_s=round(burst[-1] + quiet_s - burst[0], 3) if over else None,
        alarm_frames=len(burst) if over else None,
        snapshot_ready=True,
    )


class FolderBackend:
    """One folder of folders."""

    def __init__(self, system: str, config: FolderConfig, clock: Clock) -> None:
        self._system = system
        self._config = config
        self._clock = clock

    @property
    def url(self) -> str | None:
        """There is no page to look at."""
        return None

    async def run(self, feed: Feed) -> None:
        """Look at the folders again and again. Raises VmsUnreachable when they can't be read."""
        cursor = feed.resume.cursor
        # at the first contact only what goes on now is told; afterwards everything since the last look, as late
        since = float(cursor) if cursor is not None else self._now() - self._config.quiet
        late = cursor is not None
        told: dict[str, Event] = {}
        shown: dict[str, MonitorState] = {}
        while True:
            now = self._now()
            events = await self._events(since, now)
            states = {camera: _state(found) for camera, found in events.items()}
            if states.keys() != shown.keys():  # a camera came or went: the whole truth once more
                feed.emit(_snapshot(states))
            else:
                for camera, state in states.items():
                    if state != shown[camera]:
                        feed.emit(StateUpdate(monitor_id=camera, state=state))
            shown = states
            found = [event for of_camera in events.values() for event in of_camera]
            open_since = [event.start.timestamp() for event in found if event.end is None]
            since = min([now - self._config.quiet, *open_since])
            changed = tuple(event for event in found if told.get(event.id) != event)
            told = {event.id: event for event in found}
            if changed:
                await feed.record(EventBatch(events=changed, cursor=f"{since - 0.001:.3f}", late=late))
            late = False
            await self._clock.sleep(self._config.interval)

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Refuse: a folder does nothing, and no capability says otherwise."""
        raise UnsupportedCommand(
            f"{target.monitor_id or self._system} is a folder of pictures: {type(action).__name__} is beyond it"
        )

    async def refresh(self, target: VmsTarget) -> None:
        """Do nothing: the next look comes soon enough."""

    async def picture(self, ref: PictureRef) -> bytes:
        """Read the first picture of an event, or a camera's newest one."""
        if isinstance(ref, EventPicture):
            match = _EVENT.fullmatch(ref.event.id)
            camera, since = (match[1], int(match[2]) / 1_000) if match else ("", 0.0)
        else:
            camera, since = ref.monitor, 0.0
        # only names that the scan itself has found become paths: nothing foreign gets into one
        pictures = (await self._scan(since)).get(camera)
        if not pictures:
            raise MediaUnavailable(f"there is no picture for {ref}")
        chosen = pictures[0] if isinstance(ref, EventPicture) else pictures[-1]
        return await asyncio.to_thread(_read, chosen.path)

    async def check(self) -> Sequence[Finding]:
        """Say what is in the folder, or why it can't be read."""
        try:
            cameras = await self._scan(self._now())
        except VmsUnreachable as error:
            return [Finding(text=str(error), problem=True, hint=error.hint)]
        return [Finding(text=f"{self._config.path} holds {len(cameras)} cameras: {', '.join(sorted(cameras))}")]

    async def _events(self, since: float, now: float) -> Mapping[str, list[Event]]:
        cameras = await self._scan(since)
        return {camera: events_of(camera, pictures, self._config.quiet, now) for camera, pictures in sorted(cameras.items())}

    async def _scan(self, since: float) -> dict[str, list[Picture]]:
        try:
            return await asyncio.to_thread(scan, self._config.path, since)
        except OSError as error:  # the border: what the file system says becomes what the bridge knows
            hint = "Does the folder exist, and may the bridge's user read it?"
            raise VmsUnreachable(
                f"{self._config.path} can't be read: {error.strerror}", hint=hint, system=self._system
            ) from error

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _snapshot(states: Mapping[str, MonitorState]) -> FullState:
    return FullState(
        system=SystemState(available=True, running=True, capabilities=_CAN, source="folder"),
        monitors=tuple(Monitor(id=camera, name=camera.replace("_", " "), capabilities=_CAN) for camera in states),
        states=states,
    )


def _state(events: Sequence[Event]) -> MonitorState:
    current = next((event for event in events if event.end is None), None)
    return MonitorState(
        available=True,
        alarm=AlarmState.ALARM if current else AlarmState.IDLE,
        is_recording=current is not None,
        cause=current.cause if current else None,
        event_id=current.id if current else None,
        source="folder",
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise MediaUnavailable(f"{path.name} can't be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise MediaUnavailable(f"{path.name} is larger than {_MOST_BYTES} bytes")
    return data


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
