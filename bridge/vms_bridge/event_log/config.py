"""The `event_log:` section of the configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class EventLogConfig(BaseModel):
    """Where the lines go, and which there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path | None = Field(
        default=None, description="write the path of the file, such as log/events.jsonl, or leave it out for standard output"
    )
    file_mb: int = Field(
        default=16, ge=1, le=1024, description="write how many megabytes a file may have before another is begun, 1 to 1024"
    )
    files: int = Field(default=5, ge=2, le=100, description="write how many files there may be with those of before, 2 to 100")
    states: bool = Field(default=True, description="write true for lines on changes of state too, false for events only")
