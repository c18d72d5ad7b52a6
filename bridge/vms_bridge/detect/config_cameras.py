"""What is configured of a camera: when it is looked at, and its zones, lines and rules."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from vms_bridge.detect.config_rules import LabelRule
from vms_bridge.detect.config_values import (
    AreaText,
    DurationText,
    LabelText,
    Name,
    PictureSizeText,
    Score,
    Section,
    Share,
    refusal,
    seconds,
)
from vms_bridge.detect.geometry import Point, fault
from vms_bridge.detect.left_objects import LEFT_LABELS
from vms_bridge.detect.sizes import parse_area, parse_duration, parse_picture_size


def _rule_time(text: str) -> str:
    if not 1 <= parse_duration(text) <= 86_400:
        raise refusal("is too short or too long", "write 1s to 1d")
    return text


Mode = Literal["include", "exclude", "parked"]
Where = Literal["bottom", "center", "touch", "cover"]
RuleTime = Annotated[DurationText, AfterValidator(_rule_time)]
Coordinate = Annotated[float, Field(ge=0, le=100_000)]
Corner = tuple[Coordinate, Coordinate]
_SIZE_HINT = 'write the size of the picture that points in pixels are of, as in "1280x720", or leave it out for points of 0 to 1'


def _normalised(points: tuple[Corner, ...], size: str | None) -> tuple[Point, ...]:
    """Return the points in 0..1 of the picture. Raises a mistake where one is outside of it."""
    width, height = (1, 1) if size is None else parse_picture_size(size)
    if any(x > width or y > height for x, y in points):
        remedy = (
            "write 0 to 1, from the top left; or, for pixels, size: with the picture's" if size is None else "write 0 to the size"
        )
        raise refusal("has a point outside of the picture", remedy)
    return tuple((x / width, y / height) for x, y in points)


class ZoneSettings(Section):
    """A part of a camera's picture, and what it means to be in it."""

    size: PictureSizeText | None = Field(default=None, description=_SIZE_HINT)
    points: tuple[Corner, ...] = Field(
        max_length=128,
        description="write its corners in 0..1 of the picture from the top left, as in [[0.1, 0.5], [0.6, 0.5], [0.6, 1]]",
    )
    mode: Mode = Field(
        default="include",
        description="choose what being in it means: include counts, exclude does not, parked counts but is known already",
    )
    where: Where = Field(
        default="bottom",
        description="choose which part of a thing must be in it: bottom (the middle of its lower side), center, touch or cover",
    )
    cover: Share = Field(
        default=0.5, description="write which share of a thing's box must be in it, for cover and parked, as in 0.85"
    )
    labels: tuple[LabelText, ...] = Field(
        default=(), max_length=256, description="write the labels that it is about, as in [person, dog], or leave it out: all"
    )
    min_score: Score | None = Field(
        default=None, description="write the least score of what counts in it, 0 to 1, or leave it out"
    )
    events: bool = Field(
        default=False, description="write true to have an event from when something enters the zone until it is empty again"
    )
    loitering: RuleTime | None = Field(
        default=None, description="write how long something may stay in the zone before that is an event, as in 30s"
    )
    left: RuleTime | None = Field(
        default=None, description="write how long something left must lie in the zone before that is an event, as in 60s"
    )
    removed: RuleTime | None = Field(
        default=None,
        description="write how long something that stood in the zone must be gone before that is an event, as in 10s",
    )
    left_labels: tuple[LabelText, ...] = Field(
        default=LEFT_LABELS,
        max_length=256,
        description="write the labels of what can be left or removed, as in [suitcase, backpack]",
    )

    @field_validator("points")
    @classmethod
    def _check_points(cls, points: tuple[Corner, ...], info: ValidationInfo) -> tuple[Corner, ...]:
        if "size" in info.data and (wrong := fault(_normalised(points, info.data["size"]))):
            raise refusal(wrong, "write three or more corners around an area, in their order along its border")
        return points

    @cached_property
    def polygon(self) -> tuple[Point, ...]:
        """Its corners in 0..1 of the picture."""
        return _normalised(self.points, self.size)

    @field_validator("events", "loitering", "left", "removed")
    @classmethod
    def _check_events(cls, said: bool | str | None, info: ValidationInfo) -> bool | str | None:  # noqa: FBT001  # a validator's
        if said and info.data.get("mode") == "exclude":
            raise refusal("has no effect in a zone that excludes", "leave it out, or write mode: include")
        return said

    @cached_property
    def loitering_s(self) -> float | None:
        """How long something may stay before that is an event."""
        return seconds(self.loitering)

    @cached_property
    def left_s(self) -> float | None:
        """How long something left must lie before that is an event."""
        return seconds(self.left)

    @cached_property
    def removed_s(self) -> float | None:
        """How long something that stood must be gone before that is an event."""
        return seconds(self.removed)


