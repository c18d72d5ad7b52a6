"""How the parts that run scripts are joined: what a worker is started with, what it hears, and who answers what it asks for."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.commands import AckResult
from vms_bridge.errors import TooManyRequests
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.scripts.config import UIDS, SandboxKind
from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.life.run import Read, Tools
from vms_bridge.scripts.life.values import Begin, Sandbox, Work
from vms_bridge.scripts.permissions import hears
from vms_bridge.scripts.services import frames
from vms_bridge.scripts.services.entities import read_entities
from vms_bridge.scripts.services.exports import Exports
from vms_bridge.scripts.services.http import HttpService
from vms_bridge.scripts.services.http_client import HttpClient
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.secrets import ScriptSecret, ScriptSecrets
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.services.together import Parts, rows_of
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import REMIND_S, Effects
from vms_bridge.scripts.triggers.feed import Feed
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.triggers.spec import read_triggers
from vms_bridge.scripts.triggers.triggers import ScriptTriggers
from vms_bridge.scripts.urls import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.admitted import Beginning
    from vms_bridge.scripts.config import ScriptsConfig
    from vms_bridge.scripts.last_runs import KeptRuns
    from vms_bridge.scripts.life.inbox import Hears
    from vms_bridge.scripts.life.resources import Resources
    from vms_bridge.scripts.life.run import Version
    from vms_bridge.scripts.life.values import Ask, Declared
    from vms_bridge.scripts.services.state import Written
    from vms_bridge.scripts.services.table import Answered, Asker
    from vms_bridge.scripts.store import ScriptStore
    from vms_bridge.scripts.values import Occurrence, Permissions, Trigger
    from vms_bridge.views import HubView, MonitorKey

_MB = 1024 * 1024
_STARTING = 4
"""How many workers start at a time: more of them would only make each other slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What scripts are run in: made once for each run of the sink."""

    hub: HubView
    clock: Clock
    settings: ScriptsConfig
    folder: Path
    """Where the sink keeps what lasts."""
    resources: Resources
    tell: Callable[[str, str], None]
    """Writes a warning to the log of a script."""
    on_change: Callable[[str], None]
    beginning: Callable[[str], Awaitable[Beginning]]
    """Return what a worker of this script is given. Raises StoreError."""
    store: ScriptStore
    written: Written
    """Is told what a script has had kept."""
    program: Sequence[str] = WORKER
    """What is started for a script."""


class Joints:
    """The joined parts: `tools` is what scripts are run with; `feed`, `frames` and `media` are to `run` in tasks of their own."""

    def __init__(self, around: Surroundings) -> None:
        clock, hub, settings = around.clock, around.hub, around.settings
        self._around = around
        location = settings.location
        self._site = Site(
            time_zone=settings.time_zone, location=None if location is None else (location.latitude, location.longitude)
        )
        self._effects = Effects(clock, self._tell_loop)
        self._dispatcher = Dispatcher(hub, clock, self._effects)
        self.feed = Feed(hub, clock, self._dispatcher)
        self.frames = frames.Frames(hub, clock)
        self.media = Media(clock, around.folder / "media")
        self._services = Services(rows_of(self._parts()), clock)
        self._users = Users(settings.uid_base)
        self._runs: dict[str, KeptRuns] = {}
        self.tools = Tools(
            clock=clock,
            begin=lambda version: begin(version.source.name, settings, self._users, version.modules),
            work=self._work,
            read=self._read,
            declare=self._declare,
            hear=self._hear,
            answer=self._answer,
            resources=around.resources,
            turns=asyncio.Semaphore(_STARTING),
            on_change=around.on_change,
            program=around.program,
        )

    async def _work(self, version: Version) -> Work:
        name = version.source.name
        given = await self._around.beginning(name)
        self._runs[name] = given.runs
        return Work(
            text=version.source.text,
            file=version.source.path.name,
            now=self._around.clock.now().timestamp(),
            settings=given.settings,
            state=given.state,
        )

    def _read(self, version: Version, declared: Declared) -> Read:
        return Read(
            triggers=read_triggers(list(declared.triggers), version.permissions, self._site),
            entities=read_entities(declared.entities, version.permissions),
        )

    def _declare(self, version: Version, read: Read) -> None:
        self._around.hub.own_entities.declare(version.source.name, read.entities)

    def _hear(
        self,
        version: Version,
        triggers: Sequence[Trigger],
        deliver: Callable[[Trigger, Occurrence], None],
        tell: Callable[[str], None],
    ) -> Hears:
        name = version.source.name
        heard = ScriptTriggers(
            triggers,
            self._around.clock,
            deliver,
            sees=lambda about: self._hears(version.permissions, about),
            site=self._site,
            last_runs=self._runs.get(name),
            tell=tell,
        )
        return self._dispatcher.join(name, heard, version.permissions)

    def _hears(self, permissions: Permissions, about: MonitorKey) -> bool:
        return hears(permissions, about, self._monitors_of)

    def _monitors_of(self, system: str) -> Collection[str]:
        view = self._around.hub.system(system)
        return () if view is None else view.monitors

    async def _answer(self, asker: Asker, ask: Ask) -> Answered:
        answered = await self._services.answer(asker, ask.what, ask.words, ask.data)
        if answered.words.get("result") != AckResult.UNCHANGED:
            self._effects.did(asker.name, ask.what, ask.words)
        return answered

    def _tell_loop(self, script: str, text: str) -> None:
        """Have a script's author know that it is part of a loop, and whoever looks after the bridge."""
        self._around.tell(script, text)
        kind = NoticeKind.SCRIPT_FAILED
        notice = Notice(
            id=f"{kind}:{script}:loop",
            kind=kind,
            since=self._around.clock.now(),
            text=f"the script {script} is in a loop: {text}",
            hint="have it do nothing for what it, or the other script, has brought about",
        )
        with suppress(TooManyRequests):
            self._around.hub.tell_notice(notice, REMIND_S)

    def _parts(self) -> Parts:
        around = self._around
        clock, settings, media = around.clock, around.settings, self.media
        secrets = ScriptSecrets(
            {
                name: ScriptSecret(secret.value.get_secret_value(), tuple(parse_pattern(each) for each in secret.urls))
                for name, secret in settings.secrets.items()
            }
        )
        return Parts(
            hub=around.hub,
            clock=clock,
            site=self._site,
            dispatcher=self._dispatcher,
            media=media,
            frames=self.frames,
            exports=Exports(settings.export_folder),
            http=HttpService(
                client=HttpClient(), secrets=secrets, clock=clock, uploads=media, local_hosts=frozenset(settings.local_hosts)
            ),
            store=around.store,
            written=around.written,
            hears=self._hears,
            tell=around.tell,
        )


class Users:
    """Which user each script is where the bridge is run by root: one of its own, the same for as long as the bridge runs."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._numbers: dict[str, int] = {}

    def of(self, script: str) -> int | None:
        """Return the id of a script's user; None where the bridge can't give it one."""
        if os.geteuid() != 0:
            return None
        number = self._numbers.setdefault(script, len(self._numbers))
        return self._first + number % UIDS


def begin(script: str, settings: ScriptsConfig, users: Users, modules: Sequence[str] = ()) -> Begin:
    """Return how a worker for this script begins."""
    return Begin(
        sandbox=Sandbox.PROCESS if settings.sandbox is SandboxKind.PROCESS else Sandbox.REQUIRED,
        memory_bytes=settings.memory_mb * _MB,
        uid=users.of(script),
        modules=modules,
        time_zone=settings.time_zone,
    )
