"""How the engine is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class EngineState(StrEnum):
    """What the worker is at."""

    STARTING = "starting"
    """The process starts, and loads its models."""
    RUNNING = "running"
    WAITING = "waiting"
    """It has ended, and is started again after a while."""
    STOPPED = "stopped"
    """Nobody runs the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """How the engine is now; numbers count from its beginning.

    `restarts`: how often a worker ended that was not told to. `confinement`: which level was reached for `user`, `network`,
    `files`, `calls` and `memory`, in words. `waiting`: requests that are not answered yet.
    """

    state: EngineState
    since_s: float
    pid: int | None = None
    restarts: int = 0
    pictures_refused: int = 0
    answered: int = 0
    inferred: int = 0
    timed_out: int = 0
    rss_bytes: int | None = None
    most_bytes: int = 0
    confinement: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    hint: str = ""
    waiting: int = 0


@dataclass(slots=True)
class Counts:
    """What the engine counts."""

    restarts: int = 0
    pictures_refused: int = 0
    answered: int = 0
    inferred: int = 0
    timed_out: int = 0
    waiting: int = 0
