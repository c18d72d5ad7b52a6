"""What happens at the fake: monitors, events, alarms, run states, as tests and benchmarks want it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.fakes.zoneminder.memory import MemoryWriter
from tests.fakes.zoneminder.personality import V1_36_33, Personality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNKNOWN, IDLE, PREALARM, ALARM, ALERT, TAPE = range(-1, 5)
_MODERN = {
    "None": ("None", "None", "None"),
    "Monitor": ("Always", "None", "None"),
    "Modect": ("Always", "Always", "OnMotion"),
    "Record": ("Always", "None", "Always"),
    "Mocord": ("Always", "Always", "Always"),
    "Nodect": ("Always", "None", "OnMotion"),
}


ZONE_KINDS = ("Active", "Inclusive", "Exclusive", "Preclusive", "Inactive", "Privacy")


@dataclass(slots=True)
class FakeMonitor:
    id: int
    name: str
    function: str = "Modect"
    enabled: bool = True
    capturing: str = "Always"
    analysing: str = "Always"
    recording: str = "OnMotion"
    decoding: str = "Always"
    """Before 1.37 it is a switch (DecodingEnabled), which `None` turns off."""
    type: str = "Ffmpeg"
    width: int = 640
    height: int = 480
    status: str | None = "Connected"
    fps: str = "5.00"
    deleted: bool = False
    min_section: int = 10
    written: datetime | None = None
    """When its daemon has written its status."""
    zones: list[str] = field(default_factory=lambda: ["All"])
    """By name; one that is not active has its kind behind a colon: `Sky:Privacy`; one with an id of its own: `107#Sky`."""
    state: int = IDLE
    is_forced_off: bool = False
    restarts: int = 0
    server_id: int = 0
    video_writer: int = 2
    """0: it records no video."""
    presets: dict[int, str] = field(default_factory=dict)
    """The names of its camera's presets."""
    orders: list[dict[str, str]] = field(default_factory=list)
    """What its camera was told, as `request=control` was asked for it."""
    zone_columns: dict[int, dict[str, str]] = field(default_factory=dict)
    """By zone: what else its row says."""
    columns: dict[str, object] = field(default_factory=dict)
    """What else its row says, or says otherwise."""

    def zone_rows(self) -> list[tuple[int, str, str]]:
        """Return every zone's id, name and kind."""
        found = []
        for number, zone in enumerate(self.zones, self.id * 100):
            given, _, rest = zone.rpartition("#")
            name, _, kind = rest.partition(":")
            found.append((int(given or number), name, kind or "Active"))
        return sorted(found)

    def scored_zones(self) -> list[str]:
        """Return the zones' names in the order in which a daemon that starts now keeps their scores."""
        return [name for _, name, _ in sorted(self.zone_rows(), key=lambda row: (ZONE_KINDS.index(row[2]), row[0]))]


@dataclass(slots=True)
class FakeLine:
    """A line of the log."""

    time: float
    message: str
    level: int = 0
    component: str = "zmc_m1"


@dataclass(slots=True)
class FakeEvent:
    id: int
    monitor_id: int
    start: datetime
    end: datetime | None = None
    cause: str = "Motion"
    notes: str = "Motion: All"
    frames: int | None = 1
    alarm_frames: int | None = 1
    max_score: int | None = 20
    length: float | None = 0.0
    has_picture: bool | None = None
    """Whether `fid=snapshot` answers; None: as its monitor's decoding has it."""
    is_jpegs: bool = False
    """Whether it was recorded as single pictures, and not as a video."""
    frame_times: tuple[float, ...] = ()
    """When its frames were taken, in seconds from its beginning; none: evenly."""
    clip: bytes | Path | None = None
    """Its video; None: one that is made up."""
    is_annotated: bool = False
    """Whether a detection hook has left its picture."""
    name: str = ""
    """What somebody has called it."""
    archived: bool = False
    locked: bool = False
    tags: set[int] = field(default_factory=set)

    @property
    def title(self) -> str:
        """Its name: ZoneMinder's own once it has ended."""
        return self.name or (f"Event-{self.id}" if self.end else "New Event")


