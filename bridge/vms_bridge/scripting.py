"""Scripts, as others see them and look after them: the values, and the protocol by which the part that runs them is asked.

That part is a sink, which is there where it is configured; the hub knows which one it is (`ScriptDesk`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - doors make JSON of it by its types
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.open_set import OpenSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class ScriptStatus(OpenSet):
    """How it is with a script."""

    REFUSED = "refused"
    """Its file can't be used as it is, or no worker can be locked in here."""
    WAITING = "waiting"
    """It waits for an administrator's approval, and no version that was approved before runs on."""
    STOPPED = "stopped"
    """It is not to run."""
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """It has ended, and is started again soon."""
    BROKEN = "broken"
    """Its newest version has failed to start; the one before may still be at work."""
    QUARANTINED = "quarantined"
    """It has ended too often, and is not started again until it is told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptTrouble:
    """Why a script did not start, or has ended, last; for administrators: it may quote it. `line` is where in its file."""

    time: datetime
    text: str
    traceback: str = ""
    line: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptCounts:
    """What has been counted since the bridge has known the script."""

    calls: int = 0
    failures: int = 0
    dropped: int = 0
    """What it was not told of, for it was too slow or ended before."""
    asks: int = 0
    refused: int = 0
    """Of these: those that it may not, or too often."""
    starts: int = 0
    crashes: int = 0
    lines_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptLife:
    """How a script runs, as the part says that runs it; `sha256` is that of the version that runs, or ran last.

    `reason` and `hint` quote nothing of its source and nothing that it has said: who may see scripts at all may see them.
    """

    status: ScriptStatus = ScriptStatus.STOPPED
    since: datetime | None = None
    reason: str = ""
    hint: str = ""
    level: str = ""
    """What locks its worker in: `seccomp+landlock`, `seccomp` or `process`; nothing while there is none."""
    sha256: str = ""
    trouble: ScriptTrouble | None = None
    counts: ScriptCounts = field(default_factory=ScriptCounts)
    queued: int = 0
    memory_bytes: int | None = None
    processor: float | None = None
    """Which share of one processor it takes."""
    next_start: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That an administrator has approved a script; `sha256` is that of the source that he was shown."""

    permissions: Mapping[str, Any]
    sha256: str
    time: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a script asks for and was not approved (`is_more`), or the other way round; `text` follows `may`."""

    is_more: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptView:
    """A script, as it is now.

    `sha256` is that of the source in its file, which may be newer than the one that runs. `permissions` are what its header
    asks for, `may` the same in words; `needs_approval` whether it waits for that, `differences` how it differs from what was
    approved. `remarks` are what its author should know, and for administrators: they may quote the source.
    """

    name: str
    life: ScriptLife
    is_enabled: bool = True
    doc: str = ""
    sha256: str = ""
    bytes: int = 0
    modified: datetime | None = None
    permissions: Mapping[str, Any] = field(default_factory=dict)
    may: Sequence[str] = ()
    approval: Approval | None = None
    needs_approval: bool = False
    differences: Sequence[Difference] = ()
    remarks: Sequence[str] = ()


class LineLevel(OpenSet):
    """How serious a line of a script's log is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Its place among them; one that is not known is the most serious."""
        levels = list(LineLevel)
        return levels.index(self) if self in levels else len(levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptLine:
    """A line of a script's log; `number` counts all of that script's, `line` is where in its file it was said."""

    script: str
    number: int
    time: datetime
    level: LineLevel
    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesAsked:
    """Which lines: those behind a number (None: the newest), of this level and more serious; at most so many.

    Where there is none, the answer waits so long for one.
    """

    after: int | None = None
    level: LineLevel = LineLevel.DEBUG
    limit: int = 200
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesPage:
    """Lines in their order; `after` asks for what follows, `lost` counts those before the first that are gone."""

    lines: Sequence[ScriptLine]
    after: int
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateItem:
    """One value that a script keeps."""

    key: str
    value: Any
    changed: datetime
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """What a script keeps, in the order of its keys, and how much room that takes and may take."""

    items: Sequence[StateItem]
    bytes: int
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """A setting with its value; that of a secret is None, and `is_set` says whether there is one."""

    name: str
    kind: str
    value: Any
    default: Any = None
    is_set: bool = False
    """Whether somebody has set it; else the default is in force."""
    title: str = ""
    help: str = ""
    unit: str = ""
    min: float | None = None
    max: float | None = None
    step: float | None = None
    options: Sequence[str] = ()
    max_length: int | None = None


class Scripts(Protocol):
    """The part that runs scripts. Whatever names a script raises NotFound where there is none; `by` is who asks, for the log.

    Nothing here asks who may: doors do, for what changes something, and for the source, an administrator's scope.
    """

    @property
    def approval(self) -> str:
        """What an approval is of: `source` or `permissions`."""

    def tell(self, on_change: Callable[[str], None]) -> None:
        """Have this called with a script that has changed, or an empty name where others are there now; for the hub."""

    def all(self) -> Sequence[ScriptView]:
        """Return every script by name, those too that can't run."""

    def get(self, name: str) -> ScriptView:
        """Return a script."""

    async def source(self, name: str) -> str:
        """Return its text as it is in its file. Raises ScriptRefused for a file that can't be read."""

    async def upload(self, name: str, text: str, *, by: str) -> ScriptView:
        """Put this text into the script's file, a new one if need be. Raises ScriptRefused for what can be no script."""

    async def delete(self, name: str, *, by: str) -> None:
        """End it at once and remove all of it, its log and entities too. Raises ScriptRefused, StoreError."""

    async def approve(self, name: str, *, sha256: str, by: str) -> ScriptView:
        """Let it run as it asks; `sha256` is of the source that was looked at. Raises ScriptRefused for another, StoreError."""

    async def revoke(self, name: str, *, by: str) -> ScriptView:
        """Take the approval back and end it at once. Raises StoreError where that holds only until the bridge is restarted."""

    async def restart(self, name: str, *, by: str) -> ScriptView:
        """Start it anew, out of quarantine too. Raises ScriptRefused where it can't run."""

    async def enable(self, name: str, *, is_enabled: bool, by: str) -> ScriptView:
        """Let it run, or end it until it is let again. Raises StoreError; it is ended all the same, until a restart."""

    async def lines(self, name: str, asked: LinesAsked) -> LinesPage:
        """Return lines of its log, of those that are still kept."""

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        """Have this called with each new line of every script; what is returned ends that."""

    async def state(self, name: str) -> StateView:
        """Return what it keeps. Raises StoreError."""

    async def clear_state(self, name: str, key: str | None, *, by: str) -> None:
        """Forget what it keeps under a key (None: all). Raises NotFound, StoreError."""

    async def settings(self, name: str) -> Sequence[SettingView]:
        """Return its settings with their values: those of the version that is approved. Raises StoreError."""

    async def set_settings(self, name: str, changes: Mapping[str, object], *, by: str) -> Sequence[SettingView]:
        """Set these (None: back to the default), all or none, and tell the script.

        Raises ScriptRefused where no version is approved, StateRefused, StoreError.
        """


class ScriptDesk(Protocol):
    """Where the hub says who runs scripts; `Changes.scripts` says when it is worth to look again."""

    @property
    def is_there(self) -> bool:
        """Whether this bridge runs scripts."""

    @property
    def current(self) -> Scripts:
        """Who runs them. Raises ScriptsOff where nobody does."""

    def serve(self, scripts: Scripts) -> Callable[[], None]:
        """Have these run scripts; what is returned ends that. There is one at a time."""

    def changed(self, name: str) -> None:
        """Tell who listens that a script has changed, or (no name) which there are; for who runs them."""
