"""What MQTT says beside states (entities/states.py) and events (messages.py): hello, health, answers, detections, last events."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from vms_bridge.bodies import answer, seen_objects
from vms_bridge.entities.states import encode
from vms_bridge.messages import encode_without_links
from vms_bridge.mqtt.bodies import Health, Hello, SystemName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.commands import Ack
    from vms_bridge.model import Detection
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.identity import Identity
    from vms_bridge.views import BridgeState, EventMessage, MonitorView, SystemView

ONLINE = b"online"
OFFLINE = b"offline"


def info(identity: Identity, bridge_id: str) -> bytes:
    """Return the hello: who this bridge is, and where its API is."""
    api = identity.api
    return encode(
        Hello(
            instance=identity.instance,
            name=identity.name,
            bridge_id=bridge_id,
            api=api.url if api else None,
            lowest_protocol=api.lowest_protocol if api else None,
            highest_protocol=api.highest_protocol if api else None,
            fingerprint=api.fingerprint if api else None,
        )
    )


def health(
    *, version: str, epoch: str, discovery: bool, systems: Iterable[SystemView], state: BridgeState, counters: Counters
) -> bytes:
    """Return how the bridge fares, and which systems it serves."""
    said = asdict(
        Health(
            version=version,
            epoch=epoch,
            discovery=discovery,
            problem=state.problem is not None,
            detail=state.problem,
            undelivered=state.undelivered,
            given_up=state.given_up,
            systems=tuple(SystemName(key=system.key, name=system.name, kind=system.kind) for system in systems),
        )
    )
    names = said.pop("systems")
    return encode({**said, **asdict(counters), "systems": names})


def ack(ack: Ack) -> bytes:
    """Return the answer to a command."""
    return encode(answer(ack))


def detection(view: MonitorView | None, detection: Detection) -> bytes:
    """Return the objects in one frame of the monitor (None: it is no more); an empty list ends their presence."""
    return encode(seen_objects(view, detection))


def last_event(message: EventMessage) -> bytes:
    """Return the event as it is now, without URLs: those expire, and this is retained."""
    return encode_without_links(message)
