"""What is configured of a profile: which models look, what of their findings counts, which frame of an event is the best."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from vms_bridge.detect.config_values import AreaText, DurationText, LabelText, Name, Score, Section, Share, refusal
from vms_bridge.detect.sizes import Area, parse_area, parse_duration

VariantPick = Literal["first", "most", "most_unique", "union"]
FramePick = Literal["first", "first_new", "most", "most_unique", "most_models"]


def _digits(said: object) -> object:
    """Return a number as it is written: in a file all is text, in a script it need not be."""
    return str(said) if isinstance(said, int) and not isinstance(said, bool) else said


FrameText = Annotated[str, Field(pattern="^(alarm|snapshot|[1-9][0-9]{0,8})$"), BeforeValidator(_digits)]
Ratio = Annotated[float, Field(gt=0, le=1000)]


class LabelRule(Section):
    """What something of these labels must be like to count; what is left out is as a less specific rule says."""

    min_score: Score | None = Field(default=None, description="write the least score, 0 to 1, as in 0.5")
    min_size: AreaText | None = Field(default=None, description='write the least area, as in "0.4%" or "900px"')
    max_size: AreaText | None = Field(default=None, description='write the largest area, as in "60%" or "200000px"')
    min_ratio: Ratio | None = Field(default=None, description="write the least width divided by height, as in 0.2")
    max_ratio: Ratio | None = Field(default=None, description="write the largest width divided by height, as in 1.5")
    ignore: bool | None = Field(default=None, description="write true to drop these labels, false to keep them after all")

    @field_validator("max_ratio")
    @classmethod
    def _check_ratio(cls, most: float | None, info: ValidationInfo) -> float | None:
        least = info.data.get("min_ratio")
        if most is not None and least is not None and most < least:
            raise refusal("is less than min_ratio", "write a larger one, or leave one of them out")
        return most

    @cached_property
    def least(self) -> Area | None:
        """The least area."""
        return None if self.min_size is None else parse_area(self.min_size)

    @cached_property
    def most(self) -> Area | None:
        """The largest area."""
        return None if self.max_size is None else parse_area(self.max_size)


class StageSettings(Section):
    """A stage: the models of which one, or all, look for things of one sort."""

    name: Literal["object"] = Field(default="object", description="write object: other stages are not there yet")
    use: tuple[Name, ...] = Field(
        default=(), max_length=16, description="name the models in the order in which they are tried, or leave it out: all"
    )
    pick: VariantPick = Field(
        default="first", description="choose which model's findings count: first, most, most_unique or union"
    )
    after: tuple[LabelText, ...] = Field(
        default=(), max_length=64, description="write the labels of which an earlier stage must have found one, or leave it out"
    )
    min_score: Score = Field(default=0.5, description="write the least score where no rule of a label says one, 0 to 1")
    labels: dict[LabelText, LabelRule] = Field(
        default_factory=dict,
        max_length=256,
        description='write which labels count, as in `labels: {person: {min_score: 0.5}, "car|truck": {}}`, or leave it out: all',
    )


class FramesSettings(Section):
    """Which frames of an event are looked at, and which of them is the best."""

    take: tuple[FrameText, ...] = Field(
        default=("alarm", "snapshot"),
        max_length=1000,
        description="write which frames of an event to look at: alarm, snapshot (the best), and numbers, as in [alarm, 21, 41]",
    )
    pick: FramePick = Field(
        default="most_models", description="choose the frame that counts: first, most, most_unique or most_models"
    )
    stop_early: bool = Field(default=True, description="write false to look at all frames though no later one could win")
    after: DurationText = Field(
        default="0s",
        description="write how long after an event's begin its frames are looked at, as in 2s",
        validate_default=True,
    )

    @field_validator("take")
    @classmethod
    def _check_take(cls, frames: tuple[str, ...]) -> tuple[str, ...]:
        if not frames:
            raise refusal("expected at least 1 of them", "write one, as in `take: [snapshot]`, or leave it out")
        return frames

    @cached_property
    def after_s(self) -> float:
        """How long after an event's begin its frames are looked at."""
        return parse_duration(self.after)


class PastSettings(Section):
    """How what was found before is known again."""

    suppress: bool = Field(
        default=False, description="write true to tell nothing of what was at the same place before, false to tell of all"
    )
    overlap: Share = Field(
        default=0.85, description="write how much of two boxes must be the same (intersection over union), more than 0, at most 1"
    )
    forget: DurationText = Field(
        default="12h", description="write after how long something that is not seen again is forgotten, as in 12h"
    )
    same: tuple[tuple[LabelText, ...], ...] = Field(
        default=(), max_length=64, description="write groups of labels that are taken for each other, as in [[car, truck, bus]]"
    )

    @cached_property
    def forget_s(self) -> float:
        """After how long something is forgotten."""
        return parse_duration(self.forget)


def _stages(stages: tuple[StageSettings, ...]) -> tuple[StageSettings, ...]:
    if not stages:
        raise refusal("expected at least 1 of them", "write one, as in `stages: [{name: object}]`, or leave it out")
    if stages[0].after:
        raise refusal("the first stage comes after no other", "leave its after: out")
    return stages


class ProfileSettings(Section):
    """How cameras of one sort are looked at."""

    stages: Annotated[tuple[StageSettings, ...], AfterValidator(_stages)] = Field(
        default=(StageSettings(),),
        max_length=1,
        description="write the stages, as in `stages: [{name: object, use: [street]}]`",
    )
    frames: FramesSettings = Field(
        default=FramesSettings(), description="write which frames of an event count, as in `frames: {take: [alarm, snapshot]}`"
    )
    past: PastSettings = Field(
        default=PastSettings(), description="write how what was there before is known again, as in `past: {suppress: true}`"
    )
