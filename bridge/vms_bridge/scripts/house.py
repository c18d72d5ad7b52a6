"""Runs the scripts that are to run (`admitted.House`): a life for each, which everything is told that happens."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.boundary import Boundary
from vms_bridge.errors import TooManyRequests
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.scripting import ScriptCounts, ScriptLife, ScriptStatus
from vms_bridge.scripts.folder import MOST_SCRIPTS
from vms_bridge.scripts.life.course import Wait
from vms_bridge.scripts.life.logs import ScriptLog
from vms_bridge.scripts.life.run import Version
from vms_bridge.scripts.life.script import Script
from vms_bridge.scripts.log_pages import line_of
from vms_bridge.scripts.triggers.occurrences import command, setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.own_entities import EntityCommand
    from vms_bridge.scripting import ScriptLine
    from vms_bridge.scripts.admitted import Admitted
    from vms_bridge.scripts.life.logs import LogEntry
    from vms_bridge.scripts.life.run import Tools
    from vms_bridge.scripts.settings import Value
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 5.0
_MOST_LOGS = 2 * MOST_SCRIPTS
"""Of how many scripts the log is in memory, those among them that are no more."""


class Files(Protocol):
    """Where logs of scripts are kept beyond what is in memory."""

    def put(self, name: str, entry: LogEntry) -> None:
        """Have it written."""

    async def forget(self, name: str) -> None:
        """Remove what was written of a script. Raises StoreError."""


@dataclass(slots=True)
class _Lodger:
    """A script with the task that it lives in, and what is told of it."""

    script: Script
    task: asyncio.Task[None]
    admitted: Admitted
    take_back: Callable[[], None] | None = None
    """How its notice is taken back, while there is one."""


class House:
    """See above; `open` it before anything else, and `close` it."""

    def __init__(self, hub: HubView, clock: Clock, files: Files) -> None:
        self._hub, self._clock, self._files = hub, clock, files
        self._boundary = Boundary("a script's life", clock)
        self._lodgers: dict[str, _Lodger] = {}
        self._leaving: dict[asyncio.Task[None], str] = {}
        self._listeners: dict[object, Callable[[ScriptLine], None]] = {}
        self._logs: dict[str, ScriptLog] = {}
        self._tools: Tools

    def open(self, tools: Tools) -> None:
        """Have scripts run with these."""
        self._tools = tools

    @property
    def scripts(self) -> Sequence[Script]:
        """Those that live here."""
        return [lodger.script for lodger in self._lodgers.values()]

    def admitted(self, name: str) -> Admitted:
        """Return what is to run of this script. Raises KeyError where there is none."""
        return self._lodgers[name].admitted

    def take(self, admitted: Admitted) -> None:
        """Run this version, in place of the one before once it is ready."""
        name = admitted.source.name
        lodger = self._lodgers.get(name)
        if lodger is None:
            script = Script(name, self._tools, self._log(name))
            task = asyncio.create_task(self._live(script), name=f"script {name}")
            lodger = self._lodgers[name] = _Lodger(script, task, admitted)
        lodger.admitted = admitted
        header = admitted.header
        version = Version(
            id=admitted.source.sha256, source=admitted.source, permissions=header.permissions, modules=header.imports.modules
        )
        for remark in header.imports.remarks:
            self._log(name).note("warning", remark.text, remark.line)
        lodger.script.want(version)

    def drop(self, name: str, *, at_once: bool) -> None:
        """End a script, and let go of it: in order, its last handlers called, or at once."""
        lodger = self._lodgers.pop(name, None)
        if lodger is None:
            return
        if lodger.take_back is not None:
            lodger.take_back()
        if at_once:
            lodger.script.kill()
        lodger.task.cancel()
        self._leaving[lodger.task] = name
        lodger.task.add_done_callback(self._left)

    async def forget(self, name: str) -> None:
        """Wait until nothing is left of a script that was dropped, and forget its log and its entities. Raises StoreError."""
        leaving = [task for task, each in self._leaving.items() if each == name]
        if leaving:
            await asyncio.wait(leaving)
        self._logs.pop(name, None)
        self._hub.own_entities.forget(name)
        await self._files.forget(name)

    def restart(self, name: str) -> None:
        """Start a script anew, out of quarantine too."""
        self._lodgers[name].script.restart()

    def life(self, name: str) -> ScriptLife | None:
        """Return how a script runs; None for one that does not live here."""
        lodger = self._lodgers.get(name)
        return None if lodger is None else self._life(lodger.script)

    def settings_changed(self, name: str, settings: Mapping[str, Value], changed: Sequence[str]) -> None:
        """Tell a script its settings, of which these have changed."""
        if (lodger := self._lodgers.get(name)) is not None:
            lodger.script.settings_changed(settings)
            lodger.script.take(setting(settings, changed))

    def state_changed(self, name: str, absent: Sequence[str]) -> None:
        """Tell a script that others have taken these keys of its state away."""
        self.state_written(None, name, {}, absent)

    def state_written(self, asker: object, name: str, values: Mapping[str, Any], absent: Sequence[str]) -> None:
        """Tell a script what has changed of its state, but for that of its workers which has changed it itself."""
        if (lodger := self._lodgers.get(name)) is not None:
            lodger.script.state_changed(asker, values, absent)

    def commanded(self, asked: EntityCommand) -> None:
        """Tell a script that somebody has commanded its own entity."""
        if (lodger := self._lodgers.get(asked.owner)) is not None:
            lodger.script.take(command(asked.key, asked.value, at_s=self._clock.monotonic()))

    def log(self, name: str) -> ScriptLog | None:
        """Return a script's log; None where there is none."""
        return self._logs.get(name)

    def note(self, name: str, text: str) -> None:
        """Write a warning to a script's log."""
        if (log := self._logs.get(name)) is not None:
            log.note("warning", text)

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        """Have this called with each new line of every script; what is returned ends that."""
        key = object()
        self._listeners[key] = heard

        def end() -> None:
            self._listeners.pop(key, None)

        return end

    def fares_otherwise(self, name: str) -> None:
        """Tell others that a script fares otherwise: who looks after it, and who sees its entities."""
        lodger = self._lodgers.get(name)
        if lodger is None:
            return
        self._hub.scripts.changed(name)
        self._hub.own_entities.available(name, is_available=lodger.script.current is not None)
        reason = lodger.script.course.quarantine
        if reason and lodger.take_back is None:
            notice = Notice(
                id=f"{NoticeKind.SCRIPT_FAILED}:{name}",
                kind=NoticeKind.SCRIPT_FAILED,
                since=self._clock.now(),
                text=f"the script {name} is started no more",
                hint=f"{reason}; `vms-bridge script logs {name}` shows its log",
            )
            with suppress(TooManyRequests):
                lodger.take_back = self._hub.tell_notice(notice)
        elif not reason and lodger.take_back is not None:
            lodger.take_back()
            lodger.take_back = None

    async def close(self) -> None:
        """End all of them, and wait for that."""
        for name in list(self._lodgers):
            self.drop(name, at_once=False)
        if self._leaving:
            await asyncio.wait(list(self._leaving))

    async def _live(self, script: Script) -> None:
        """Have a script live, and again whenever a defect of ours has ended that."""
        while True:
            await self._boundary.attempt(script.name, script.run, grace_s=_RETRY_S)
            await self._clock.sleep(_RETRY_S)

    def _left(self, task: asyncio.Task[None]) -> None:
        """Take note that a script has gone; another one of its name may live here already."""
        name = self._leaving.pop(task)
        if name not in self._lodgers:
            self._hub.own_entities.available(name, is_available=False)
        self._hub.scripts.changed(name)

    def _log(self, name: str) -> ScriptLog:
        if name not in self._logs:
            self._logs[name] = ScriptLog(name, self._clock, self._keep)
            spare = [each for each in self._logs if each not in self._lodgers and each != name]
            for gone in spare[: max(0, len(self._logs) - _MOST_LOGS)]:
                del self._logs[gone]
        return self._logs[name]

    def _keep(self, name: str, entry: LogEntry) -> None:
        self._files.put(name, entry)
        line = line_of(name, entry)
        for heard in list(self._listeners.values()):
            heard(line)

    def _life(self, script: Script) -> ScriptLife:
        course, counts, current = script.course, script.counts, script.current
        step = course.step(self._clock.monotonic())
        waits_s = step.seconds if course.state is ScriptStatus.RESTARTING and isinstance(step, Wait) else None
        used = None if current is None else self._tools.resources.used(current.worker)
        is_wrong = course.state in {ScriptStatus.BROKEN, ScriptStatus.QUARANTINED, ScriptStatus.RESTARTING}
        stays = "; the version before it stays at work" if course.state is ScriptStatus.BROKEN and current is not None else ""
        return ScriptLife(
            status=course.state,
            since=script.since,
            reason=f"{course.quarantine or script.why}{stays}" if is_wrong else "",
            hint=script.remedy if is_wrong else "",
            level="" if current is None else current.level.level,
            sha256="" if current is None else current.version.source.sha256,
            trouble=script.trouble,
            counts=ScriptCounts(
                calls=counts.called,
                failures=counts.failed,
                dropped=script.dropped,
                asks=counts.asked,
                refused=counts.refused,
                starts=script.starts,
                crashes=course.crashes,
                lines_dropped=script.log.dropped,
            ),
            queued=0 if script.inbox is None else len(script.inbox),
            memory_bytes=None if used is None else used.memory_bytes,
            processor=None if current is None else self._tools.resources.share(current.worker),
            next_start=None if waits_s is None else self._clock.now() + timedelta(seconds=waits_s),
        )


