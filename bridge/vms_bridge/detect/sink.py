"""The sink `detect`: has pictures looked at by models, and adds what is found to what the bridge knows.

It owns the engine, which runs the models in a process of their own, and follows the history by a cursor that it keeps.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.boundary import Boundary
from vms_bridge.detect.asked import Asked
from vms_bridge.detect.cameras import Cameras
from vms_bridge.detect.event_frames import EventFrames
from vms_bridge.detect.lent import Lent
from vms_bridge.detect.live_frames import LiveFrames, Moves
from vms_bridge.detect.looking import Eyes
from vms_bridge.detect.notes import Notes
from vms_bridge.detect.paces import EVERY_S
from vms_bridge.detect.pasts import Pasts
from vms_bridge.detect.pictures import Draws, Pictures
from vms_bridge.detect.progress import Progress
from vms_bridge.detect.rule_events import RuleEvents
from vms_bridge.detect.stages import Infers
from vms_bridge.detect.statistics import EVENT, LIVE, Statistics
from vms_bridge.detect.tools import Tools
from vms_bridge.detect.values import ModelFacts, ModelTrouble
from vms_bridge.detect.watched import watched
from vms_bridge.errors import BridgeError, ContributionRefused, StoreError
from vms_bridge.logs import Trouble
from vms_bridge.messages import decode
from vms_bridge.model import MOTION
from vms_bridge.threads import in_thread
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.contributing import Contributor
    from vms_bridge.detect.config import DetectionSettings
    from vms_bridge.detect.engine import EngineHealth
    from vms_bridge.measures import Reading
    from vms_bridge.views import HubView, MonitorKey

_LOGGER = logging.getLogger(__name__)
NAME, SOURCE = "detect", "detector"
"""Its names as a sink and as a contributor."""
PROGRESS, CHOSEN = "progress", "chosen"
_PAGE = 200
_RETRY_S = 5.0
_SAVE_S = 1.0
_END_S = 2.0


class Runs(Infers, Moves, Draws, Protocol):
    """What runs the models (`engine.Engine`)."""

    async def run(self) -> NoReturn:
        """Be there until cancelled."""

    async def ready(self) -> None:
        """Wait until the models were loaded, or refused. Raises DetectionFailed."""

    @property
    def health(self) -> EngineHealth:
        """How it fares."""

    @property
    def models(self) -> Mapping[str, ModelFacts | ModelTrouble]:
        """What became of each model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What works together for as long as the sink runs."""

    tools: Tools
    engine: Runs
    progress: Progress
    pasts: Pasts
    events: EventFrames
    live: LiveFrames
    rules: RuleEvents
    notes: Notes | None


class Detection:
    """Looks for as long as it runs; `engine` makes what runs the models, `folder` is where it keeps what lasts. Runs once."""

    def __init__(self, settings: DetectionSettings, clock: Clock, *, engine: Callable[[], Runs], folder: Path | None) -> None:
        self._settings, self._clock, self._make, self._folder = settings, clock, engine, folder
        self._boundary = Boundary("detection", clock)
        self._reading = Trouble(_LOGGER, "detection can't read which events there are", clock.monotonic)
        self._more = asyncio.Event()
        self._told_models: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Its name in logs and in the store."""
        return NAME

    async def run(self, hub: HubView) -> None:
        """Look until cancelled. Raises DetectionFailed where models can't be run at all."""
        engine = self._make()
        contributor = hub.contribute(SOURCE)
        try:
            await self._run(await self._parts(hub, contributor, engine))
        finally:
            contributor.close()

    async def _parts(self, hub: HubView, contributor: Contributor, engine: Runs) -> _Parts:
        clock, folder = self._clock, self._folder
        statistics = Statistics(clock.monotonic)
        progress = Progress(await hub.kept(NAME, PROGRESS))
        cameras = Cameras(self._settings, await hub.kept(NAME, CHOSEN))
        past_file = None if folder is None else folder / "past.json"
        pasts = await in_thread("detect: past", lambda: Pasts(past_file, clock))
        pictures = Pictures(None if folder is None else folder / "pictures", clock, draws=engine, contributor=contributor)
        tools = Tools(
            hub=hub,
            clock=clock,
            cameras=cameras,
            looks=Eyes(engine, clock, pasts=pasts, statistics=statistics),
            contributor=contributor,
            pictures=pictures,
            statistics=statistics,
        )
        notes = Notes(hub, clock) if self._settings.write_notes else None
        rules = RuleEvents(contributor, clock, keep_picture=lambda monitor, ref, _: pictures.keep_last(ref, live.last(monitor)))
        events, live = EventFrames(tools, progress, notes), LiveFrames(tools, engine, rules)
        statistics.queued |= {EVENT: lambda: len(events), LIVE: lambda: len(live)}

        async def chosen(monitor: MonitorKey) -> None:
            _offer(tools, engine, (monitor,))
            live.refresh()
            await hub.keep(NAME, CHOSEN, str(cameras))

        contributor.perform(Asked(tools, on_chosen=chosen).perform)
        contributor.draw(pictures.find)
        contributor.look(Lent(engine, self._settings, clock).look)
        return _Parts(
            tools=tools, engine=engine, progress=progress, pasts=pasts, events=events, live=live, notes=notes, rules=rules
        )

    async def _run(self, parts: _Parts) -> None:
        unread = parts.tools.hub.measures.add(lambda: self._readings(parts))
        try:
            async with asyncio.TaskGroup() as group:
                for name, work in (
                    ("engine", parts.engine.run),
                    ("models", lambda: self._tell_models(parts)),
                    ("changes", lambda: self._note(parts)),
                    ("history", lambda: self._follow(parts)),
                    ("events", parts.events.run),
                    ("live pictures", parts.live.run),
                    ("rule events", parts.rules.run),
                    ("pace", lambda: self._tell_pace(parts)),
                    ("keeping", lambda: self._save_on(parts)),
                    *([("notes", parts.notes.run)] if parts.notes is not None else ()),
                ):
                    group.create_task(self._always(name, work), name=f"detect: {name}")
        finally:
            unread()
            with suppress(TimeoutError):
                async with self._clock.timeout(_END_S):
                    await self._save(parts)

    async def _always(self, name: str, work: Callable[[], Awaitable[object]]) -> NoReturn:
        """Do this again whenever it fails, so that a defect in one part leaves the others at work."""
        while True:
            await self._boundary.attempt(name, work)
            await self._clock.sleep(_RETRY_S)

    async def _note(self, parts: _Parts) -> NoReturn:
        """Hear what changes."""
        subscription = parts.tools.hub.subscribe(transitions=True)
        try:
            while True:
                changes = await subscription.changes()
                _offer(parts.tools, parts.engine, changes.described)
                for key in changes.removed:
                    parts.tools.cameras.forget(key)
                    parts.tools.pictures.forget(key)
                parts.live.changed(changes.states | changes.described | changes.removed)
                for transition in changes.transitions:
                    if transition.now in MOTION and transition.before not in MOTION:
                        parts.events.moved(transition.monitor)
                if changes.messages:
                    self._more.set()
        finally:
            subscription.close()

    async def _follow(self, parts: _Parts) -> NoReturn:
        """Hear of events, from where it was left off."""
        hub, progress = parts.tools.hub, parts.progress
        while True:
            try:
                if progress.after is None:
                    progress.heard(await hub.history_end())  # what was before nobody has asked for
                page = await hub.history(progress.after, _PAGE)
            except StoreError as error:
                self._reading.report(error, hint=error.hint)
                await self._clock.sleep(_RETRY_S)
                continue
            self._reading.over()
            for cursor, message in page.messages:
                parts.events.heard(progress.after, decode(message.payload))
                if message.type is MessageType.DELETED:
                    await parts.tools.pictures.discard(message.event)
                progress.heard(cursor)
            progress.heard(page.after)
            if len(page.messages) < _PAGE:
                await self._more.wait()
                self._more.clear()

    async def _save_on(self, parts: _Parts) -> NoReturn:
        while True:
            await self._clock.sleep(_SAVE_S)
            await self._save(parts)

    async def _save(self, parts: _Parts) -> None:
        """Keep how far the events have been looked at, and what was found before, if that has changed."""
        if parts.progress.is_changed():
            await parts.tools.hub.keep(NAME, PROGRESS, str(parts.progress))
        await parts.pasts.save()

    async def _tell_models(self, parts: _Parts) -> NoReturn:
        """Log what became of each model, once, and whenever that changes."""
        while True:
            with suppress(BridgeError):
                await parts.engine.ready()
            models = parts.engine.models
            if any(map(_is_loaded, models.values())):  # what was loaded anew may have been away meanwhile
                hub = parts.tools.hub
                _offer(
                    parts.tools, parts.engine, [(key, each) for key, system in hub.systems.items() for each in system.monitors]
                )
            for name, model in models.items():
                text = _in_words(model)
                if self._told_models.get(name) != text:
                    self._told_models[name] = text
                    _LOGGER.log(logging.INFO if _is_loaded(model) else logging.WARNING, "detection: model %s: %s", name, text)
            await self._clock.sleep(60.0)

    async def _tell_pace(self, parts: _Parts) -> NoReturn:
        """Tell each minute how each monitor is looked at."""
        tools = parts.tools
        while True:
            await self._clock.sleep(EVERY_S)
            views = [view for system in tools.hub.systems.values() for view in system.monitors.values()]
            looked = {looking.key for view in views if (looking := tools.cameras.of(view)) is not None and looking.is_on}
            paces = tools.statistics.paces.read(looked)
            for view in views:
                with suppress(ContributionRefused):
                    tools.contributor.pace((view.system, view.key), paces.get((view.system, view.key)))

    def _readings(self, parts: _Parts) -> Iterator[Reading]:
        yield from parts.tools.statistics.readings(
            parts.engine.health, is_able=any(map(_is_loaded, parts.engine.models.values()))
        )


def _offer(tools: Tools, engine: Runs, monitors: Iterable[MonitorKey]) -> None:
    """Have these monitors shown with what is offered for them, and with what is looked for."""
    for key in monitors:
        view = tools.hub.monitor(*key)
        if view is not None:
            with suppress(ContributionRefused):
                tools.contributor.offer(key, tools.cameras.offer(view))
                tools.contributor.watch(key, watched(tools.cameras.of(view), engine.models))


def _is_loaded(model: ModelFacts | ModelTrouble) -> bool:
    return isinstance(model, ModelFacts)


def _in_words(model: ModelFacts | ModelTrouble) -> str:
    """Return what became of a model, for people."""
    if isinstance(model, ModelTrouble):
        return f"{model.message}: {model.hint}" if model.hint else model.message
    return model.in_words
