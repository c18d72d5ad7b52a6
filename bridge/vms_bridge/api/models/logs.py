"""What a VMS has logged."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.asked import WHOLE, Time, Word
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.archive import MOST_LINES


class LogFilter(Asked):
    """Which lines of which system's log."""

    system: Word = Field(description="Whose.", examples=["zm"])
    since: Time | None = Field(default=None, description="From that time on.")
    until: Time | None = Field(default=None, description="Before that time.")
    limit: Annotated[int, Field(ge=1, le=MOST_LINES), WHOLE] = Field(default=1_000, description="How many: the newest ones.")


class LogLine(Model):
    """A line of a log."""

    time: datetime
    level: str = Field(examples=["info"])
    component: str = Field(examples=["zmc_m1"])
    message: str


class Log(Model):
    """Lines of a log, the oldest first."""

    system: str = Field(examples=["zm"])
    lines: tuple[LogLine, ...]
