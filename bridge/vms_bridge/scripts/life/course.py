"""The course of a script's life, as a state machine without time or processes of its own: what is so, and what to do next.

Times are the monotonic clock's: whatever happens to the wall clock, nothing is restarted by it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from vms_bridge.backoff import Backoff
from vms_bridge.scripting import ScriptStatus

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
MOST_CRASHES, WITHIN_S = 5, 600.0
"""So many crashes in so short a time, and it is started no more until somebody releases it, or its file changes."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker with this version."""

    version: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the worker that is being started: another version is wanted, or none."""

    version: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until something happens; where `seconds` is a number, for so long at most."""

    seconds: float | None = None


Step: TypeAlias = Start | GiveUp | Wait


class Course:
    """Of one script. A version is the name of all that it is made of; none is wanted before the first, and after the `end`."""

    def __init__(self) -> None:
        self.wanted: str | None = None
        self.at_work: str | None = None
        """The version whose worker is ready."""
        self.starting: str | None = None
        self.broken: str | None = None
        """The version that has failed before it was ready."""
        self.quarantine = ""
        """Why it is started no more; empty while it is."""
        self.crashes = 0
        self._is_over = False
        self._backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        self._recent: deque[float] = deque(maxlen=MOST_CRASHES)
        self._due_s: float | None = None
        self._ready_s = 0.0

    @property
    def state(self) -> ScriptStatus:
        """How it is with it."""
        if self.wanted is None:
            return ScriptStatus.STOPPED if self._is_over else ScriptStatus.WAITING
        if self.quarantine:
            return ScriptStatus.QUARANTINED
        if self.broken == self.wanted:
            return ScriptStatus.BROKEN
        if self.at_work == self.wanted:
            return ScriptStatus.READY
        return ScriptStatus.RESTARTING if self._due_s is not None and self.starting is None else ScriptStatus.STARTING

    def want(self, version: str) -> None:
        """Have this version run; another one than before begins anew, whatever became of that."""
        if version != self.wanted:
            self.wanted = version
            self.release()

    def end(self) -> None:
        """Note that nothing of it runs any more, nor is to."""
        self.wanted = self.starting = self.at_work = None
        self._is_over = True

    def release(self) -> None:
        """Forget what has gone wrong, and try again."""
        self.quarantine, self.broken, self._due_s = "", None, None
        self._recent.clear()
        self._backoff.reset()

    def step(self, now_s: float) -> Step:
        """Return what to do now."""
        if self.starting is not None and self.starting != self.wanted:
            return GiveUp(self.starting)
        if self.wanted is None or self.quarantine:
            return Wait()
        if self.starting is not None or self.wanted in {self.at_work, self.broken}:
            return Wait()
        if self._due_s is not None and now_s < self._due_s:
            return Wait(self._due_s - now_s)
        return Start(self.wanted)

    def began(self, version: str) -> None:
        """Note that a worker with this version is being started."""
        self.starting = version

    def gave_up(self) -> None:
        """Note that the worker that was being started was ended, as was wanted."""
        self.starting = None

    def ready(self, version: str, now_s: float) -> None:
        """Note that this version is ready, and takes the place of the one before."""
        self.starting, self.at_work, self._due_s, self._ready_s = None, version, None, now_s

    def broke(self, version: str) -> None:
        """Note that this version has failed at its top level: nothing changes that but another version, or a release."""
        self.starting, self.broken = None, version

    def failed(self, version: str, now_s: float) -> None:
        """Note that this version could not be started for what may pass: it is tried again, however often that fails."""
        if self.starting == version:
            self.starting = None
        self._due_s = now_s + self._backoff.failed(lasted_s=0.0)

    def ended(self, version: str, why: str, now_s: float) -> None:
        """Note that the worker of this version has crashed, while it was at work or started."""
        was_starting = self.starting == version
        if was_starting and self.at_work is not None:
            self.broke(version)
            return
        lasted_s = 0.0 if was_starting else now_s - self._ready_s
        self.starting = None if was_starting else self.starting
        self.at_work = self.at_work if was_starting else None
        self.crashes += 1
        self._recent.append(now_s)
        if len(self._recent) == MOST_CRASHES and now_s - self._recent[0] <= WITHIN_S:
            minutes = f"{WITHIN_S / 60:.0f} minutes"
            self.quarantine = f"it has crashed {MOST_CRASHES} times in {minutes}, at last: {why}"
            self._due_s = None
            return
        self._due_s = now_s + self._backoff.failed(lasted_s=lasted_s)
