"""What can be configured of a simulated system."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class SimulatorConfig(BaseModel):
    """The keys below a system of `type: simulator`; the same values always make the same world."""

    # `extra="forbid"` makes a mistyped key an error with a hint instead of a silent default.
    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, description="write any whole number: another number, another world")
    cameras: int = Field(default=3, ge=1, le=2_000, description="write how many cameras there are to be, 1 to 2000")
    pace: float = Field(
        default=1.0, ge=0.01, le=1_000, description="write 1 for about two visits a minute at each camera, 2 for twice as many"
    )
    epoch: AwareDatetime = Field(
        default=datetime(2026, 1, 1, tzinfo=UTC),
        description="write when this world began, with its time zone, such as 2026-01-01T00:00:00Z; ids count from here",
    )
    catch_up: float = Field(
        default=3_600, ge=0, le=7 * 86_400, description="write the seconds back for which missed events are reported, 0 to 604800"
    )
    tick: float = Field(default=0.5, ge=0.02, le=5, description="write the seconds between two checks of the cameras, 0.02 to 5")
    pictures_only: int = Field(
        default=0,
        ge=0,
        le=2_000,
        description="write how many cameras, the last ones, record single pictures and no video, 0 to 2000",
    )
    names_visitors: bool = Field(
        default=True, description="write false for cameras that see that something moves, and not what it is, as most do"
    )
    width: int = Field(default=1_280, ge=320, le=1_920, description="write the width of the pictures in pixels, 320 to 1920")