class World:
    """The state of one fake ZoneMinder; methods change it as ZoneMinder itself, its cameras or its users would."""

    def __init__(
        self,
        personality: Personality = V1_36_33,
        *,
        monitors: int = 3,
        shm_dir: Path | None = None,
        now: Callable[[], datetime] | None = None,
        zone: str = "UTC",
    ) -> None:
        self.personality = personality
        self.zone = ZoneInfo(zone)
        self.zone_name = zone
        self._now = now or (lambda: datetime.now(UTC))
        self.monitors: dict[int, FakeMonitor] = {}
        self.events: dict[int, FakeEvent] = {}
        self.next_event = 1
        self._totals: Counter[int] = Counter()
        self._counted = (0, 1)
        """Of how many events, up to which id, they are the totals."""
        self.states = {"default": True, "Quiet": False, "a/b & c": False}
        self.log: list[FakeLine] = []
        self.tags: dict[int, str] = {}
        self.groups: list[tuple[int, str, tuple[int, ...]]] = []
        """Each by its id, its name and its monitors."""
        self.shm_dir = shm_dir
        self.memories: dict[int, MemoryWriter] = {}
        self.loaded_zones: dict[int, list[str]] = {}
        """By monitor: the zones that its daemon has read, in the order of their scores."""
        self.alarm_delay_s = 0.0
        self.writes_start_in_utc = False
        """As 1.38.1 does, whatever the zone is (zoneminder#4807)."""
        self.bulk_frames = 100
        self.is_stopped = False
        self.silent: set[int] = set()
        """Monitors whose daemons hang: they do nothing any more, whatever zmu writes for them."""
        self.is_alert_after_alarms = False
        """Whether a cancelled alarm goes on as alert until it is calm, as it does for PostEventCount frames."""
        for number in range(1, monitors + 1):
            self.add_monitor(number)

    def totals(self) -> Counter[int]:
        """Return how many events each monitor has."""
        known = (len(self.events), self.next_event)
        if known != self._counted:
            self._totals, self._counted = Counter(event.monitor_id for event in self.events.values()), known
        return self._totals

    def set_zone(self, zone: str) -> None:
        """Have all times told in another zone from now on, and its name told."""
        self.zone, self.zone_name = ZoneInfo(zone), zone

    def upgrade(self, personality: Personality) -> None:
        """Install another version: the daemons start anew, and write their memory as that one does."""
        self.personality = personality
        for number, writer in list(self.memories.items()):
            writer.remove()
            self.start_memory(number).set(startup=int(writer.values["startup"]) + 1)

    def now(self) -> datetime:
        return self._now()

    def add_monitor(self, number: int, name: str | None = None, **fields: object) -> FakeMonitor:
        monitor = FakeMonitor(number, name or f"Camera {number}")
        for key, value in fields.items():
            setattr(monitor, key, value)
        self.monitors[number] = monitor
        self.set_function(number, monitor.function)
        if self.shm_dir is not None:
            self.start_memory(number)
        return monitor

    def remove_monitor(self, number: int) -> None:
        """Delete it: newer versions keep the row and flag it."""
        if self.personality.keeps_deleted:
            self.monitors[number].deleted = True
        else:
            del self.monitors[number]
        if number in self.memories:
            self.memories.pop(number).remove()

    def set_function(self, number: int, function: str) -> None:
        monitor = self.monitors[number]
        monitor.function = function
        monitor.capturing, monitor.analysing, monitor.recording = _MODERN[function]
        monitor.status = self._status(monitor)

    def runs(self, monitor: FakeMonitor) -> bool:
        """Say whether its daemon is there; one that captures on demand has no status while nobody looks."""
        if self.is_stopped or monitor.deleted:
            return False
        is_on_demand = self.personality.modern_modes and monitor.capturing == "Ondemand"
        return monitor.status == "Connected" or (is_on_demand and monitor.status is None)

    def stop(self) -> None:
        """End all daemons, as `zmpkg.pl stop` does."""
        self.is_stopped = True
        for number in self.monitors:
            self.restart_monitor(number)

    def start(self) -> None:
        """Start them again."""
        self.is_stopped = False
        for number in self.monitors:
            self.restart_monitor(number)

    def _status(self, monitor: FakeMonitor) -> str | None:
        modern = self.personality.modern_modes
        if self.is_stopped or (monitor.capturing if modern else monitor.function) == "None":
            return "NotRunning"
        return None if modern and monitor.capturing == "Ondemand" else "Connected"

    def restart_monitor(self, number: int) -> None:
        """What any edit does: the daemon ends, and a new one starts."""
        monitor = self.monitors[number]
        monitor.restarts += 1
        monitor.state = IDLE
        monitor.is_forced_off = False
        monitor.status = self._status(monitor)
        if number in self.memories:
            if self.runs(monitor):
                before = self.memories[number].values.get("startup", 0)
                started = max(int(self.now().timestamp()), int(before) + 1)
                self.memories[number].zones = len(monitor.zones)
                self.loaded_zones[number] = monitor.scored_zones()
                self.memories[number].create(self.now().timestamp(), startup=started)
            else:
                self.memories[number].remove()

    def start_memory(self, number: int, *, size: int | None = None) -> MemoryWriter:
        if self.shm_dir is None:
            raise ValueError("this world has no shared memory")
        shm_size = size or self.personality.shm_size
        monitor = self.monitors[number]
        from_one, zones = self.personality.shm_from_one, len(monitor.zones)
        writer = MemoryWriter(self.shm_dir, str(number), size=shm_size, from_one=from_one, zones=zones)
        self.loaded_zones[number] = monitor.scored_zones()
        writer.create(self.now().timestamp(), imagesize=monitor.width * monitor.height * 4)
        self.memories[number] = writer
        return writer

    def beat(self) -> None:
        """Let every daemon but the `silent` ones show that it lives."""
        now = self.now().timestamp()
        for number, writer in self.memories.items():
            if number not in self.silent and self.runs(self.monitors[number]) and writer.values.get("valid"):
                writer.beat(now)

    def set_state(self, number: int, state: int, **memory: float | bytes) -> None:
        """Set a monitor's alarm state (IDLE .. TAPE)."""
        self.monitors[number].state = state
        if number in self.memories:
            self.memories[number].set(state=state, **memory)

    def open_event(self, number: int, cause: str = "Motion", notes: str = "Motion: All", **fields: object) -> FakeEvent:
        event = FakeEvent(self.next_event, number, self.now(), cause=self.cause_of(cause, notes), notes=notes)
        if self.personality.modern_modes:
            event.frames = event.alarm_frames = None
        for key, value in fields.items():
            setattr(event, key, value)
        self.events[event.id] = event
        self.next_event = event.id + 1
        return event

    def close_event(self, event_id: int) -> FakeEvent:
        event = self.events[event_id]
        event.end = max(self.now(), event.start)
        event.length = (event.end - event.start).total_seconds()
        event.frames, event.alarm_frames = 50, event.alarm_frames or 1
        return event

    def cause_of(self, cause: str, notes: str) -> str:
        """Return an event's cause as this version writes it: from 1.37 on that of motion names the zones."""
        zones = notes.partition("Motion: ")[2]
        return f"Motion:{zones.replace(', ', ',')}" if cause == "Motion" and zones and self.personality.modern_modes else cause

    def has_picture(self, event: FakeEvent) -> bool:
        """Say whether `fid=snapshot` answers: without decoding only once the video is whole."""
        if event.has_picture is not None:
            return event.has_picture
        monitor = self.monitors.get(event.monitor_id)
        decodes = {"Always"} if self.personality.modern_modes else {"Always", "KeyFrames", "Ondemand", "KeyFrames+Ondemand"}
        return event.end is not None or monitor is None or monitor.decoding in decodes

    def grow(self) -> None:
        """Have every event that is recorded be as long as it is by now; a daemon that hangs records nothing."""
        for event in self.events.values():
            if event.end is None and event.monitor_id not in self.silent:
                event.length = (self.now() - event.start).total_seconds()
                event.frames = int(event.length * 5)

    def delete_event(self, event_id: int) -> None:
        del self.events[event_id]

    def alarm(self, number: int, cause: str = "Motion", notes: str = "Motion: All", score: int = 40) -> FakeEvent | None:
        """Something moves: state ALARM, and where the mode records on motion an event; nothing where it is forced off."""
        monitor = self.monitors[number]
        if monitor.is_forced_off:
            return None
        opens = monitor.recording == "OnMotion"
        event = self.open_event(number, cause, notes, max_score=score) if opens else None
        memory: dict[str, float | bytes] = {"score": score, "cause": self.cause_of(cause, notes).encode()}
        if event is not None:
            memory["last_event"] = event.id
        self.move(number, *notes.partition("Motion: ")[2].split(", "))
        self.set_state(number, ALARM, **memory)
        return event

    def move(self, number: int, *zones: str) -> None:
        """Have something move in these zones of those that are looked at, and in no other: their scores tell of it."""
        if number in self.memories:
            self.memories[number].score_zones(*(30 if name in zones else 0 for name in self.loaded_zones[number]))

    def edit_zones(self, number: int, *zones: str) -> None:
        """Give the monitor other zones: its daemon starts anew."""
        self.monitors[number].zones = list(zones)
        self.restart_monitor(number)

    def edit_zones_by_api(self, number: int, *zones: str) -> None:
        """Give the monitor other zones without a word to its daemon, as the API does."""
        self.monitors[number].zones = list(zones)

    def edit_zones_in_place(self, number: int, *zones: str) -> None:
        """Give it as many other zones as the web page does: its daemon reads them, and goes on with the same file."""
        self.monitors[number].zones = list(zones)
        self.loaded_zones[number] = self.monitors[number].scored_zones()
        self.memories[number].set(startup=int(self.memories[number].values.get("startup", 0)) + 1)

    def calm(self, number: int) -> None:
        """Nothing moves any more: back to idle, and the alarm's event is closed."""
        monitor = self.monitors[number]
        self.move(number)
        self.set_state(number, IDLE, score=0)
        if monitor.recording == "OnMotion":
            for event in self.events.values():
                if event.monitor_id == number and event.end is None:
                    self.close_event(event.id)

    def force_off(self, number: int, *, on: bool) -> None:
        """Have no alarm come about whatever moves, or end that."""
        self.write_trigger(number, 2 if on else 0)
        self.monitors[number].is_forced_off = on
        if on and number not in self.silent:
            self.calm(number)

    def force_on(self, number: int) -> bool:
        """Have an alarm come about, and say whether there is one: a daemon that hangs sees nothing of it."""
        monitor = self.monitors[number]
        monitor.is_forced_off = False
        self.write_trigger(number, 1, b"Forced Web")
        if number not in self.silent:
            if monitor.state == ALERT:
                self.set_state(number, ALARM)
            elif monitor.state != ALARM:
                self.alarm(number, "Forced Web", "Forced Web: ", 255)
        return monitor.state == ALARM

    def cancel(self, number: int) -> None:
        """End what is forced, as `zmu -c` does."""
        self.force_off(number, on=False)
        if number in self.silent or self.monitors[number].state != ALARM:
            return
        if self.is_alert_after_alarms:
            self.set_state(number, ALERT, score=0)
        else:
            self.calm(number)

    def write_trigger(self, number: int, state: int, cause: bytes | None = None) -> None:
        """Write the monitor's trigger, as zmu does by itself."""
        if number in self.memories:
            self.memories[number].set_trigger(state, cause)

    def restore_database(self, newest: int) -> None:
        """Go back to an older database, in which `newest` was the last event."""
        self.events = {number: event for number, event in self.events.items() if number <= newest}
        self.next_event = newest + 1
