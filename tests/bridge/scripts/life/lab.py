"""Scripts that live in a test: real workers, a clock that is driven, and triggers that are about everything of their kind."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tests.fakes.clock import FakeClock, settle

from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.life.logs import LogEntry, ScriptLog
from vms_bridge.scripts.life.resources import Resources
from vms_bridge.scripts.life.run import Read, Tools, Version
from vms_bridge.scripts.life.script import Script
from vms_bridge.scripts.life.values import Ask, Begin, Declared, Work
from vms_bridge.scripts.services.table import Answered, Asker
from vms_bridge.scripts.values import Occurrence, Permissions, Source, Trigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripting import ScriptStatus

PATIENCE_S = 15.0
UID = 61_000 if os.getuid() == 0 else None
"""Root has to name a user for a script."""
HEAD = "from vms_bridge.script import log, on\n"


def version(text: str, name: str = "door") -> Version:
    digest = hashlib.sha256(text.encode()).hexdigest()
    source = Source(name=name, path=Path(f"/scripts/{name}.py"), text=text, sha256=digest)
    return Version(id=digest, source=source, permissions=Permissions())


def alarm(number: int = 0, *, is_urgent: bool = True) -> Occurrence:
    what = {"system": "home", "monitor": "gate", "name": "Gate", "now": "alarm", "number": number}
    return Occurrence(kind="alarm", what=what, is_urgent=is_urgent)


class Hearing:
    """Triggers without filters and without time."""

    def __init__(self, triggers: Sequence[Trigger], deliver: Callable[[Trigger, Occurrence], None]) -> None:
        self._triggers, self._deliver = triggers, deliver
        self.is_open = True

    def take(self, occurrence: Occurrence) -> None:
        for trigger in self._triggers:
            if self.is_open and trigger.kind == occurrence.kind:
                self._deliver(trigger, occurrence)

    async def run(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    def close(self) -> None:
        self.is_open = False


class Lab:
    """One script, and what it is run with."""

    def __init__(self, clock: Clock | None = None, *, program: Sequence[str] = WORKER, most_bytes: int = 1024**3) -> None:
        self.fake = FakeClock()
        self.clock: Clock = clock or self.fake
        self.asks: list[Ask] = []
        self.askers: list[Asker] = []
        self.answers: dict[str, Callable[[Ask], Answered]] = {}
        self.state: dict[str, Any] = {}
        self.entries: list[LogEntry] = []
        self.news = asyncio.Event()
        self.resources = Resources(self.clock, share=0.5, most_bytes=most_bytes)
        self.tools = Tools(
            clock=self.clock,
            begin=lambda each: Begin(modules=each.modules, uid=UID),
            work=self._work,
            read=_read,
            declare=lambda _version, _read: None,
            hear=lambda _version, triggers, deliver, _tell: Hearing(triggers, deliver),
            answer=self._answer,
            resources=self.resources,
            turns=asyncio.Semaphore(2),
            on_change=lambda _: self.news.set(),
            program=program,
        )
        self.script = self.make("door")

    def make(self, name: str) -> Script:
        return Script(name, self.tools, ScriptLog(name, self.clock, self._keep))

    async def until(self, happens: Callable[[], bool]) -> None:
        """Wait for something that a worker has to do with, and no time of the clock."""
        async with asyncio.timeout(PATIENCE_S):
            while not happens():
                self.news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.news.wait()
        await settle()

    async def until_state(self, state: ScriptStatus, script: Script | None = None) -> None:
        await self.until(lambda: (script or self.script).course.state is state)

    async def until_logged(self, text: str, times: int = 1) -> None:
        await self.until(lambda: sum(text in entry.text for entry in self.entries) >= times)

    def _keep(self, _: str, entry: LogEntry) -> None:
        self.entries.append(entry)
        self.news.set()

    async def _work(self, each: Version) -> Work:
        source = each.source
        return Work(text=source.text, file=source.path.name, now=1.0, state=dict(self.state))

    async def _answer(self, asker: Asker, ask: Ask) -> Answered:
        self.asks.append(ask)
        self.askers.append(asker)
        self.news.set()
        make = self.answers.get(ask.what)
        return Answered() if make is None else make(ask)


@asynccontextmanager
async def living(lab: Lab, script: Script | None = None) -> AsyncIterator[Script]:
    script = script or lab.script
    task = asyncio.create_task(script.run())
    try:
        yield script
    finally:
        task.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([task])


def _read(_: Version, declared: Declared) -> Read:
    fields = ("id", "kind", "handler", "line", "filters", "timeout_s", "concurrent")
    return Read(triggers=[Trigger(**{name: said[name] for name in fields if name in said}) for said in declared.triggers])
