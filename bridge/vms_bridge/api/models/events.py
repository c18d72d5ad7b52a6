"""Events as the index has them, and what can be searched for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from vms_bridge.api.models.asked import NUMBER, WHOLE, Time, Words, YesOrNo
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.archive import FrameKind
from vms_bridge.index import MOST_FOUND, MOST_VALUES, BucketSize, ValueKind
from vms_bridge.model import EndReason, EventKind

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[int, Field(ge=0)]
MonitorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}/[A-Za-z0-9_-]{1,48}$", examples=["zm/1"])]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), NUMBER]
Duration = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False), NUMBER]


class Event(Model):
    """A recorded incident as it stands now, with what others have found out about it."""

    id: str = Field(examples=["zm-1234"])
    """The same everywhere."""
    system: str = Field(examples=["zm"])
    monitor: str = Field(examples=["1"])
    monitor_name: str | None = Field(examples=["Front door"])
    """Null where the monitor is no more."""
    kind: str = Field(examples=["alarm"], json_schema_extra={"x-known-values": [str(kind) for kind in EventKind]})
    label: str | None = Field(examples=["person"])
    """The best of labels."""
    labels: tuple[str, ...] = Field(examples=[["person", "dog"]])
    score: Share | None = Field(examples=[0.91])
    zones: tuple[str, ...] = Field(examples=[["Drive"]])
    plates: tuple[str, ...] = ()
    """Number plates that were read."""
    faces: tuple[str, ...] = ()
    """Who was recognised."""
    text: str | None = None
    """What detectors and scripts have said of it."""
    cause: str = Field(examples=["Motion"])
    notes: str = ""
    start: datetime | None
    """Null where the VMS does not say what its times mean; `end` then too."""
    end: datetime | None
    duration: Annotated[float, Field(ge=0)] | None = Field(examples=[22.0])
    """Seconds."""
    end_reason: str | None = Field(examples=["closed"], json_schema_extra={"x-known-values": [str(one) for one in EndReason]})
    """Null while it is open."""
    alarm_frames: Amount | None = Field(examples=[35])
    max_score: Amount | None = Field(examples=[77])
    archived: bool | None = None
    """It stays when the VMS makes room; null where the VMS has no such thing."""
    locked: bool | None = None
    """It is protected from being deleted; null where the VMS has no such thing."""
    tags: tuple[str, ...] | None = Field(default=None, examples=[["parcel"]])
    """What people have given it; null where the VMS has no tags."""
    direction: str | None = Field(default=None, examples=["in"])
    """Which way it went across a line: `in` is from the line's left to its right; null where that makes no sense."""
    snapshot_ready: bool
    clip_ready: bool


class EventPage(Model):
    """Events, the one that began last first."""

    events: tuple[Event, ...]
    next: str | None
    """What to say as `after` for the next page; null: there is none."""


class EventFilter(Asked):
    """Which events. Of several values of a filter any will do; of several filters each must."""

    since: Time | None = Field(default=None, description="Began at that time or later.")
    until: Time | None = Field(default=None, description="Began before that time.")
    system: Words = Field(default=(), description="Of these systems.")
    monitor: tuple[MonitorName, ...] = Field(
        default=(), max_length=100, description="Of these monitors, each by the keys of its system and its own."
    )
    area: Words = Field(default=(), description="Of the monitors that are in these areas now.")
    kind: Words = Field(default=(), description="Of these kinds.")
    label: Words = Field(default=(), description="With one of these labels.")
    zone: Words = Field(default=(), description="In one of these zones, by name.")
    plate: Words = Field(default=(), description="With one of these number plates.")
    face: Words = Field(default=(), description="With one of these faces.")
    least_score: Score | None = Field(default=None, description="Of the best detection.")
    most_score: Score | None = Field(default=None, description="Of the best detection.")
    least_duration: Duration | None = Field(default=None, description="Seconds.")
    most_duration: Duration | None = Field(default=None, description="Seconds.")
    words: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="Words in cause, notes, labels and texts: all of them; `deliv*` is any that begins so."
    )
    is_open: YesOrNo | None = Field(default=None, description="Still going on, or over.")


class EventSearch(EventFilter):
    """Which events, and which page of them."""

    limit: Annotated[int, Field(ge=1, le=MOST_FOUND), WHOLE] = Field(default=100, description="How many at most.")
    after: Annotated[str, Field(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="`next` of the page before."
    )


class TimelineQuery(EventFilter):
    """Which events, and into what they are counted."""

    bucket: BucketSize = Field(default=BucketSize.DAY, description="How long each part is; weeks begin on Monday.")
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="UTC", description="Where days begin at midnight, by its name.", examples=["Europe/Berlin"]
    )


class Count(Model):
    """How many events began in a part of the time."""

    start: datetime
    events: Amount = Field(examples=[12])


class Timeline(Model):
    """How many events began when, from the first part to the last."""

    bucket: BucketSize
    time_zone: str = Field(examples=["UTC"])
    counts: tuple[Count, ...]


class ValuesQuery(EventFilter):
    """Which events, and of what their values are counted."""

    of: ValueKind = Field(default=ValueKind.LABEL, description="Values of what.")
    limit: Annotated[int, Field(ge=1, le=MOST_VALUES), WHOLE] = Field(default=100, description="How many values at most.")


class ValueCount(Model):
    """How many of the events have a value."""

    value: str = Field(examples=["person"])
    events: Amount = Field(examples=[12])


class Values(Model):
    """Which values the events have, the most frequent first; one event may have several."""

    of: ValueKind
    values: tuple[ValueCount, ...]
    is_complete: bool
    """False: there are others, too."""


class PictureQuery(Asked):
    """Which picture of an event: one of these, the best one where nothing is said."""

    frame: FrameKind | None = Field(default=None, description="The frame of that kind.")
    number: Annotated[int, Field(ge=1, le=10_000_000), WHOLE] | None = Field(default=None, description="That frame, from 1 on.")
    time: Time | None = Field(default=None, description="The frame of that time.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.frame, self.number, self.time)) > 1:
            raise ValueError("say one of frame, number and time")
        return self
