"""The sink `scripts`: runs the scripts of a folder that an administrator has approved, each locked into a process of its own."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.backoff import Backoff
from vms_bridge.boundary import Boundary
from vms_bridge.errors import TooManyRequests
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.private_files import make_directory
from vms_bridge.scripts.concerns import Concerns
from vms_bridge.scripts.config import SandboxKind
from vms_bridge.scripts.folder import Folder
from vms_bridge.scripts.house import House, NoHouse
from vms_bridge.scripts.joints import Joints, Surroundings
from vms_bridge.scripts.keeper import Keeper
from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.life.log_files import LogFiles
from vms_bridge.scripts.life.measured import readings
from vms_bridge.scripts.life.resources import Resources
from vms_bridge.scripts.life.values import Ending
from vms_bridge.scripts.probe import probe
from vms_bridge.scripts.store import STORE_NAME, ScriptStore
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.admitted import House as LooksAfter
    from vms_bridge.scripts.config import ScriptsConfig
    from vms_bridge.scripts.life.values import Level
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
NAME = "scripts"
_MB = 1024 * 1024
_RETRY_S = 5.0
_TEND_S = 1.0
"""How often it is looked at which scripts there are, and what people should know."""
_FIRST_OFF_S, _LONGEST_OFF_S = 10.0, 300.0
"""How soon it is tried again whether scripts can be locked in here."""


class ScriptsSink:
    """Runs scripts for as long as it runs; `folder` is where it keeps what lasts, `program` a worker's. Runs once."""

    def __init__(self, settings: ScriptsConfig, clock: Clock, folder: Path, *, program: Sequence[str] = WORKER) -> None:
        self._settings, self._clock, self._folder, self._program = settings, clock, folder, program
        self._boundary = Boundary("scripts", clock)

    @property
    def name(self) -> str:
        """Its name in logs and in the store."""
        return NAME

    async def run(self, hub: HubView) -> None:
        """Run scripts until cancelled. While none can be locked in, say so once and to whoever asks, and run none."""
        await in_thread("scripts: folder", lambda: make_directory(self._folder))
        probed = await probe(self._settings, self._clock, program=self._program)
        off = Backoff(_FIRST_OFF_S, _LONGEST_OFF_S)
        async with AsyncExitStack() as ends:
            store = ScriptStore(self._folder / STORE_NAME, self._clock)
            ends.push_async_callback(store.close)
            while isinstance(probed, Ending):
                probed = await self._stay_off(hub, store, probed, off)
            _LOGGER.info("scripts run behind %s", probed.level)
            if self._settings.sandbox is SandboxKind.PROCESS:
                text, hint = "scripts run without a sandbox, and can do all that their user can", "scripts.sandbox: required"
                _LOGGER.warning("%s: set %s", text, hint)
                self._tell(hub, ends, text, f"set {hint} in the configuration")
            await self._run(hub, store, ends)

    async def _stay_off(self, hub: HubView, store: ScriptStore, why: Ending, off: Backoff) -> Level | Ending:
        """Run none, and say why, until that has changed; returns behind what they can run then, or why not."""
        text, hint = why.in_words, why.hint or "the machine may be very busy, or out of memory: it is tried again by itself"
        _LOGGER.error("scripts are off: %s (%s)", text, hint)
        async with AsyncExitStack() as ends:
            self._tell(hub, ends, f"scripts are off: {text}", hint)
            keeper = self._keeper(hub, store, NoHouse(hub, LogFiles(self._folder / "log", self._clock), text, hint))
            keeping = asyncio.create_task(self._keep(hub, keeper, ends, {}), name="scripts: off")
            try:
                while True:  # a passing fault of a busy machine is none for good
                    await self._clock.sleep(off.failed())
                    probed = await probe(self._settings, self._clock, program=self._program)
                    if not isinstance(probed, Ending) or probed.text != why.text:
                        return probed
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])

    async def _run(self, hub: HubView, store: ScriptStore, ends: AsyncExitStack) -> None:
        """Run scripts behind what has been found to stand."""
        clock, settings = self._clock, self._settings
        files = LogFiles(self._folder / "log", clock)
        resources = Resources(clock, share=settings.processor, most_bytes=settings.memory_total_mb * _MB)
        house = House(hub, clock, files)
        keeper = self._keeper(hub, store, house)
        joints = Joints(
            Surroundings(
                hub=hub,
                clock=clock,
                settings=settings,
                folder=self._folder,
                resources=resources,
                tell=house.note,
                on_change=house.fares_otherwise,
                beginning=lambda name: keeper.beginning(house.admitted(name)),
                store=store,
                written=house.state_written,
                program=self._program,
            )
        )
        house.open(joints.tools)
        ends.push_async_callback(files.write)  # what scripts say at last
        ends.push_async_callback(house.close)
        ends.callback(hub.measures.add(lambda: readings(house.scripts, resources)))
        ends.callback(hub.own_entities.take_commands(house.commanded))
        works = {
            "logs": files.run,
            "shares": resources.run,
            "feed": joints.feed.run,
            "frames": joints.frames.run,
            "media": joints.media.run,
        }
        await self._keep(hub, keeper, ends, works)

    async def _keep(
        self, hub: HubView, keeper: Keeper, ends: AsyncExitStack, works: Mapping[str, Callable[[], Awaitable[object]]]
    ) -> None:
        """Look after the folder, and do this beside it, until cancelled."""
        ends.callback(hub.scripts.serve(keeper))

        concerns = Concerns(hub, self._clock)
        ends.callback(concerns.close)

        async def tend() -> NoReturn:
            while True:
                await self._clock.sleep(_TEND_S)
                if keeper.names is not None:  # before, nobody knows whose entities may be taken away
                    hub.own_entities.settle(keeper.names)
                concerns.be(keeper.concerns)

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(tend(), name="scripts: tending")
                for name, work in {**works, "folder": keeper.run}.items():
                    group.create_task(self._always(name, work), name=f"scripts: {name}")
        finally:
            await keeper.close()

    async def _always(self, name: str, work: Callable[[], Awaitable[object]]) -> NoReturn:
        """Do this again whenever it fails, so that a defect in one part leaves the others at work."""
        while True:
            await self._boundary.attempt(name, work)
            await self._clock.sleep(_RETRY_S)

    def _keeper(self, hub: HubView, store: ScriptStore, house: LooksAfter) -> Keeper:
        settings = self._settings
        return Keeper(
            Folder(settings.folder or self._folder),
            store,
            house,
            self._clock,
            approval=settings.approval,
            reserved=lambda: hub.messaging.reserved,
            modules=settings.modules,
        )

    def _tell(self, hub: HubView, ends: AsyncExitStack, text: str, hint: str) -> None:
        """Have people know of this for as long as the sink runs."""
        kind = NoticeKind.SCRIPT_FAILED
        with suppress(TooManyRequests):
            ends.callback(hub.tell_notice(Notice(id=kind, kind=kind, since=self._clock.now(), text=text, hint=hint)))