class LineSettings(Section):
    """A line in a camera's picture: who crosses it makes an event."""

    size: PictureSizeText | None = Field(default=None, description=_SIZE_HINT)
    points: tuple[Corner, ...] = Field(
        max_length=16,
        description="write its points in 0..1 of the picture from the top left, as in [[0, 0.6], [1, 0.6]]",
    )
    direction: Literal["both", "in", "out"] = Field(
        default="both",
        description="choose both, in or out: in is from the left of the line to its right, seen from its first point to its last",
    )
    labels: tuple[LabelText, ...] = Field(
        default=(), max_length=256, description="write the labels that it is about, as in [person, dog], or leave it out: all"
    )

    @field_validator("points")
    @classmethod
    def _check_points(cls, points: tuple[Corner, ...], info: ValidationInfo) -> tuple[Corner, ...]:
        if "size" in info.data and len(set(_normalised(points, info.data["size"]))) < 2:
            raise refusal("has the same point only", "write two different points")
        return points

    @cached_property
    def path(self) -> tuple[Point, ...]:
        """Its points in 0..1 of the picture."""
        return _normalised(self.points, self.size)


class MotionSettings(Section):
    """Whether a frame is inferred only where something has changed since the one before."""

    gate: bool = Field(default=True, description="write false to look at every frame, whether something moves or not")
    least: AreaText = Field(default="0.5%", description='write which share of the picture must have changed, as in "0.5%"')
    at_least_every: DurationText = Field(
        default="60s", description="write after how long a frame is looked at though nothing moves, as in 60s"
    )

    @cached_property
    def least_share(self) -> float:
        """Which share of the picture must have changed, 0..1."""
        return parse_area(self.least).share or 0.0

    @cached_property
    def at_least_every_s(self) -> float:
        """After how long a frame is looked at though nothing moves."""
        return parse_duration(self.at_least_every)

    @field_validator("least")
    @classmethod
    def _check_least(cls, text: str) -> str:
        if parse_area(text).share is None:
            raise refusal("is no share of the picture", 'write a share such as "0.5%"')
        return text


class CameraSettings(Section):
    """How a camera is looked at."""

    profile: Name = Field(default="default", description="name the profile, one of those below profiles:")
    detection: bool = Field(default=True, description="write false not to look at it until it is switched on")
    events: bool = Field(default=True, description="write false not to look at the frames of its events")
    fps: float = Field(
        default=0.0, ge=0, le=30, description="write how many live pictures a second are looked at, 0 for none, at most 30"
    )
    motion: MotionSettings = Field(
        default=MotionSettings(), description="write when a live picture is worth looking at, as in `motion: {gate: true}`"
    )
    labels: dict[LabelText, LabelRule] = Field(
        default_factory=dict,
        max_length=256,
        description="write what is otherwise here than in the profile, as in `labels: {car: {ignore: true}}`",
    )
    zones: dict[Name, ZoneSettings] = Field(
        default_factory=dict, max_length=64, description="write its zones by name, as in `zones: {porch: {points: [...]}}`"
    )
    vms_zones: bool = Field(default=False, description="write true to use the zones that the VMS has for it too")
    vms_zone_events: bool = Field(
        default=False, description="with vms_zones: write true to have an event while something is in one that includes"
    )
    lines: dict[Name, LineSettings] = Field(
        default_factory=dict, max_length=32, description="write its lines by name, as in `lines: {gate: {points: [...]}}`"
    )
