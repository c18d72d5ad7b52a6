"""The life of one script: has a worker run the version that is wanted, starts it anew when it crashes, and gives it up in time.

What to do next is for `course.py` to say. A new version takes the place of the one before when it is ready, and not sooner.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from vms_bridge.boundary import Boundary
from vms_bridge.errors import BridgeError, StoreError
from vms_bridge.scripting import ScriptStatus, ScriptTrouble
from vms_bridge.scripts.life.asker import RunningAsker
from vms_bridge.scripts.life.calls import CallCounts
from vms_bridge.scripts.life.copy import Copy
from vms_bridge.scripts.life.course import Course, GiveUp, Start, Wait
from vms_bridge.scripts.life.inbox import Inbox
from vms_bridge.scripts.life.run import DRAIN_S, Run
from vms_bridge.scripts.life.values import Cause, Mistake, ScriptBroken, WorkerGone
from vms_bridge.scripts.values import Occurrence
from vms_bridge.scripts.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from vms_bridge.scripts.life.course import Step
    from vms_bridge.scripts.life.inbox import Hears
    from vms_bridge.scripts.life.logs import ScriptLog
    from vms_bridge.scripts.life.run import Read, Tools, Version
    from vms_bridge.scripts.life.values import Ending
    from vms_bridge.scripts.values import Trigger

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 5.0


class Script:
    """One script's life; `run` it in a task of its own, and `want` a version."""

    def __init__(self, name: str, tools: Tools, log: ScriptLog) -> None:
        self.name, self.log = name, log
        self.counts, self.course = CallCounts(), Course()
        self.starts = self._restarts = 0
        self.trouble: ScriptTrouble | None = None
        self.why = self.remedy = ""
        """What is wrong with it and what to do, in words that quote nothing of it."""
        self.since = tools.clock.now()
        """Since when its state is what it is."""
        self._tools, self._clock = tools, tools.clock
        self._version: Version | None = None
        self._current: Run | None = None
        self._inbox: Inbox | None = None
        self._dropped = 0
        """How many were dropped by inboxes of before, or waited there when these were closed."""
        self._hearing: asyncio.Task[NoReturn] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._others: set[asyncio.Task[None]] = set()
        self._runs: set[Run] = set()
        """Every worker that is ready and has not ended."""
        self._copies: set[Copy] = set()
        """What each worker knows, those too that are being started."""
        self._news = asyncio.Event()
        self._told: ScriptStatus | None = None
        self._is_killed = False
        self._boundary = Boundary("the triggers of a script", tools.clock)

    @property
    def current(self) -> Run | None:
        """The worker that is at work."""
        return self._current

    @property
    def inbox(self) -> Inbox | None:
        """What waits for it; None where it has never been ready."""
        return self._inbox

    @property
    def dropped(self) -> int:
        """How many happenings it was not told of, for it was too slow or ended before."""
        return self._dropped + (0 if self._inbox is None else self._inbox.dropped)

    def want(self, version: Version) -> None:
        """Have this version run from now on."""
        self._version = version
        self.course.want(version.id)
        self._news.set()

    def restart(self) -> None:
        """Start it anew, out of quarantine too; the worker before it stays at work until the new one is ready."""
        if self._version is not None:
            self._restarts += 1
            self.want(replace(self._version, id=f"{self._version.source.sha256} {self._restarts}"))

    def take(self, occurrence: Occurrence) -> None:
        """Take what has happened."""
        if self._inbox is not None:
            self._inbox.hears.take(occurrence)

    def settings_changed(self, settings: Mapping[str, Any]) -> None:
        """Have all its workers know these settings."""
        for copy in self._copies:
            copy.settings(settings)

    def state_changed(self, asker: object, values: Mapping[str, Any], absent: Sequence[str] = ()) -> None:
        """Have all its workers know what has changed of its state, but for that one which has changed it itself."""
        for copy in self._copies:
            copy.changed(asker, values, absent)

    def kill(self) -> None:
        """End all its workers now, without their last handlers: for a script whose `run` is cancelled besides."""
        self._is_killed, self._current = True, None
        self._close_inbox()
        for copy in list(self._copies):
            copy.asker.close()  # nothing more that it asks for is answered
        for run in self._runs:
            run.worker.end(Cause.STOPPED, "the bridge has ended it")

    async def run(self) -> NoReturn:
        """Have it live until cancelled; nothing of it is left then, and it can live again."""
        if self._version is not None:
            self.want(self._version)
        try:
            while True:
                self._news.clear()
                step = self.course.step(self._clock.monotonic())
                self._tell()
                await self._do(step)
        finally:
            await self._end()

    async def _do(self, step: Step) -> None:
        match step:
            case Start():
                self._begin()
            case GiveUp():
                await self._give_up()
                self.course.gave_up()
            case Wait():
                with suppress(TimeoutError):
                    async with self._clock.timeout(step.seconds):
                        await self._news.wait()

    def _begin(self) -> None:
        version = self._version
        assert version is not None  # noqa: S101 - the course starts what is wanted
        self.course.began(version.id)
        self.starts += 1
        self._starting = asyncio.create_task(self._start(version), name=f"script {self.name}: start")

    async def _start(self, version: Version) -> None:
        """Start a worker, and let it take the place of the one before, or say why it can't."""
        run = None
        copy = Copy(RunningAsker(self.name, version.permissions))
        self._copies.add(copy)
        try:
            run = await Run.start(version, self._tools, self.log, self.counts, copy)
            self._runs.add(run)
            self._switch(run)
        except ScriptBroken as broken:
            self._broke(version, broken.mistake, "its top level has failed")
        except WorkerGone as gone:
            if gone.ending.cause is Cause.REFUSED:  # nothing is another way the next time
                self._broke(version, Mistake(text=gone.ending.text), gone.ending.text, gone.ending.hint)
            elif gone.ending.cause is Cause.NOT_STARTED:
                self._failed(version, gone.ending.text, gone.ending.hint)
            else:
                self._crashed(version, gone.ending)
        except StoreError as error:
            self._failed(version, str(error), error.hint)
        except BridgeError as error:
            self._broke(version, Mistake(text=str(error)), "what it declares is refused", error.hint)
        except Exception as error:
            _LOGGER.exception("the start of the script %s failed in an unforeseen way", self.name)
            text = f"a defect of the bridge: {type(error).__name__}"
            self._broke(version, Mistake(text=text), text, "please report it")
        finally:
            if run is None:
                self._copies.discard(copy)
            elif self._current is not run:
                await self._close(run)
            self._news.set()

    def _switch(self, run: Run) -> None:
        """Have this worker called from now on; the one before goes on with what waits for it, for a while."""
        before, inbox = self._current, self._inbox
        read = self._tools.read(run.version, run.declared)
        triggers = tuple(read.triggers)
        if before is not None or inbox is None or inbox.triggers != triggers or inbox.version != run.version.id:
            inbox = self._replace_inbox(run, read)
        else:
            self._tools.declare(run.version, read)
        self._current = run
        run.copy.open(partial(self._tell_worker, run))
        run.begin(inbox, self._tools, self.log, self.counts)
        self.course.ready(run.version.id, self._clock.monotonic())
        self.log.note("info", f"ready: {len(triggers)} triggers, {run.level.level}")
        self._beside(self._watch(run), "watch")
        if before is not None:
            self._beside(self._retire(before), "retire")
        inbox.hears.take(Occurrence(kind="startup", what={}, is_urgent=True))

    def _tell_worker(self, run: Run, words: Mapping[str, Any]) -> None:
        """Tell a worker that settings or state have changed; what can't be told is in the log."""
        try:
            run.worker.tell(words)
        except WireError as error:
            self.log.note("error", f"it can't be told of a change: {error}")

    def _replace_inbox(self, run: Run, read: Read) -> Inbox:
        def hear(each: Sequence[Trigger], deliver: Callable[[Trigger, Occurrence], None]) -> Hears:
            return self._tools.hear(run.version, each, deliver, partial(self.log.note, "warning"))

        inbox = Inbox(run.version.id, read.triggers, hear)  # either may be refused: the one before hears on then
        try:
            self._tools.declare(run.version, read)
        except BaseException:
            inbox.hears.close()
            raise
        self._close_inbox("" if self._current is not None else "another version has taken its place")
        self._inbox = inbox
        self._hearing = asyncio.create_task(self._keep_time(inbox), name=f"script {self.name}: triggers")
        return inbox

    async def _keep_time(self, inbox: Inbox) -> NoReturn:
        """Have the time of its triggers kept, and again whenever a defect of ours has ended that."""
        while True:
            await self._boundary.attempt(self.name, inbox.hears.run)
            await self._clock.sleep(_RETRY_S)

    def _close_inbox(self, why: str = "") -> None:
        """Hear nothing more; `why` says what for nobody is told of what waits there."""
        if self._inbox is not None:
            self._inbox.hears.close()
            self._dropped += self._inbox.dropped
            if why:
                self._lose(len(self._inbox), why)
        if self._hearing is not None:
            self._hearing.cancel()
        self._inbox, self._hearing = None, None

    async def _watch(self, run: Run) -> None:
        """Wait for the end of a worker at work, and take note of it."""
        ending = await run.worker.ended()
        if self._current is run:
            self._current = None
            self._crashed(run.version, ending)
            await self._close(run)
            self._news.set()

    async def _retire(self, run: Run) -> None:
        """End a worker whose place another one has taken."""
        self._lose(await run.drain(self._clock), f"the version before had {DRAIN_S:g} s for them")
        await self._stop(run)

    def _lose(self, calls: int, why: str) -> None:
        """Count what waited and is not told, and say so."""
        if calls:
            self._dropped += calls
            self.log.note("warning", f"what waited is not told any more ({calls}): {why}")

    async def _stop(self, run: Run) -> None:
        """End a worker, in order if there is time for that."""
        if not self._is_killed:
            await run.stop()
        await self._close(run)

    async def _close(self, run: Run) -> None:
        try:
            await run.close()
        finally:
            self._runs.discard(run)
            self._copies.discard(run.copy)

    def _broke(self, version: Version, mistake: Mistake, why: str, hint: str = "") -> None:
        """Take note that a version can't be started; `why` quotes nothing of it."""
        self.course.broke(version.id)
        where = "" if mistake.line is None else f"line {mistake.line}: "
        self._trouble(mistake.text, hint, traceback=mistake.traceback, line=mistake.line)
        self.why, self.remedy = f"{where}{why}", "its log says more"
        stays = "; the version before it stays at work" if self._current is not None else ""
        self.log.note("error", f"it can't be started{stays}: {mistake.traceback or mistake.text}", mistake.line)
        _LOGGER.warning("the script %s can't be started%s: %s", self.name, stays, self.why)

    def _failed(self, version: Version, text: str, hint: str) -> None:
        """Take note that a start has failed for what may pass."""
        self.course.failed(version.id, self._clock.monotonic())
        self._trouble(text, hint)
        self.why, self.remedy = text, hint
        self.log.note("error", f"it can't be started, and that is tried again: {text}. {hint}")
        _LOGGER.warning("the script %s can't be started, which is tried again: %s", self.name, text)

    def _crashed(self, version: Version, ending: Ending) -> None:
        self.course.ended(version.id, ending.text, self._clock.monotonic())
        self._trouble(ending.in_words, ending.hint)
        self.why, self.remedy = ending.text, ending.hint
        self.log.note("error", f"{ending.in_words}. {ending.hint}")
        if self.course.quarantine:
            self._close_inbox("it is started no more")
            _LOGGER.error("the script %s is started no more: %s", self.name, self.course.quarantine)
        else:
            _LOGGER.warning("the script %s: %s", self.name, ending.text)

    def _trouble(self, text: str, hint: str, *, traceback: str = "", line: int | None = None) -> None:
        self.trouble = ScriptTrouble(time=self._clock.now(), text=text, traceback=traceback, line=line, hint=hint)

    def _tell(self) -> None:
        state = self.course.state
        if state is not self._told:
            self._told, self.since = state, self._clock.now()
            self._tools.on_change(self.name)

    def _beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"script {self.name}: {name}")
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def _give_up(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
            self._starting = None

    async def _end(self) -> None:
        """End all of it, workers of versions of before too."""
        await self._give_up()
        current, self._current = self._current, None
        if current is not None:
            current.call_no_more()
        self._close_inbox("it was ended")
        self.course.end()
        await asyncio.gather(*(self._stop(run) for run in list(self._runs)))
        if self._others:
            await asyncio.wait(self._others)
