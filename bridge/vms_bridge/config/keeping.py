"""How much the bridge keeps: of what it has reported, of what its systems have recorded, and of clips that it has made."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class RetentionConfig(BaseModel):
    """How much the bridge keeps of what it has reported, and of what nobody has taken yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(
        default=8, ge=1, le=365, description="write how many days events and messages for an absent broker are kept, 1 to 365"
    )
    undelivered: int = Field(
        default=500_000,
        ge=1000,
        le=10_000_000,
        description="write how many messages are kept for an absent broker at most, 1000 to 10000000",
    )


class IndexConfig(BaseModel):
    """How much the bridge lists of what its systems have recorded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: int = Field(
        default=1_000_000,
        ge=0,
        le=10_000_000,
        description="write how many events can be searched at most, 0 to 10000000; 0 turns the search index off",
    )


class ClipsConfig(BaseModel):
    """How long and how large a clip may be that is made of several events, and how much room all of them take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: float = Field(default=10.0, gt=0, le=180, description="write how many minutes a clip may have, up to 180")
    megabytes: int = Field(default=500, ge=1, le=100_000, description="write how many megabytes a clip may have, 1 to 100000")
    spool_megabytes: int = Field(
        default=2_000,
        ge=2,
        le=1_000_000,
        description="write how many megabytes of the disk all clips may take, with what they are made of, 2 to 1000000",
    )
    kept_minutes: float = Field(
        default=30.0, gt=0, le=1_440, description="write for how many minutes a clip is kept that was made, up to 1440"
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.spool_megabytes < 2 * self.megabytes:
            remedy = "write at least twice as much for spool_megabytes: what a clip is made of needs room too"
            raise PydanticCustomError("spool", "leaves no room to make a clip in", {"remedy": remedy})
        return self
