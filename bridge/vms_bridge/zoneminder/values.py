"""What ZoneMinder answers, as values: a row's columns in Python's types, in ZoneMinder's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vms_bridge.zoneminder.event_times import EventTimes

    Raw = Mapping[str, object]


class AlarmState(StrEnum):
    """A monitor's live state, in the order in which an alarm runs through it."""

    IDLE = "idle"
    PREALARM = "prealarm"
    ALARM = "alarm"
    ALERT = "alert"


MOTION = frozenset({AlarmState.ALARM, AlarmState.ALERT})
"""The states in which something moves, or moved a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """Which ZoneMinder this is, in its own words."""

    zoneminder: str
    api: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The same for comparing, such as (1, 36, 33)."""
        first, second, third = (int(part) for part in self.zoneminder.split("."))
        return first, second, third


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of a monitor's picture; `points` are corners in 0..1 from the top left."""

    id: str
    name: str
    kind: str = "active"
    points: tuple[tuple[float, float], ...] = ()
    monitor_id: str = field(default="", compare=False)
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns, where they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A place where events are kept; `total_bytes` is None where this version does not say."""

    id: str
    name: str
    used_bytes: int | None = None
    total_bytes: int | None = None
    path: str = field(default="", compare=False)
    scheme: str = field(default="Medium", compare=False)
    """How the events' directories are named below the path: Deep, Medium or Shallow."""
    type: str = field(default="local", compare=False)
    server_id: str | None = field(default=None, compare=False)
    enabled: bool = field(default=True, compare=False)
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns, where they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRow:
    """What ZoneMinder's monitor list says about one monitor; `capturing` is None where modes are still `function`."""

    id: str
    name: str
    type: str = ""
    width: int | None = None
    height: int | None = None
    colours: int | None = None
    server_id: str | None = None
    function: str | None = None
    enabled: bool = True
    capturing: str | None = None
    analysing: str | None = None
    recording: str | None = None
    decoding: str = "Always"
    status: str | None = None
    capture_fps: float | None = None
    analysis_fps: float | None = None
    bandwidth_bytes: int | None = None
    updated: str | None = None
    """When the daemon has written its status, in the server's words; only from 1.37 on it does so even if nothing has changed."""
    events: Mapping[str, int | None] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    """The numbers that people change (`modes.SETTINGS`), as far as this version has them."""
    min_section_s: float = 10.0
    writes_video: bool = True
    """Whether what it records now is a video, and not single pictures only."""
    path: str | None = field(default=None, repr=False)
    """Where its camera is, as far as the user may know; a password may be in it."""
    camera_login: tuple[str, str] | None = field(default=None, repr=False)
    """The user and the password for the camera, where they are not in the path."""
    rtsp_stream: str | None = None
    """Under which name ZoneMinder's own RTSP server has it, None where it has not."""
    go2rtc: bool = False
    """Whether ZoneMinder's go2rtc has it."""
    controllable: bool = False
    """Whether it is said that the camera can be moved."""
    control_id: str | None = None
    """Which of ZoneMinder's kinds of camera control it has."""
    storage_id: str | None = None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns of `Monitor`, where they are kept; the camera's password may be among them."""

    @property
    def modes(self) -> dict[str, str]:
        """The modes now in force, in the words of this version's generation."""
        if self.capturing is not None:
            pairs = {"capturing": self.capturing, "analysing": self.analysing, "recording": self.recording}
            return {mode: value for mode, value in pairs.items() if value is not None}
        return {} if self.function is None else {"function": self.function}

    @property
    def captures(self) -> bool:
        """Whether a daemon is meant to fetch pictures all the time."""
        if self.type == "WebSite":
            return False
        return self.capturing == "Always" if self.capturing is not None else self.function not in {None, "None"}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is meant to run for this monitor."""
        return self.type == "WebSite" or (self.capturing or self.function) == "None"

    @property
    def is_delivering(self) -> bool:
        """Whether pictures come, by what the daemon writes into the database every ten seconds."""
        return self.is_running and (self.capture_fps or 0) > 0

    @property
    def is_running(self) -> bool:
        """Whether there is a daemon, by what it writes there."""
        return self.status not in {None, "NotRunning", "Unknown"}

    @property
    def armed(self) -> bool | None:
        """Whether the mode detects; None where the mode is unknown."""
        if self.capturing is not None:
            return self.analysing == "Always" and self.capturing != "None"
        if self.function is None:
            return None
        return self.function in {"Modect", "Mocord", "Nodect"} and self.enabled

    @property
    def shows_alarms_as_events(self) -> bool:
        """Whether an event is open exactly while there is an alarm."""
        return self.recording == "OnMotion" if self.capturing is not None else self.function in {"Modect", "Nodect"}

    @property
    def events_outlast_alarms(self) -> bool:
        """Whether an alarm may be over while its event runs on, to the least length of an event: since 1.37."""
        return self.capturing is not None

    @property
    def records_always(self) -> bool:
        """Whether it records also while nothing moves."""
        return self.recording == "Always" if self.capturing is not None else self.function in {"Record", "Mocord"}

    @property
    def decodes(self) -> bool:
        """Whether every picture is decoded that is recorded: then an event has one from its beginning on."""
        return self.decoding == "Always"

    @property
    def is_without_alarms(self) -> bool:
        """Whether no alarm can come about: such a monitor ignores even forced ones (Function Monitor)."""
        return self.capturing is None and self.function == "Monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row of ZoneMinder's event list."""

    id: int
    monitor_id: str
    start: datetime
    end: datetime | None = None
    times: EventTimes | None = None
    served_at: datetime | None = None
    """When the row was served, by the web server's clock."""
    cause: str = ""
    notes: str = ""
    length_s: float | None = None
    frames: int | None = None
    alarm_frames: int | None = None
    max_score: int | None = None
    video: str = ""
    """The name of its video's file; empty where it was recorded as single pictures only."""
    saves_jpegs: bool = True
    archived: bool | None = None
    locked: bool | None = None
    """Whether nobody should delete it; None where this version has no such thing."""
    name: str = ""
    """This and what follows is only there where a row was read with all of its columns (`zm.events`)."""
    storage_id: str | None = None
    """The area it is kept in, None for the place where ZoneMinder keeps what has no area."""
    scheme: str = ""
    """How folders are named in there: Deep, Medium or Shallow."""
    fspath: str = ""
    """Its folder on ZoneMinder's host, as far as that says so."""
    total_score: int | None = None
    average_score: float | None = None
    width: int | None = None
    height: int | None = None
    disk_bytes: int | None = None
    """How much its files take, once it has ended."""
    tags: tuple[str, ...] | None = None
    """None where they were not asked for, or this version has none."""
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    """The row as it came, for what there is no name of ours for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of ZoneMinder's log, as it stands in its database."""

    id: int
    time: datetime
    level: int
    """-4 for what ends a daemon at once, -3 fatal, -2 an error, -1 a warning, 0 said to people, 1 to 9 for debugging."""
    component: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A named set of modes."""

    name: str
    is_active: bool = False
    id: str = field(default="", compare=False)
    definition: str = field(default="", compare=False)
    """What it sets, in ZoneMinder's own words: one part a monitor."""
    modes: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    """The same by monitor, as `MonitorRow.modes` has it; before 1.37 with `enabled`, 1 or 0."""
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns, where they are kept."""
