"""Scripts, and what is said of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from vms_bridge.api.models.asked import NUMBER, WHOLE, Word
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.scripting import LineLevel, ScriptStatus

MOST_WAIT_S = 25
MOST_LINES = 1_000
MOST_CHARACTERS = 256 * 1024
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["00" * 32])]
SettingName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$", examples=["threshold"])]


class ScriptTrouble(Model):
    """Why a script did not start, or has ended, last: it may have lines of the source. What handlers raise is in the log."""

    time: datetime
    text: str
    traceback: str
    line: int | None
    """Where in the script's file."""
    hint: str


class ScriptCounts(Model):
    """What has been counted since the bridge has known the script."""

    calls: int
    failures: int
    dropped: int
    """What it was not told of, for it was too slow or ended before."""
    asks: int
    refused: int
    """Of these: those that it may not, or too often."""
    starts: int
    crashes: int
    lines_dropped: int


class ScriptApproval(Model):
    """What an administrator has approved last."""

    permissions: dict[str, Any]
    sha256: str
    """Of the source that he was shown."""
    time: datetime
    by: str


class ScriptDifference(Model):
    """One thing that a script asks for and was not approved, or the other way round."""

    is_more: bool
    text: str = Field(examples=["send notifications"])
    """What it may, or might."""


class Script(Model):
    """A script, as it is now."""

    name: str = Field(examples=["gate"])
    status: str = Field(
        examples=["ready"],
        json_schema_extra={"x-known-values": list(ScriptStatus)},
    )
    since: datetime | None
    reason: str
    """Why it is so, where that is not plain; nothing of the source is in it, nor of what it says."""
    hint: str
    is_enabled: bool
    level: str
    """What locks it in: `seccomp+landlock`, `seccomp`, or `process`; nothing while it does not run."""
    doc: str
    """The first line of what it says of itself."""
    sha256: str
    """Of the source in its file; nothing where that can't be used."""
    running_sha256: str
    """Of the version that runs, or ran last."""
    bytes: int
    modified: datetime | None
    permissions: dict[str, Any]
    """What its header asks for."""
    may: tuple[str, ...]
    """The same in words, each a phrase that follows `may`."""
    needs_approval: bool
    approval: ScriptApproval | None
    differences: tuple[ScriptDifference, ...]
    """How what it asks for differs from what was approved."""
    remarks: tuple[str, ...]
    """What its author should know; for administrators."""
    trouble: ScriptTrouble | None
    """For administrators."""
    counts: ScriptCounts
    queued: int
    """How much waits for it."""
    memory_bytes: int | None
    processor: float | None
    """Which share of one processor it takes."""
    next_start: datetime | None


class Scripts(Model):
    """All scripts."""

    approval: str = Field(examples=["source"])
    """What an approval is of: of the `source` with its permissions, or of the `permissions`."""
    scripts: tuple[Script, ...]
    """By name."""


class ScriptSource(Model):
    """A script's source."""

    name: str
    text: str
    sha256: str


class SourceBody(Asked):
    """A script's new source."""

    text: Annotated[str, Field(max_length=MOST_CHARACTERS)]


class ApprovalBody(Asked):
    """Which source was looked at: for another one there is no approval."""

    sha256: Sha256


class EnabledBody(Asked):
    """Whether a script is to run."""

    is_enabled: bool


class ScriptLogFilter(Asked):
    """Which lines of a script's log."""

    after: Annotated[int, Field(ge=0, le=10**15), WHOLE] | None = Field(
        default=None, description="Those behind the line of this number; without it, the newest ones."
    )
    level: LineLevel = Field(
        default=LineLevel.DEBUG,
        description="Those of this level, and more serious ones.",
        json_schema_extra={"enum": list(LineLevel)},
    )
    limit: Annotated[int, Field(ge=1, le=MOST_LINES), WHOLE] = Field(default=200, description="How many.")
    wait: Annotated[float, Field(ge=0, le=MOST_WAIT_S), NUMBER] = Field(
        default=0, description="For how many seconds to wait for a line where there is none yet."
    )


class ScriptLogLine(Model):
    """A line of a script's log."""

    number: int
    time: datetime
    level: str = Field(examples=["info"])
    text: str
    line: int | None
    """Where in the script's file it was said."""


class ScriptLog(Model):
    """Lines of a script's log, the oldest first."""

    lines: tuple[ScriptLogLine, ...]
    after: int
    """Asks for the lines that follow."""
    lost: int
    """How many there were since the one that was asked for that are gone."""


class StateFilter(Asked):
    """Which of the values."""

    key: Word | None = Field(default=None, description="The one under this key; without it, all.", examples=["count"])


class ScriptStateItem(Model):
    """A value that a script keeps."""

    key: str
    value: Any
    changed: datetime
    expires: datetime | None


class ScriptState(Model):
    """What a script keeps."""

    items: tuple[ScriptStateItem, ...]
    """By key."""
    bytes: int
    most_bytes: int


class ScriptSetting(Model):
    """A setting of a script's."""

    name: str
    kind: str = Field(examples=["number"])
    """`number`, `text`, `choice`, `switch`, `secret` or `duration` (seconds)."""
    value: Any
    """Null for a secret."""
    default: Any
    is_set: bool
    """Whether somebody has set it; else its default is in force."""
    title: str
    help: str
    unit: str
    min: int | float | None
    max: int | float | None
    step: int | float | None
    options: tuple[str, ...]
    max_length: int | None


class ScriptSettings(Model):
    """The settings of a script."""

    settings: tuple[ScriptSetting, ...]
    """In the order in which it declares them."""


class SettingsBody(Asked):
    """What is to be set, all of it or nothing."""

    values: Annotated[dict[SettingName, bool | int | float | str | None], Field(min_length=1, max_length=64)]
    """By name; null: back to the default."""
