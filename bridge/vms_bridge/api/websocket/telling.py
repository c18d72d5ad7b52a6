"""What the bridge says: the messages of its side of the socket, and the items of `changes`, as JSON.

States, events, detections and answers have the same JSON as on MQTT; what is made often is put together of ready pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from vms_bridge.api.models.info import PROTOCOLS
from vms_bridge.api.routes.monitors import monitor_of, objects_of
from vms_bridge.api.routes.systems import system_of
from vms_bridge.bodies import answer, seen_objects
from vms_bridge.entities.states import encode, monitor_state
from vms_bridge.messages import encode_without_links
from vms_bridge.views import Count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.api.access import Caller
    from vms_bridge.commands import Ack
    from vms_bridge.history import Cursor, Gap
    from vms_bridge.model import Detection
    from vms_bridge.notices import Notice
    from vms_bridge.views import BridgeState, EventMessage, MonitorKey, MonitorView, SystemView, Transition

LIVE = {"state", "objects", "last_event"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message, before anybody is known."""

    type: Literal["hello"] = "hello"
    bridge_id: str
    version: str
    lowest_protocol: Count = PROTOCOLS.lowest
    highest_protocol: Count = PROTOCOLS.highest
    token: bool
    """Whether a token is asked for; on the bridge's own socket none is."""
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That the bridge holds the hash of the client's token."""

    type: Literal["proof"] = "proof"
    proof: str
    """HMAC-SHA256 over both nonces, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The client is known; it may say what it wants."""

    type: Literal["welcome"] = "welcome"
    scope: str
    """How far it may go: read, control or admin."""
    name: str | None
    """The token's name."""
    epoch: str
    """The store's epoch: another one means that sequence numbers of events have started anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What is wrong with a message of the client; the socket stays open."""

    type: Literal["error"] = "error"
    id: str | None
    """That of the message, where it had one."""
    code: str
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskClient:
    """A request to a client that has claimed its kind; to be answered by `answer` with the same id, in time."""

    type: Literal["request"] = "request"
    id: str
    kind: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTold:
    """Somebody has the devices by another way than MQTT discovery."""

    holder: str
    since: datetime
    seen: datetime
    """When it was claimed last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeTold:
    """How the bridge itself fares; by which tokens the devices were claimed is not for everybody."""

    problem: str | None
    undelivered: int
    given_up: int
    claims: tuple[ClaimTold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionTold:
    """A step of a monitor's alarm state; null: it was not, or is not, known."""

    what: Literal["transition"] = "transition"
    system: str
    monitor: str
    before: str | None
    now: str | None
    time: datetime


def ack(id_: str, ack: Ack) -> bytes:
    """Return the message that tells what becomes of the command with this id."""
    return b'{"type":"ack","id":%b,"ack":%b}' % (encode(id_), encode(answer(ack)))


def changes(seq: int, items: Sequence[bytes]) -> bytes:
    """Return the message with these items; `seq` counts such messages of the socket."""
    return b'{"type":"changes","seq":%d,"items":[%b]}' % (seq, b",".join(items))


def bridge(state: BridgeState) -> bytes:
    """Return the item about the bridge itself."""
    claims = tuple(ClaimTold(holder=claim.holder, since=claim.since, seen=claim.seen) for claim in state.claims)
    told = BridgeTold(problem=state.problem, undelivered=state.undelivered, given_up=state.given_up, claims=claims)
    return b'{"what":"bridge","value":%b}' % encode(told)


def notices(those: Sequence[Notice]) -> bytes:
    """Return the item with all notices that there are."""
    return b'{"what":"notices","value":%b}' % encode(those)


def system(key: str, view: SystemView | None) -> bytes:
    """Return the item about a system, as in GET systems/{system} but for its monitors; None: it is no more."""
    told = b"null" if view is None else encode(system_of(view).model_dump(exclude={"monitors"}))
    return b'{"what":"system","system":%b,"value":%b}' % (encode(key), told)


def monitor(key: MonitorKey, view: MonitorView | None) -> bytes:
    """Return the item that describes a monitor, as GET monitors/{system}/{monitor} but for what is live; None: it is gone."""
    told = b"null" if view is None else encode(monitor_of(view).model_dump(exclude=LIVE))
    return b'{"what":"monitor",%b,"value":%b}' % (_of(key), told)


def state(key: MonitorKey, view: MonitorView) -> bytes:
    """Return the item with a monitor's state."""
    return b'{"what":"state",%b,"value":%b}' % (_of(key), monitor_state(view))


def objects(key: MonitorKey, view: MonitorView) -> bytes:
    """Return the item with how many objects a monitor shows; null where nobody can tell."""
    counts = objects_of(view)
    return b'{"what":"objects",%b,"value":%b}' % (_of(key), encode(None if counts is None else counts.model_dump()))


def last_event(key: MonitorKey, message: EventMessage) -> bytes:
    """Return the item with a monitor's newest event as it now stands."""
    return b'{"what":"last_event",%b,"value":%b}' % (_of(key), encode_without_links(message))


def detection(key: MonitorKey, view: MonitorView | None, seen: Detection) -> bytes:
    """Return the item with the objects in one frame of a monitor."""
    return b'{"what":"detection",%b,"value":%b}' % (_of(key), encode(seen_objects(view, seen)))


def transition(step: Transition) -> bytes:
    """Return the item about a step of an alarm state."""
    system_, monitor_ = step.monitor
    return encode(TransitionTold(system=system_, monitor=monitor_, before=step.before, now=step.now, time=step.time))


def transitions_lost(count: int) -> bytes:
    """Return the item that says how many steps are missing before the next one: the client was too slow for them."""
    return b'{"what":"transitions_lost","count":%d}' % count


def event(cursor: Cursor, payload: bytes, *, replayed: bool) -> bytes:
    """Return the item with an event message, whose JSON is in it as it is."""
    return b'{"what":"event","cursor":%b,"replayed":%b,"value":%b}' % (
        encode(str(cursor)),
        b"true" if replayed else b"false",
        payload,
    )


def gap(found: Gap, after: Cursor | None) -> bytes:
    """Return the item that says that event messages may be missing between `after` and its cursor."""
    return encode(
        {"what": "gap", "reason": found.reason, "after": None if after is None else str(after), "cursor": str(found.goes_on)}
    )


def cursor(place: Cursor) -> bytes:
    """Return the item that says that there is nothing for this client up to that cursor."""
    return b'{"what":"cursor","cursor":%b}' % encode(str(place))


def synced(after: Cursor | None) -> bytes:
    """Return the item behind all that was current: what follows are changes, and event messages behind this cursor, if any."""
    return b'{"what":"synced","cursor":%b}' % encode(None if after is None else str(after))


def message(body: Hello | Proof | Welcome | Complaint | AskClient) -> bytes:
    """Return a message's JSON."""
    return encode(body)


def welcome(caller: Caller, epoch: str) -> bytes:
    """Return the message that lets a client in."""
    return encode(Welcome(scope=caller.scope, name=None if caller.token is None else caller.token.name, epoch=epoch))


def _of(key: MonitorKey) -> bytes:
    return b'"system":%b,"monitor":%b' % (encode(key[0]), encode(key[1]))
