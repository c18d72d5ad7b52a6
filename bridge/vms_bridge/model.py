"""The values that pass between the parts: immutable, and free of any VMS's or sink's own language.

A backend speaks of monitors and events by the VMS's own ids (`id`, `monitor_id`); the hub gives them the
public keys that sinks see. Every field has a default or is an identity, so that a new field never breaks
an older part. Times are aware and in UTC, durations are seconds (`_s`), sizes are bytes (`_bytes`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vms_bridge.machines import Server
from vms_bridge.open_set import OpenSet
from vms_bridge.ptz import Ptz


class AlarmState(OpenSet):
    """A monitor's live state, in the order in which an alarm runs through it."""

    IDLE = "idle"
    PREALARM = "prealarm"
    ALARM = "alarm"
    ALERT = "alert"


MOTION = frozenset({AlarmState.ALARM, AlarmState.ALERT})
"""The alarm states in which something moves, or moved a moment ago."""


class EventKind(OpenSet):
    """Why there is an event: its VMS has made it, or the bridge itself tells it."""

    ALARM = "alarm"
    CONTINUOUS = "continuous"
    FORCED = "forced"
    EXTERNAL = "external"
    LINE_CROSSING = "line_crossing"
    ZONE = "zone"
    LOITERING = "loitering"
    ABANDONED_OBJECT = "abandoned_object"
    REMOVED_OBJECT = "removed_object"
    INPUT = "input"
    TAMPER = "tamper"
    SIGNAL_LOSS = "signal_loss"
    NETWORK = "network"
    ANALYTICS = "analytics"


class EndReason(OpenSet):
    """How an event came to its end."""

    CLOSED = "closed"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class Capability(OpenSet):
    """What a system or one of its monitors can do; what is not declared makes no entity and no command."""

    ALARM_STATE = "alarm_state"
    FORCE_ALARM = "force_alarm"
    END_ALARM = "end_alarm"
    ARM = "arm"
    DETECTION = "detection"
    MODES = "modes"
    RESTART = "restart"
    PTZ = "ptz"
    SCORE = "score"
    FPS = "fps"
    COUNTERS = "counters"
    EVENTS = "events"
    EVENT_PICTURE = "event_picture"
    LIVE_PICTURE = "live_picture"
    LIVE_STREAM = "live_stream"
    EVENT_FRAME = "event_frame"
    EVENT_CLIP = "event_clip"
    EVENT_DELETE = "event_delete"
    EVENT_ARCHIVE = "event_archive"
    EVENT_LOCK = "event_lock"
    EVENT_TAGS = "event_tags"
    EVENT_NOTE = "event_note"
    RANGE_CLIP = "range_clip"
    ARCHIVE = "archive"
    LOGS = "logs"
    DETECTIONS = "detections"
    OBJECT_DETECTION = "object_detection"
    ZONE_STATE = "zone_state"
    RUN_STATE = "run_state"
    STORAGE = "storage"
    LOAD = "load"
    SERVERS = "servers"
    SETTINGS = "settings"


MOST_GENERATIONS = 999_999_999
OWN = -1
"""In the place of a generation: the event is one that the bridge itself tells, and that no VMS knows."""
_OWN = "own"
_GENERATION = re.compile(rf"([1-9][0-9]{{0,8}}|{_OWN})\.")


