"""The made-up bridge of a trial: the bridge's own parts, in a world that is made up, and by a time that jumps."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vms_bridge.commands import AckResult
from vms_bridge.scripts.permissions import hears
from vms_bridge.scripts.services.entities import read_entities
from vms_bridge.scripts.services.exports import ExportLimits, Exports
from vms_bridge.scripts.services.frames import Frames
from vms_bridge.scripts.services.http import HttpService
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.secrets import ScriptSecret, ScriptSecrets
from vms_bridge.scripts.services.table import Answered, Services
from vms_bridge.scripts.services.together import Parts, rows_of
from vms_bridge.scripts.store import STORE_NAME, ScriptStore
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.occurrences import MEASURED, told
from vms_bridge.scripts.triggers.spec import read_triggers
from vms_bridge.scripts.triggers.triggers import ScriptTriggers
from vms_bridge.scripts.trying.outside import Servers
from vms_bridge.scripts.trying.transcript import EntryKind
from vms_bridge.scripts.trying.world import World
from vms_bridge.scripts.urls import parse_pattern
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.values import Ask, Declared
    from vms_bridge.scripts.services.media import Medium
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.trying.answers import Answers
    from vms_bridge.scripts.trying.running import Running
    from vms_bridge.scripts.values import Occurrence, Permissions, Trigger
    from vms_bridge.views import HubView, MonitorKey

_SECRET = "made up"  # noqa: S105 - it is what a trial has in the place of each secret
_EXPORTS = "exports"
_A_MOMENT_S = 0.001
"""So much later a time is over for certain, however it was reckoned."""


class MadeUpBridge:
    """What a trial's script has to do with. `open` it before anything is asked of it."""

    def __init__(self, answers: Answers, clock: Clock, site: Site, running: Running) -> None:
        self.world = World(answers, clock)
        self._answers, self._clock, self._site, self._running = answers, clock, site, running
        # What services ask of a hub is there; anything else fails, by name, in the trial that is the first to ask for it.
        self._hub = cast("HubView", self.world)
        self._effects = Effects(clock, self._tell)
        self._dispatcher = Dispatcher(self._hub, clock, self._effects)
        self._frames = Frames(self._hub, clock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._services: Services
        self._store: ScriptStore

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have it keep what it has to in a folder that is gone afterwards."""
        folder = await in_thread("trial: folder", _made_folder)
        self._store = ScriptStore(folder / STORE_NAME, self._clock)
        try:
            for key, value in self._answers.state.items():
                await self._store.set_state(self._running.name, key, value)
            self._services = Services(rows_of(self._parts(folder)), self._clock)
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._store.close()
            await in_thread("trial: folder", lambda: shutil.rmtree(folder, ignore_errors=True))

    @asynccontextmanager
    async def called(self, declared: Declared) -> AsyncIterator[tuple[Trigger, ...]]:
        """Have what happens call the handlers that the script declares. Raises BridgeError for what it may not declare."""
        running, permissions = self._running, self._running.permissions
        triggers = read_triggers(list(declared.triggers), permissions, self._site)
        self.world.own_entities.declare(running.name, read_entities(declared.entities, permissions))
        self.world.own_entities.available(running.name, is_available=True)
        heard = ScriptTriggers(
            triggers,
            self._clock,
            running.deliver,
            sees=lambda about: self._hears(permissions, about),
            site=self._site,
            tell=lambda text: running.logged("warning", text, None),
        )
        joined = self._dispatcher.join(running.name, heard, permissions)
        timing = asyncio.create_task(joined.run(), name="trial: triggers")
        try:
            yield triggers
        finally:
            joined.close()
            timing.cancel()
            with suppress(asyncio.CancelledError):
                await timing

    def take(self, occurrence: Occurrence) -> None:
        """Let it have happened, and note that it has."""
        words = {"what": told(occurrence), **({} if self._is_wanted(occurrence) else {"wanted": False})}
        self._running.note(EntryKind.HAPPENED, occurrence.kind, words)
        self.begin(occurrence)

    def begin(self, occurrence: Occurrence) -> None:
        """Let it have happened."""
        self.world.take(occurrence)
        if occurrence.kind == "mqtt":
            what = occurrence.what
            self.world.broker.says(str(what.get("topic")), occurrence.data, is_retained=bool(what.get("retain")))
        else:
            self._dispatcher.take(occurrence)

    async def answer(self, asker: Asker, ask: Ask) -> Answered:
        """Answer the script. Raises BridgeError."""
        if ask.what == "frames.open" and not any(task.get_name() == "trial: frames" for task in self._tasks):
            self._begin(self._frames.run(), "trial: frames")
        answered = await self._services.answer(asker, ask.what, ask.words, ask.data)
        if answered.words.get("result") != AckResult.UNCHANGED:
            self._effects.did(asker.name, ask.what, ask.words)
        if ask.what == "state.set" and ask.words.get("ttl_s") is not None:
            self._begin(self._fade(ask.words["ttl_s"]), "trial: state")
        return answered

    def _is_wanted(self, occurrence: Occurrence) -> bool:
        """Say whether a handler is for such things, or waits for one; who sends a message means somebody in any case."""
        field = occurrence.what.get("field")
        if field in MEASURED and field not in self._dispatcher.fields:
            return False
        return occurrence.kind in {"mqtt", "webhook"} or self._dispatcher.wants(occurrence.kind)

    def _begin(self, work: Any, name: str) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fade(self, seconds: float) -> None:
        """Have the script forget what it wanted to be kept for so long."""
        await self._clock.sleep(seconds + _A_MOMENT_S)
        with self._running.at_work():
            absent = [key for _, key in await self._store.expire()]
        if absent:
            self._running.tell({"state": {}, "absent": absent})

    def _parts(self, folder: Path) -> Parts:
        media = Media(self._clock, folder / "media")
        http = HttpService(
            client=Servers(self._answers), secrets=_secrets(self._running.permissions), clock=self._clock, uploads=media
        )
        return Parts(
            hub=self._hub,
            clock=self._clock,
            site=self._site,
            dispatcher=self._dispatcher,
            media=media,
            frames=self._frames,
            exports=_Exports(folder),
            http=http,
            store=self._store,
            written=lambda *_: None,
            hears=self._hears,
            tell=self._tell,
        )

    def _hears(self, permissions: Permissions, about: MonitorKey) -> bool:
        return hears(permissions, about, lambda system: self.world.systems[system].monitors if self.world.system(system) else ())

    def _tell(self, _script: str, text: str) -> None:
        self._running.logged("warning", text, None)


class _Exports:
    """Implements `services.handles.Exporting`: what is written is gone after the trial."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exports = Exports(folder / _EXPORTS, ExportLimits(free_bytes=0))

    async def write(self, medium: Medium, *, folder: str, name: str, overwrite: bool) -> str:
        """Write one, and return where it is. Raises BodyInvalid, ExportRefused, NoRoom."""
        path = await self._exports.write(medium, folder=folder, name=name, overwrite=overwrite)
        return str(Path(path).relative_to(self._folder))


def _made_folder() -> Path:
    """Make a folder for what a trial keeps. Blocking."""
    folder = Path(tempfile.mkdtemp(prefix="vms-bridge-trial-"))
    (folder / _EXPORTS).mkdir()
    return folder


def _secrets(permissions: Permissions) -> ScriptSecrets:
    """Return all secrets that the header names: which the configuration has, and where for, nobody knows here."""
    patterns = tuple(parse_pattern(each) for each in permissions.http)
    return ScriptSecrets({name: ScriptSecret(_SECRET, patterns) for name in permissions.secrets})
