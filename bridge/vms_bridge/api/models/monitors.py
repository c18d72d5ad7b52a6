"""Monitors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.asked import Words
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.api.models.states import LastEvent, MonitorState

Share = Annotated[float, Field(ge=0, le=1)]


class Zone(Model):
    """A part of a monitor's picture."""

    key: str = Field(examples=["1"])
    """Its key in the state's `zones`."""
    name: str = Field(examples=["Drive"])
    kind: str = Field(examples=["active"])
    points: tuple[tuple[float, float], ...] = Field(examples=[[[0.0, 0.5], [1.0, 0.5], [1.0, 1.0]]])
    """Its corners, x and y in 0..1 from the top left."""


class Objects(Model):
    """How many objects there are, by label."""

    labels: Mapping[str, int] = Field(examples=[{"person": 1}])
    zones: Mapping[str, Mapping[str, int]]
    """The same in each zone where there are any, by the zone's key."""


class Watched(Model):
    """Something that is looked for at a monitor."""

    key: str = Field(examples=["person"])
    """Its key in the state's `objects`."""
    label: str = Field(examples=["person"])
    zone: str | None = Field(examples=["Porch"])
    """Where it is looked for; null: in all of the picture."""
    name: str = Field(examples=["Porch person"])


class Preset(Model):
    """A place that a camera remembers."""

    number: int = Field(ge=0, examples=[2])
    label: str = Field(examples=["Gate"])
    """By which it can be chosen."""


class Ptz(Model):
    """What a camera can be told by the command `ptz`."""

    moves: tuple[str, ...] = Field(examples=[["up", "left", "zoom_in", "stop", "home"]])
    continuous: tuple[str, ...] = Field(examples=[["up", "left", "zoom_in"]])
    """Those of the moves that go on until the camera is stopped: the bridge does that after a time."""
    presets: tuple[Preset, ...]
    sets_presets: bool
    """Whether it can be told to remember where it looks."""


class Monitor(Model):
    """A camera, as it stands now."""

    system: str = Field(examples=["zm"])
    key: str = Field(examples=["1"])
    name: str = Field(examples=["Front door"])
    area: str | None = Field(examples=["Garden"])
    """As configured."""
    model: str = ""
    width: int | None = Field(examples=[1920])
    height: int | None = Field(examples=[1080])
    zones: tuple[Zone, ...]
    modes: Mapping[str, tuple[str, ...]] = Field(examples=[{"function": ["None", "Monitor", "Modect"]}])
    """The modes that can be set, each with its values."""
    capabilities: tuple[str, ...] = Field(examples=[["alarm_state", "event_clip"]])
    entities: tuple[str, ...] = Field(examples=[["motion", "armed"]])
    """The keys of the catalogue's rows that it has."""
    ptz: Ptz | None = None
    """What its camera can be told, where it pans, tilts or zooms."""
    watched: tuple[Watched, ...] = ()
    """What is looked for: each has the catalogue's rows about objects."""
    objects: Objects | None
    """What is there now by all who look for some; null where nobody does, or can tell."""
    last_event: LastEvent | None
    state: MonitorState


class Monitors(Model):
    """Monitors, by system and key."""

    monitors: tuple[Monitor, ...]


class LiveVideo(Model):
    """What live video there is of a monitor."""

    forms: tuple[str, ...] = Field(examples=[["ts", "mp4", "mjpeg"]])
    """The forms in which it can be had now, as far as can be told without opening it: each ends a path, as in `live.ts`."""


class MonitorFilter(Asked):
    """Which monitors: all of them where nothing is said."""

    system: Words = Field(default=(), description="Of these systems.", examples=[["zm"]])
    area: Words = Field(default=(), description="In these areas.", examples=[["Garden"]])