@dataclass(frozen=True, slots=True)
class EventRef:
    """Which event: of which system, and by which id that its VMS has given in which generation of its ids.

    `format` returns the public id, the same in every message and for every sink; `parse` reads it, and nothing else.
    A system's key has no hyphen, an id is not empty, a generation is one of 1 to `MOST_GENERATIONS`, or `OWN`.
    """

    system: str
    generation: int
    id: str

    def format(self) -> str:
        """Return the public id: the first generation goes without saying, unless the id reads as if it named another."""
        if self.generation == 1 and _GENERATION.match(self.id) is None:
            return f"{self.system}-{self.id}"
        return f"{self.system}-{_OWN if self.is_own else self.generation}.{self.id}"

    @property
    def is_own(self) -> bool:
        """Whether the bridge itself tells it, so that its VMS is never asked for it."""
        return self.generation == OWN

    @classmethod
    def parse(cls, text: str) -> EventRef | None:
        """Return the event with this public id, None where it can be no event's."""
        system, _, rest = text.partition("-")
        named = _GENERATION.match(rest)
        generation = 1 if named is None else OWN if named[1] == _OWN else int(named[1])
        ref = cls(system, generation, rest if named is None else rest[named.end() :])
        return ref if system and ref.id and ref.format() == text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of a monitor's picture; `points` are corners in 0..1 from the top left."""

    id: str
    name: str
    kind: str = "active"
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """What a camera is, as far as it seldom changes.

    `modes` maps each mode that can be set (`function`, or `capturing`, `analysing`, `recording`) to its legal
    values; `settings` are those of `commands/settings.py` that it has. `area` is only ever set from the configuration.
    """

    id: str
    name: str
    model: str = ""
    width: int | None = None
    height: int | None = None
    zones: tuple[Zone, ...] = ()
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    capabilities: frozenset[Capability] = frozenset()
    ptz: Ptz | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """Everything current about a monitor; None means that it is unknown, never that it is off.

    `available`: the bridge can learn the state now. `connected`: the camera delivers pictures; None where it is not meant to.
    `capture` names the run of what captures it (its process, when it was started): another one after each restart.
    `armed`: the monitor's mode detects. `detection`: detection is not paused within that mode.
    `forced`: the alarm is one that somebody has forced; a backend that can't tell says None.
    `preset` is the label of the preset (`Ptz.labels`) at which the camera stands, None where that is not known.
    `zones` maps a zone's id to whether something is in it. `source` names the path that the alarm state came by,
    `lag_s` how late that path is at worst, `source_reason` why no better path is used, `detail` why something is not
    as it should be.
    """

    available: bool = False
    connected: bool | None = None
    capture: str | None = None
    alarm: AlarmState | None = None
    armed: bool | None = None
    detection: bool | None = None
    forced: bool | None = None
    is_recording: bool | None = None
    modes: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    preset: str | None = None
    score: int | None = None
    cause: str | None = None
    event_id: str | None = None
    capture_fps: float | None = None
    analysis_fps: float | None = None
    bandwidth_bytes: int | None = None
    events_total: int | None = None
    events_hour: int | None = None
    events_day: int | None = None
    events_week: int | None = None
    events_month: int | None = None
    disk_bytes: int | None = None
    zones: Mapping[str, bool | None] = field(default_factory=dict)
    source: str | None = None
    lag_s: float | None = None
    source_reason: str | None = None
    detail: str | None = None
    observed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A place where a VMS keeps its events; `total_bytes` is None where the VMS does not say."""

    id: str
    name: str
    used_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState:
    """Everything current about a VMS; `running` says whether it is at work, `load` its host's load average.

    `detail` says why it can't be asked, and `code` which kind of error that is (`errors.py`).
    """

    available: bool = False
    version: str | None = None
    time_zone: str | None = None
    running: bool | None = None
    run_state: str | None = None
    run_states: tuple[str, ...] = ()
    load: float | None = None
    storage: tuple[Storage, ...] = ()
    servers: tuple[Server, ...] = ()
    """None where there is only one, whose load is `load`."""
    source: str | None = None
    lag_s: float | None = None
    detail: str | None = None
    code: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    observed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A recorded incident as it is now; `score` (0..1) belongs to the best of `labels`.

    `archived`: it stays when the VMS makes room. `locked`: nobody can delete it. These and `tags` are None where the VMS has
    no such thing, or does not say. `direction` is which way it went, where that is known: across a line, into a zone, out of it.
    """

    id: str
    monitor_id: str
    start: datetime | None
    """None where the VMS's time is not known, nor is `end` then: `end_reason` says all the same that it is over."""
    kind: EventKind = EventKind.ALARM
    cause: str = ""
    notes: str = ""
    end: datetime | None = None
    end_reason: EndReason | None = None
    duration_s: float | None = None
    alarm_frames: int | None = None
    max_score: int | None = None
    labels: tuple[str, ...] = ()
    score: float | None = None
    zones: tuple[str, ...] = ()
    snapshot_ready: bool = False
    clip_ready: bool = False
    archived: bool | None = None
    locked: bool | None = None
    tags: tuple[str, ...] | None = None
    direction: str | None = None
    deleted: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end, however that was learnt; what is deleted is over."""
        return self.deleted or self.end is not None or self.end_reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """Events as a backend read them, with the cursor that says up to where it has read.

    The hub stores both in one transaction. `late` marks a catch-up: what happened while the bridge was not watching.
    `generation` counts up when the VMS's ids have started anew (a restored database). `refreshed` marks what was read because
    `Backend.refresh` was to look at the event: of one that is not stored nothing is told, for it may be years old.
    """

    events: tuple[Event, ...]
    cursor: str | None = None
    late: bool = False
    refreshed: bool = False
    generation: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Where a backend left off: its cursor (None at the first contact), and the events that may still change.

    Those are the ones that are still open and, of the same generation, the newest of those that have ended, or were reported
    of after their end, within the last two minutes in which the bridge ran: late notes, a better end or a deletion may follow.
    """

    cursor: str | None = None
    generation: int = 1
    open_events: tuple[Event, ...] = ()
    recent_events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedObject:
    """One object in a frame; `box` is x, y, width, height in 0..1 from the top left, None where unknown."""

    label: str
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    zones: tuple[str, ...] = ()
    track: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The objects seen in one frame of a monitor; no objects ends the presence of those that this source has shown.

    So does a minute without another detection, the loss of the monitor or its system, and a pause: the hub then reports so.
    """

    monitor_id: str
    time: datetime
    objects: tuple[DetectedObject, ...] = ()
    frame: int | None = None
    event_id: str | None = None
    source: str = "vms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """What somebody else than its VMS has found out about an event; whoever says more of it says all of it anew.

    `labels` has the best one first, to which `score` (0..1) belongs. `best` is the best frame: its number (from 1) or time.
    `plates` are what is on number plates, `faces` the names of people who were recognised; both can be searched for.
    """

    labels: tuple[str, ...] = ()
    score: float | None = None
    zones: tuple[str, ...] = ()
    text: str | None = None
    best: int | datetime | None = None
    plates: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """An event that the bridge itself tells, as it is now: whoever tells more of it tells all of it anew.

    `labels` has the best one first, to which `score` (0..1) belongs. Of a line that was crossed, `zones` has the name. It is over
    from `end` on. `snapshot_ready`: who tells it has a picture of it.
    """

    kind: EventKind
    start: datetime
    end: datetime | None = None
    cause: str = ""
    labels: tuple[str, ...] = ()
    score: float | None = None
    zones: tuple[str, ...] = ()
    direction: str | None = None
    snapshot_ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPicture:
    """The best frame of an event, and of no other one that its VMS may call so by now."""

    event: EventRef


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePicture:
    """What the monitor sees now; sinks name it by its public key, and the hub asks by the VMS's own id."""

    monitor: str


PictureRef = EventPicture | LivePicture


@dataclass(frozen=True, slots=True, kw_only=True)
class FullState:
    """The whole truth about a system; a monitor that is not in it is gone. The hub works out the differences.

    A monitor without a state is one that the configuration does not show.
    """

    system: SystemState
    monitors: tuple[Monitor, ...]
    states: Mapping[str, MonitorState]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateUpdate:
    """A monitor's complete new state."""

    monitor_id: str
    state: MonitorState


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUpdate:
    """A system's complete new state."""

    state: SystemState


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLost:
    """The system can't be asked any more; the hub makes everything about it unknown. `code` is that of the error."""

    detail: str
    code: str | None = None


Update = FullState | StateUpdate | SystemUpdate | SystemLost | Detection