class NoHouse:
    """Where no script can be locked in: each of them is refused, for the same reason."""

    def __init__(self, hub: HubView, files: Files, reason: str, hint: str) -> None:
        self._hub, self._files = hub, files
        self._life = ScriptLife(status=ScriptStatus.REFUSED, reason=reason, hint=hint)
        self._names: set[str] = set()

    def take(self, admitted: Admitted) -> None:
        """Remember it."""
        self._names.add(admitted.source.name)

    def drop(self, name: str, *, at_once: bool) -> None:
        """Let go of it."""
        del at_once
        self._names.discard(name)

    async def forget(self, name: str) -> None:
        """Have nothing to forget but what was written before."""
        self._hub.own_entities.forget(name)
        await self._files.forget(name)

    def restart(self, name: str) -> None:
        """Do nothing: it is as it was."""

    def life(self, name: str) -> ScriptLife | None:
        """Return why it does not run."""
        return self._life if name in self._names else None

    def settings_changed(self, name: str, settings: Mapping[str, Value], changed: Sequence[str]) -> None:
        """Do nothing: nobody is there to be told."""

    def state_changed(self, name: str, absent: Sequence[str]) -> None:
        """Do nothing: the same."""

    def log(self, name: str) -> ScriptLog | None:
        """Return none."""
        del name
        return None

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        """Have nothing to tell."""
        del heard
        return _nothing


def _nothing() -> None:
    """Have nothing to end."""
