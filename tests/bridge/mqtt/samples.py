"""A small world as the hub would show it: one system with one monitor, with everything that there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import Level
from vms_bridge.contributing import Offer as MonitorOffer
from vms_bridge.index import IndexProgress
from vms_bridge.machines import Server
from vms_bridge.messages import event_message
from vms_bridge.model import (
    AlarmState,
    Capability,
    EndReason,
    Event,
    EventRef,
    Monitor,
    MonitorState,
    Storage,
    SystemState,
    Zone,
)
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.homeassistant.discovery import Offer
from vms_bridge.mqtt.identity import Identity
from vms_bridge.mqtt.topics import Topics
from vms_bridge.objects import ObjectCounts, Pace, Seen, Watched
from vms_bridge.own_entities import EntityKind, OwnEntity, Owner
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.views import EventMessage, MessageType, MonitorView, SystemView

if TYPE_CHECKING:
    from vms_bridge.sinks import ApiAddress

NOW = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
TOPICS = Topics("home")
OFFER = Offer(topics=TOPICS, level=Level.ADMIN)
_OWN = (
    OwnEntity(key="cars", kind=EntityKind.SENSOR, name="Cars today", unit="cars", icon="mdi:car"),
    OwnEntity(key="motion", kind=EntityKind.BINARY_SENSOR, device_class="motion"),
    OwnEntity(key="siren", kind=EntityKind.SWITCH, category="config"),
    OwnEntity(key="test", kind=EntityKind.BUTTON),
    OwnEntity(key="minutes", kind=EntityKind.NUMBER, min=1, max=60, step=1, unit="min"),
    OwnEntity(key="mode", kind=EntityKind.SELECT, options=("Day", "Night")),
    OwnEntity(key="note", kind=EntityKind.TEXT),
    OwnEntity(key="bell", kind=EntityKind.EVENT, device_class="doorbell", options=("ring", "held")),
)
SCRIPT = Owner(name="gate", is_available=True, entities={each.key: each for each in _OWN})

STATE = MonitorState(
    available=True,
    connected=True,
    alarm=AlarmState.ALARM,
    armed=True,
    detection=True,
    forced=False,
    is_recording=True,
    modes={"function": "Modect", "capturing": "Always", "analysing": "None", "recording": "OnMotion"},
    settings={"max_fps": 5.0, "alarm_max_fps": 0.0, "analysis_max_fps": 2.5, "section_length": 600.0},
    preset="Gate",
    score=42,
    cause="Motion",
    event_id="12",
    capture_fps=14.98765,
    analysis_fps=5.0,
    bandwidth_bytes=123_456,
    events_total=5,
    events_hour=1,
    events_day=2,
    events_week=3,
    events_month=4,
    disk_bytes=10_000_000_000,
    zones={"1": True, "2-a": False},
    source="shared_memory",
    lag_s=0.05,
    source_reason="zmtrigger refuses",
    observed=NOW,
)

MONITOR = Monitor(
    id="1",
    name="Front door",
    model="AXIS P3245",
    width=1920,
    height=1080,
    zones=(Zone(id="1", name="Drive"), Zone(id="2-a", name="Зона"), Zone(id="3", name="")),
    modes={
        "function": ("None", "Monitor", "Modect"),
        "capturing": ("None", "Ondemand", "Always"),
        "analysing": ("None", "Always"),
        "recording": ("None", "OnMotion", "Always"),
    },
    settings=("max_fps", "alarm_max_fps", "analysis_max_fps", "section_length"),
    capabilities=frozenset(Capability),
    ptz=Ptz(
        moves=tuple(PtzMove),
        continuous=(PtzMove.LEFT, PtzMove.ZOOM_IN),
        presets=(Preset(number=1, name="Gate"), Preset(number=2)),
        sets_presets=True,
    ),
    area="Garden",
)

EVENT = Event(
    id="12",
    monitor_id="1",
    start=NOW,
    cause="Motion",
    end=NOW,
    end_reason=EndReason.CLOSED,
    duration_s=12.5,
    alarm_frames=30,
    max_score=77,
    labels=("person", "dog"),
    score=0.91,
    zones=("1",),
    snapshot_ready=True,
)


def message(type_: MessageType = MessageType.END, **changes: Any) -> EventMessage:  # noqa: ANN401  # any field of the message
    """Return an event message of the monitor."""
    step = event_message(EVENT, type_, ref=EventRef("zm", 1, "12"), epoch="e1", seq=7, monitor="1", name="Front door", late=False)
    return replace(step, **changes)


VIEW = MonitorView(
    system="zm",
    key="1",
    monitor=MONITOR,
    state=STATE,
    last_event=message(),
    objects=ObjectCounts(labels={"person": 2}, zones={"Porch": {"person": 1}}),
    watched=(Watched("dog"), Watched("person"), Watched("person", "Porch")),
    seen=Seen(time=NOW, labels=("person",)),
    pictures={Watched("person"): NOW, Watched("dog"): NOW, Watched("person", "Porch"): NOW},
    offer=MonitorOffer(
        settings={"object_detection": True, "detection_profile": "default", "detection_threshold": 0.5},
        choices={"detection_profile": ("default", "night")},
    ),
    pace=Pace(rate=2.5, took_s=0.0125, age_s=0.08, dropped=3, share=0.031),
)

SYSTEM_STATE = SystemState(
    available=True,
    version="1.36.33",
    time_zone="Europe/Berlin",
    running=True,
    run_state="default",
    run_states=("default", "home"),
    load=1.2345,
    storage=(
        Storage(id="0", name="Default", used_bytes=10_000_000_000, total_bytes=100_000_000_000),
        Storage(id="a b", name="NAS", used_bytes=3_000_000_000),
    ),
    servers=(
        Server(
            id="1", name="East", running=True, load=1.5, cpu_percent=12.5, memory_total=8_000_000_000, memory_free=6_000_000_000
        ),
    ),
    source="api",
    lag_s=2.0,
    capabilities=frozenset(Capability),
    observed=NOW,
)

SYSTEM = SystemView(
    key="zm",
    kind="zoneminder",
    name="Shed",
    url="http://127.0.0.1/zm",
    state=SYSTEM_STATE,
    monitors={"1": VIEW},
    index=IndexProgress(events=830, expected=2_000),
)


def identity(api: ApiAddress | None) -> Identity:
    """Return who the bridge is, with this for its API."""
    config = MqttConfig(url="mqtt://127.0.0.1")
    return Identity(config=config, instance="home", name="VMS Bridge", version="1.0", client_id="vms_bridge_home", api=api)
