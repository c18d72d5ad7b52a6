"""A trial from its beginning to its end: the script is started, what was recorded happens to it, and time passes as it must."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BridgeError
from vms_bridge.scripts.config import UIDS, ScriptsConfig
from vms_bridge.scripts.life.values import Begin, Level, ScriptBroken, Work, WorkerGone
from vms_bridge.scripts.settings import checked, in_force
from vms_bridge.scripts.triggers.occurrences import of
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.trying.answers import Answers
from vms_bridge.scripts.trying.bridge import MadeUpBridge
from vms_bridge.scripts.trying.clock import JumpingClock
from vms_bridge.scripts.trying.completing import completed
from vms_bridge.scripts.trying.rest import NeverAtRest, come_to_rest
from vms_bridge.scripts.trying.running import Running
from vms_bridge.scripts.trying.transcript import Transcript, TrialTooLong

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.header import Header
    from vms_bridge.scripts.life.values import Declared
    from vms_bridge.scripts.values import Occurrence, Trigger

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""When a trial begins of which nobody has said when."""
_MOST_JUMPS = 500_000
_LOAD_S = 10.0
"""How long the top level may take, by the machine's time."""


class TrialFailed(BridgeError):
    """The script could not be tried at all; `line` is where in it, if that is known, `traceback` the author's lines."""

    code = "trial"

    def __init__(self, message: str, *, hint: str = "", line: int | None = None, traceback: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line, self.traceback = line, traceback


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried: a script by its text and header, what happens to it, and how long time goes on after that."""

    name: str
    text: str
    file: str
    header: Header
    answers: Answers = field(default_factory=Answers)
    replay: Sequence[tuple[datetime, Occurrence]] = ()
    begins: datetime | None = None
    rest_s: float = 60.0
    uid: int | None = None
    is_live: bool = False
    """Whether the script's own time is the machine's."""

    @property
    def start(self) -> datetime:
        """When it begins, by its own time."""
        return self.begins or (self.replay[0][0] if self.replay else NOON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it: all that happened, behind what the script stood, and its triggers."""

    transcript: Transcript
    level: Level
    triggers: tuple[Trigger, ...]
    lasted_s: float


def user_of_trials() -> int | None:
    """Return the user as which scripts run on trial: one of those that scripts have, or (None) who runs this.

    Linux bounds threads by their user, so that trials at the same time are users of their own.
    """
    if os.geteuid() != 0:
        return None
    first: int = ScriptsConfig.model_fields["uid_base"].default
    return first + os.getpid() % UIDS


def run(trial: Trial) -> Tried:
    """Do it, in an event loop of its own: a trial is all that its process does. Raises as `try_out`."""
    return asyncio.run(try_out(trial))


def load(trial: Trial) -> tuple[Trigger, ...]:
    """Run the script's top level only; returns its triggers. Raises TrialFailed."""
    return asyncio.run(_loaded(trial))


async def _loaded(trial: Trial) -> tuple[Trigger, ...]:
    clock = JumpingClock(trial.start)
    running = Running(trial.name, trial.header.permissions, Transcript(clock), clock)
    bridge = MadeUpBridge(trial.answers, clock, site_of(trial), running)
    async with started(trial, running, bridge), called(bridge, await load_in(trial, running, clock)) as triggers:
        return triggers


async def try_out(trial: Trial) -> Tried:
    """Do it. Raises TrialFailed and, for a header's mistakes, BridgeError."""
    clock = JumpingClock(trial.start)
    transcript = Transcript(clock)
    running = Running(trial.name, trial.header.permissions, transcript, clock)
    bridge = MadeUpBridge(trial.answers, clock, site_of(trial), running)
    async with started(trial, running, bridge) as level:
        async with called(bridge, await load_in(trial, running, clock)) as triggers:
            try:
                await _Play(trial, clock, running, bridge).through()
            except (NeverAtRest, TrialTooLong) as error:
                running.fail("trial", str(error), hint=error.hint)
        lasted_s = clock.elapsed_s
    if running.gone is not None:
        running.fail("worker", running.gone.in_words, hint=running.gone.hint)
    return Tried(transcript=transcript, level=level, triggers=triggers, lasted_s=lasted_s)


@asynccontextmanager
async def started(trial: Trial, running: Running, bridge: MadeUpBridge) -> AsyncIterator[Level]:
    """Have the script's process be there, locked. Raises TrialFailed."""
    begin = Begin(modules=trial.header.imports.modules, time_zone=trial.answers.time_zone, uid=trial.uid)
    try:
        async with bridge.open(), running.started(begin, bridge.answer) as level:
            yield level
    except WorkerGone as gone:
        raise TrialFailed(f"the script's process has ended: {gone.ending.in_words}", hint=gone.ending.hint) from None


async def load_in(trial: Trial, running: Running, clock: Clock) -> Declared:
    """Have the top level run. Raises TrialFailed, and BridgeError for settings that there are not."""
    schema = trial.header.settings
    settings = in_force(schema, checked(schema, trial.answers.settings))
    work = Work(
        text=trial.text,
        file=trial.file,
        now=clock.now().timestamp(),
        settings=settings,
        state=trial.answers.state,
        is_test=not trial.is_live,
    )
    try:
        async with SystemClock().timeout(_LOAD_S):
            return await running.load(work)
    except TimeoutError:
        text = f"its top level has not come to its end within {_LOAD_S:g} s"
        raise TrialFailed(
            text, hint="a script declares its handlers there, and ends: what lasts belongs into a handler"
        ) from None
    except ScriptBroken as broken:
        mistake = broken.mistake
        raise TrialFailed(mistake.text, line=mistake.line, traceback=mistake.traceback) from None


def site_of(trial: Trial) -> Site:
    """Return where the trial's sun rises."""
    return Site(time_zone=trial.answers.time_zone, location=(trial.answers.latitude, trial.answers.longitude))


@asynccontextmanager
async def called(bridge: MadeUpBridge, declared: Declared) -> AsyncIterator[tuple[Trigger, ...]]:
    """Have what happens call the script's handlers. Raises TrialFailed for what it may not declare."""
    async with AsyncExitStack() as stack:
        try:
            triggers = await stack.enter_async_context(bridge.called(declared))
        except BridgeError as error:
            raise TrialFailed(str(error), hint=error.hint, line=getattr(error, "line", None)) from None
        yield triggers


class _Play:
    """What happens to one script, in its order."""

    def __init__(self, trial: Trial, clock: JumpingClock, running: Running, bridge: MadeUpBridge) -> None:
        self._trial, self._clock, self._running, self._bridge = trial, clock, running, bridge

    async def through(self) -> None:
        """Let all of it happen. Raises NeverAtRest, TrialTooLong."""
        self._bridge.begin(of("startup", {}))
        await come_to_rest(self._running)
        for at, occurrence in self._trial.replay:
            await self._until((at - self._trial.start).total_seconds())
            self._bridge.take(completed(occurrence, at))
            await come_to_rest(self._running)
        await self._until(self._clock.elapsed_s + self._trial.rest_s)

    async def _until(self, end_s: float) -> None:
        """Let time pass: to each moment at which anything is due, and to the end."""
        for _ in range(_MOST_JUMPS):
            due_s = self._clock.due_s
            if self._running.is_over or due_s is None or due_s > end_s:
                break
            self._clock.jump(due_s)
            await come_to_rest(self._running)
        else:
            raise TrialTooLong(
                f"time has had to stop {_MOST_JUMPS:,} times on its way", hint="something is due much too often: a shorter --for?"
            )
        self._clock.jump(end_s)
