"""What the bridge tells a worker, what it hears from it, and how it has ended: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Sandbox(StrEnum):
    """What a worker has to stand behind."""

    REQUIRED = "sandbox"
    PROCESS = "process"
    """A process of its own with limits, and as much of a boundary as can be had."""


class Cause(StrEnum):
    """Why a worker is no more."""

    STOPPED = "stopped"
    """The bridge told it to end."""
    EXITED = "exited"
    """It has ended by itself."""
    KILLED = "killed"
    """Somebody else, or the kernel, has ended it."""
    MEMORY = "memory"
    THREADS = "threads"
    SYSTEM_CALL = "system_call"
    """It called what is not allowed, in a way that is never refused but ends it."""
    TIMEOUT = "timeout"
    PROCESSOR = "processor"
    PROTOCOL = "protocol"
    """It said what makes no sense, or too much, or did not read."""
    REFUSED = "refused"
    """The boundary can't stand here."""
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a worker has ended: `text` is for people, `said_last` what it wrote last to its standard error."""

    cause: Cause
    text: str
    hint: str = ""
    code: str = ""
    """Of a refusal: which of its reasons (worker/lockdown.py)."""
    said_last: str = ""

    @property
    def in_words(self) -> str:
        """All of it in one line."""
        return f"{self.text}; it said last: {self.said_last}" if self.said_last else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What a worker is told first, before it locks itself down: nothing of it comes from the script but names of modules."""

    sandbox: Sandbox = Sandbox.REQUIRED
    memory_bytes: int = 256 * 1024 * 1024
    uid: int | None = None
    modules: Sequence[str] = ()
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a locked worker is given to run; `now` is in seconds since 1970, `state` what the script has kept."""

    text: str
    file: str
    now: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    is_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Behind what a worker stands, by its own test."""

    level: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a script has declared at its top level, as its worker says it: read it by `triggers.spec` before it is believed."""

    triggers: Sequence[Mapping[str, Any]] = ()
    entities: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An exception that a script did not catch; `line` is where in its file, if known."""

    text: str
    traceback: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a call; `is_cancelled`: it took longer than it may."""

    mistake: Mistake | None = None
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a worker asks for, as it says it."""

    what: str
    words: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = b""


class WorkerGone(Exception):
    """The worker has ended; nothing more comes of it."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.in_words)
        self.ending = ending


class ScriptBroken(Exception):
    """The top level of a script has failed."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.text)
        self.mistake = mistake
