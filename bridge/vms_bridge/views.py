"""What the hub shows to sinks, and the protocol by which they read it and ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import Field

from vms_bridge.archive import Clippable, SelfLogging, Watchable
from vms_bridge.contributing import NOTHING_OFFERED, Lookable, Offer
from vms_bridge.index import IndexProgress, Searchable
from vms_bridge.model import AlarmState, Detection, EndReason, EventKind, EventRef, Monitor, MonitorState, SystemState
from vms_bridge.open_set import OpenSet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.archive import ByteRange, EventQuery, LogLine, LogQuery, MediaRef, OpenMedia, RecordedPage
    from vms_bridge.commands import Ack, Command, CommandTable
    from vms_bridge.contributing import Contributor
    from vms_bridge.history import Cursor, Gap
    from vms_bridge.links import Links
    from vms_bridge.measures import Measures
    from vms_bridge.messaging import Messaging
    from vms_bridge.model import PictureRef
    from vms_bridge.notices import Notice
    from vms_bridge.objects import ObjectCounts, Pace, Seen, Watched
    from vms_bridge.own_entities import OwnEntities
    from vms_bridge.receivers import Receivers
    from vms_bridge.scripting import ScriptDesk
    from vms_bridge.tokens import Tokens


MESSAGE_VERSION = 1
Version = Annotated[int, Field(json_schema_extra={"const": MESSAGE_VERSION})]
Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Amount = Annotated[float, Field(json_schema_extra={"minimum": 0})]
Share = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
"""Numbers with what their JSON Schema says of them; nothing is refused by it."""


class MessageType(OpenSet):
    """A step in an event's life; `update` and `media` may follow `end`."""

    NEW = "new"
    UPDATE = "update"
    END = "end"
    MEDIA = "media"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """The public message of one step in an event's life (docs/mqtt.md); field order is the order in the JSON.

    What is below a field is its description in the JSON Schema (entities/schemas.py).
    """

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    epoch: str
    seq: Count
    """Counts per monitor; the same at a resend."""
    id: str
    """<system>-<id in the VMS>; the same everywhere."""
    type: MessageType
    kind: EventKind
    late: bool
    """Caught up on: it happened while the bridge was not watching."""
    system: str
    monitor: str
    monitor_name: str
    label: str | None
    """The best of labels."""
    labels: tuple[str, ...]
    score: Share | None
    zones: tuple[str, ...]
    cause: str
    start: datetime | None
    end: datetime | None
    duration: Amount | None
    """Seconds."""
    end_reason: EndReason | None
    alarm_frames: Count | None
    max_score: Count | None
    snapshot_ready: bool
    clip_ready: bool
    archived: bool | None = None
    """Whether it stays when the VMS makes room; null where the VMS does not say."""
    locked: bool | None = None
    """Whether it is protected from being deleted; null where the VMS does not say."""
    tags: tuple[str, ...] | None = None
    """What people have given it; null where the VMS has no tags."""
    plates: tuple[str, ...] = ()
    """Number plates that a detector or a script has read."""
    faces: tuple[str, ...] = ()
    """Who was recognised."""
    text: str | None = None
    """What detectors and scripts have said of it."""
    direction: str | None = None
    """Which way it went across a line: `in` is from the line's left to its right; null where that makes no sense."""
    snapshot_url: str | None = None
    """A link to its picture; null until there is one, and where http.message_links does not ask for it."""
    clip_url: str | None = None
    """A link to its clip; the same."""
    media_id: str | None = None

    @property
    def ref(self) -> EventRef | None:
        """The event that it is about."""
        return EventRef.parse(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """An event message as it is in the store: `payload` is its JSON, the same bytes at every resend."""

    position: int
    system: str
    monitor: str
    event: EventRef
    type: MessageType
    late: bool
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """What follows a cursor: messages in the order in which they were stored, live and late ones, each with its cursor.

    `after` is the cursor to ask by the next time; with a `gap` the messages are those behind the gap.
    """

    messages: tuple[tuple[Cursor, StoredMessage], ...]
    after: Cursor
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorView:
    """A monitor as sinks see it: by key, with the configuration's name and area, and its newest event.

    `generation` is that of the event ids which its VMS gives now, such as the one in `state`. `objects` are those that are
    there by all who watch for some; None where nobody does, or knows. `watched` is what they look for, `seen` what came last,
    `pictures` of which of it there is a picture, and since when. `offer` is what contributors can do for it, `pace`
    how somebody has looked at it in the last minute.
    """

    system: str
    key: str
    monitor: Monitor
    state: MonitorState
    last_event: EventMessage | None = None
    generation: int = 1
    objects: ObjectCounts | None = None
    watched: tuple[Watched, ...] = ()
    seen: Seen | None = None
    pictures: Mapping[Watched, datetime] = field(default_factory=dict)
    offer: Offer = NOTHING_OFFERED
    pace: Pace | None = None

    def event(self, event_id: str) -> EventRef:
        """Return the event that the VMS calls so now."""
        return EventRef(self.system, self.generation, event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView:
    """A system as sinks see it: it stays as it was when it was checked, whatever changes.

    `index` says how far the index has got with what it has recorded; None where it has no archive, or the index is off.
    """

    key: str
    kind: str
    name: str
    url: str | None
    state: SystemState
    monitors: Mapping[str, MonitorView]
    index: IndexProgress | None = None


SWITCH = "switch"
"""Who holds the claim of a person that has turned discovery off by hand."""


STALE_AFTER = timedelta(days=7)
"""For so long a claim need not be seen: whoever has made it may be no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody has the devices by another way than MQTT discovery: a Home Assistant by its instance's id, or `SWITCH`."""

    holder: str
    since: datetime
    seen: datetime
    """When it was claimed last."""
    token: str | None = None
    """The id of the token by which it was made; None: it was made without one, by the bridge's own user."""

    def is_stale(self, now: datetime) -> bool:
        """Say whether nobody has repeated it for a week; a person's, who has turned discovery off, needs no repeating."""
        return self.holder != SWITCH and now - self.seen >= STALE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeState:
    """How the bridge itself fares.

    `problem` says, for people, what is not as it should be. `undelivered` counts event messages that not every durable sink
    has confirmed yet, `given_up` those that grew too old or too many before each had. While there are `claims`,
    MQTT discovery is off.
    """

    problem: str | None = None
    undelivered: int = 0
    given_up: int = 0
    claims: tuple[Claim, ...] = ()


MonitorKey = tuple[str, str]
"""System and monitor, by their public keys."""
DetectionKey = tuple[str, str, str]
"""System, monitor, and the source that sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A monitor's alarm state became another one: one step, however soon the next one followed. None stands for unknown."""

    monitor: MonitorKey
    before: AlarmState | None
    now: AlarmState | None
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is new since a sink last asked: names of things to read from the hub anew, so newest wins by itself.

    `described` and `removed` are monitors whose description came, changed or went; `states` those whose state, or objects,
    did. `messages`: there may be new event messages, undelivered ones and in the history. `bridge`: the bridge's own state
    changed. `notices`: some came, changed or went. `scripts` fare otherwise; an empty name: which there are has changed.
    `tokens`: one came or went, so who has let somebody in by one must look again. `since` is when the first of these changes
    was made, by the monotonic clock; None with the first that are returned.
    `detections` are the newest by monitor and source; one without objects may be of a monitor that is no more.
    `transitions` are all in their order, for who has asked for them; `transitions_lost` counts those that it was too slow for.
    """

    systems: frozenset[str] = frozenset()
    removed_systems: frozenset[str] = frozenset()
    described: frozenset[MonitorKey] = frozenset()
    removed: frozenset[MonitorKey] = frozenset()
    states: frozenset[MonitorKey] = frozenset()
    last_events: frozenset[MonitorKey] = frozenset()
    messages: bool = False
    bridge: bool = False
    tokens: bool = False
    notices: bool = False
    scripts: frozenset[str] = frozenset()
    own_entities: frozenset[str] = frozenset()
    detections: Mapping[DetectionKey, Detection] = field(default_factory=dict)
    transitions: tuple[Transition, ...] = ()
    transitions_lost: int = 0
    since: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What somebody wants to receive: of these systems themselves, of these monitors, and of `tokens`."""

    systems: frozenset[str] = frozenset()
    monitors: frozenset[MonitorKey] = frozenset()
    tokens: bool = False


class Subscription(Protocol):
    """A sink's place in the fan-out; it holds names of changed things, so its size is that of the world."""

    async def changes(self) -> Changes:
        """Wait until something is new and return it; what was returned before is not reported again."""

    def close(self) -> None:
        """Take no more."""


class Answering(Protocol):
    """Somebody's word that it answers questions of a kind."""

    def close(self) -> None:
        """Answer no more."""


class HubView(Searchable, Watchable, Clippable, Lookable, SelfLogging, Protocol):
    """The hub, as sinks may use it: read what is current, receive changes, submit commands."""

    @property
    def epoch(self) -> str:
        """The store's epoch; another one means that sequence numbers have started anew."""

    @property
    def bridge_id(self) -> str:
        """The bridge's own identity, made once and kept in the store."""

    @property
    def state(self) -> BridgeState:
        """How the bridge itself fares, a few seconds old at most."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What is not as it should be now, what has been so for longest first."""

    def tell_notice(self, notice: Notice, lasts_s: float | None = None) -> Callable[[], None]:
        """Have it be one, instead of one with its `id`, so long or until what returns is called. Raises TooManyRequests."""

    @property
    def systems(self) -> Mapping[str, SystemView]:
        """Every configured system by key, as it is now."""

    def system(self, key: str) -> SystemView | None:
        """Return a system by its key, or None where there is none."""

    def monitor(self, system: str, key: str) -> MonitorView | None:
        """Return a monitor by its public keys, or None where there is none."""

    @property
    def tokens(self) -> Tokens:
        """Who may come in by the API."""

    @property
    def receivers(self) -> Receivers:
        """What parts of the bridge take in from outside."""

    @property
    def scripts(self) -> ScriptDesk:
        """Who runs scripts."""

    @property
    def links(self) -> Links:
        """Which links are good."""

    async def since_told(self, ref: EventRef) -> timedelta | None:
        """Return how long ago something was told of an event last; None where that is not known any more. Raises StoreError."""

    @property
    def measures(self) -> Measures:
        """What is counted and measured; who does so adds it."""

    @property
    def command_table(self) -> CommandTable:
        """Which commands there are, and how each is asked for."""

    def subscribe(self, only: Subjects | None = None, *, transitions: bool = False) -> Subscription:
        """Start to receive changes; the first `changes()` names everything there is.

        With `only`, of nothing but these subjects: neither of messages nor of the bridge, and the first `changes()` waits
        where none of them is there. With `transitions`, of each step of an alarm state too, where else the newest wins.
        """

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run a command to its verified end; `progress` receives `running` meanwhile. Never raises for a bad command."""

    async def undelivered(self, sink: str, *, late: bool, after: int, limit: int) -> Sequence[StoredMessage]:
        """Return the next messages, by position, that the durable sink has not yet confirmed; live or late ones."""

    async def delivered(self, sink: str, positions: Sequence[int]) -> None:
        """Confirm that the receiver has accepted these messages: they are not offered again."""

    async def history(self, after: Cursor | None, limit: int) -> HistoryPage:
        """Return the messages that follow the cursor (None: from the oldest on) in the order in which they were stored.

        It is what `retention` keeps, the same for every sink, delivered by another or not; none is kept for a follower. A
        cursor that is older, or not of this history, gets one `gap`, and what follows it. `limit` is 1,000 at most.
        `Changes.messages` says when there is more. Raises StoreError.
        """

    async def history_end(self) -> Cursor:
        """Return the cursor behind the newest message: what is stored from now on follows it. Raises StoreError."""

    async def note_unanswered(self, sink: str, notes: Mapping[int, bytes | None]) -> None:
        """Keep notes on commands that the sink still has to answer, by its own numbers (None: it has), beyond a kill.

        Returns once they are stored; a failing store is reported by the bridge and raises nothing here.
        """

    async def unanswered(self, sink: str) -> Mapping[int, bytes]:
        """Return the notes that the sink has not taken back, in the order of their numbers."""

    async def keep(self, sink: str, key: str, value: str | None) -> None:
        """Keep a short text for the sink beyond restarts, like `Feed.keep` for a backend. A failure is logged, not raised."""

    async def kept(self, sink: str, key: str) -> str | None:
        """Return what the sink has kept last under this key; None where nothing is, or it can't be read."""

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        """Fetch a JPEG from the system. Raises MediaUnavailable or VmsError.

        An event of before a restored database has no picture any more: what the VMS calls so now is another one.
        """

    def object_picture(self, monitor: MonitorKey, watched: Watched) -> bytes | None:
        """Return the best picture, a JPEG, of something that is looked for at a monitor; None where there is none."""

    async def recorded(self, system: str, query: EventQuery, after: str | None = None) -> RecordedPage:
        """Return a page of the events that the system has, as it knows them now. Raises MediaUnavailable or VmsError."""

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        """Open a picture or clip, or a part of it. Raises MediaUnavailable or VmsError, then and while it is read."""

    def contribute(self, source: str) -> Contributor:
        """Begin to contribute under this name, which nobody else has. Raises ContributionRefused."""

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        """Return lines of the system's log, the oldest first. Raises MediaUnavailable or VmsError."""

    def answering(self, kind: str, answer: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]) -> Answering:
        """Have questions of this kind (`notify`) answered by this: JSON objects, each way; who says so last is asked.

        `answer` raises RequestUnanswered where it can't. Raises TooManyRequests.
        """

    @property
    def own_entities(self) -> OwnEntities:
        """The entities that belong to scripts."""

    @property
    def messaging(self) -> Messaging:
        """What can be published and heard over MQTT by parts that do not speak it."""

    async def ask(self, kind: str, content: Mapping[str, Any], *, within_s: float) -> Mapping[str, Any]:
        """Ask whoever answers questions of this kind. Raises NobodyAnswers, RequestUnanswered."""


class Sink(Protocol):
    """A listener: reads the hub, submits commands."""

    @property
    def name(self) -> str:
        """Its name in logs, and in the store's outbox where it is durable."""

    async def run(self, hub: HubView) -> None:
        """Serve until cancelled; losses of its own peer are its own to heal.

        Whatever it raises has it made anew, and only that of which `is_fatal` says so ends the bridge.
        """
