"""What may be asked of looking at several frames: the options of pyzm's `detect_stream`, by its names.

docs/migrating-detection.md has a row for each: what it means here, and where that is something else than there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from vms_bridge.detect.config_cameras import ZoneSettings
from vms_bridge.detect.config_rules import FramePick
from vms_bridge.detect.config_values import LabelText, Name, Section, refusal
from vms_bridge.detect.labels import Pattern, parse_pattern

MOST_FRAMES = 10_000
_LARGEST_NUMBER = 999_999_999

WantedFrame = Literal["alarm", "snapshot"] | Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]


def _listed(said: object) -> object:
    """Return a list of frames, which may be written with commas; digits are numbers."""
    items = said.split(",") if isinstance(said, str) else said
    if not isinstance(items, list | tuple):
        return items
    words = [item.strip() if isinstance(item, str) else item for item in items]
    return tuple(
        int(word) if isinstance(word, str) and word.isascii() and word.isdecimal() else word for word in words if word != ""
    )


def _width(said: object) -> object:
    return None if isinstance(said, str) and said.strip().lower() == "no" else said


Seconds = Annotated[float, Field(ge=0, le=3600)]
FrameSet = Annotated[tuple[WantedFrame, ...], BeforeValidator(_listed), Field(max_length=MOST_FRAMES)]


class StreamOptions(Section):
    """How several frames are had and looked at; as pyzm has it, in seconds, frames and pixels."""

    delay: Seconds = Field(default=0, description="write how many seconds to wait before the first frame")
    delay_between_frames: Seconds = Field(default=0, description="write how many seconds to wait before each other frame")
    delay_between_snapshots: Seconds = Field(
        default=0, description="write how many seconds to wait before a snapshot where one was looked at before"
    )
    start_frame: int = Field(default=1, ge=1, le=_LARGEST_NUMBER, description="write the number of the first frame, from 1")
    frame_skip: int = Field(default=1, ge=1, le=1_000_000, description="write 3 to look at every third frame")
    max_frames: int = Field(default=0, ge=0, le=MOST_FRAMES, description="write how many frames to look at, 0 for no other limit")
    frame_set: FrameSet = Field(default=(), description="write which frames to look at, as in snapshot,alarm,21,41")
    contig_frames_before_error: int = Field(
        default=5, ge=1, le=MOST_FRAMES, description="write after how many frames in a row that can't be had to give up"
    )
    max_attempts: int = Field(default=1, ge=1, le=100, description="write how often a frame of an event is asked for")
    sleep_between_attempts: Seconds = Field(default=3, description="write how many seconds to wait before it is asked for again")
    download: bool = Field(default=False, description="write true to fetch an event's video first, and look at that")
    download_dir: Path | None = Field(default=None, description="name the directory in which the video is while it is looked at")
    delete_after_analyze: bool = Field(default=True, description="write false to keep the video that was fetched")
    resize: Annotated[int | None, BeforeValidator(_width)] = Field(
        default=None, ge=16, le=16_384, description="write the width of pictures in pixels, or no"
    )
    save_frames: bool = Field(default=False, description="write true to keep the frames that were looked at as files")
    save_analyzed_frames: bool = Field(default=False, description="write true to keep those with something in them, boxes drawn")
    save_frames_dir: Path | None = Field(
        default=None, validate_default=True, description="name the directory in which they are kept"
    )
    frame_strategy: FramePick | None = Field(
        default=None, description="choose which frame is the best: first, most, most_unique or most_models"
    )
    stop_early: bool = Field(default=True, description="write false to look at all frames though no later one could win")
    pattern: LabelText | None = Field(default=None, description="write which labels count, as in person|car")
    polygons: Mapping[Name, ZoneSettings] = Field(
        default_factory=dict, max_length=64, description="write zones to use instead of the camera's, by name"
    )
    convert_snapshot_to_fid: bool = Field(default=False, description="write true to ask for the snapshot by its frame's number")
    disable_ssl_cert_check: bool = Field(default=False, description="write true to believe any certificate of a web address")
    disable_locks: bool = Field(default=False, description="leave it out: there is nothing to lock")

    @field_validator("save_frames_dir")
    @classmethod
    def _check_folder(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        if folder is None and (info.data.get("save_frames") or info.data.get("save_analyzed_frames")):
            raise refusal("is missing", "name the directory in which frames are kept")
        return folder

    @cached_property
    def only(self) -> Pattern | None:
        """Which labels count, None for all."""
        return None if self.pattern in {None, ".*", "*"} else parse_pattern(str(self.pattern))
