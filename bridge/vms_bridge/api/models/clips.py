"""Clips that are made of a time, and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from vms_bridge.api.models.asked import Time, YesOrNo
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.archive import GapReason

Seconds = Annotated[float, Field(ge=0)]
Pixels = Annotated[int, Field(ge=1)]


class ClipQuery(Asked):
    """Of which time."""

    since: Time = Field(description="From that time on; it begins at the key frame before.", examples=["2026-11-20T11:00:00Z"])
    until: Time = Field(description="Up to that time.", examples=["2026-11-20T11:01:00Z"])
    encode: YesOrNo = Field(
        default=False,
        description="Encode anew what does not fit together (another codec or size, pictures beside videos): else it is refused.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until has to be later than since")
        return self


class ClipPart(Model):
    """What of an event is in a clip."""

    event: str = Field(examples=["zm-1234"])
    start: datetime
    end: datetime
    at: Seconds = Field(examples=[12.4])
    """Where in the clip it begins, in seconds."""


class ClipGap(Model):
    """A time that is not in the clip: what is before and behind it follow each other there."""

    start: datetime
    end: datetime
    reason: str = Field(examples=["not_recorded"], json_schema_extra={"x-known-values": [str(each) for each in GapReason]})


class ClipContent(Model):
    """What is in a clip."""

    start: datetime
    """When its first picture was taken: that of the key frame before what was asked for."""
    end: datetime
    duration: Seconds = Field(examples=[61.5])
    """Seconds."""
    parts: tuple[ClipPart, ...]
    gaps: tuple[ClipGap, ...]
    bytes: Annotated[int, Field(ge=1)]
    codec: str = Field(examples=["h264"])
    width: Pixels
    height: Pixels
    encoded: bool
    """It was encoded anew, from single pictures or from what did not fit together; else what was recorded was copied."""
    settled: bool
    """Nothing of it can change any more: no event goes on, and all that was recorded could be had."""
