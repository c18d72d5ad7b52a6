"""Runs commands: refuses what can't be, executes once, waits until the effect shows, and answers what became of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Protocol

from vms_bridge.commands import NEEDS, Ack, AckResult, Command, Restart, SetAlarm, SetArmed
from vms_bridge.errors import (
    BackendDefect,
    BridgeError,
    CommandRejected,
    CommandTooOld,
    CommandUnverified,
    UnsupportedCommand,
    VmsError,
    in_words,
    system_gone,
)
from vms_bridge.hub.forced_alarms import ForcedAlarms
from vms_bridge.hub.looks import Looks
from vms_bridge.hub.requests import Requests
from vms_bridge.hub.verification import LONG, TIMEOUT_S, Effect, is_already, refusal, value_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.clock import Clock
    from vms_bridge.hub.labels import Interpreter
    from vms_bridge.hub.own_alarms import OwnAlarms
    from vms_bridge.store import Store
    from vms_bridge.views import HubView, MonitorKey, MonitorView, SystemView

_LOGGER = logging.getLogger(__name__)
_PROGRESS_S = 5.0
_SOON_S, _LATER_S = (0.1, 0.2, 0.4), (0.8, 1.6, 3.2, 5.0)
"""The pauses between looks."""
_SHOWS_S = 0.2
"""A VMS needs a frame or two to end an alarm: who looks before that has to look again."""
_AT_ONCE = 8
"""How many commands a system has to bear at a time: enough to fill its connections while some only wait for their effects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each action may take, by its type, and the wait for a turn: hundreds of cameras need two minutes."""

    action_s: Mapping[type, float] = field(default_factory=lambda: TIMEOUT_S)
    patience_s: float = 120.0
    """What comes later surprises."""


class ModeMemory(Protocol):
    """Where the modes of disarmed monitors are kept."""

    def remembered_modes(self, system: str, key: str) -> Mapping[str, str] | None:
        """Return what was kept, or None."""

    async def remember_modes(self, system: str, key: str, modes: Mapping[str, str]) -> None:
        """Keep these, before anything is changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What a command works on, looked up anew at each use since views are snapshots."""

    hub: HubView
    command: Command

    @property
    def system(self) -> SystemView:
        """Raises CommandRejected where there is none any more."""
        system = self.hub.systems.get(self.command.system)
        if system is None:
            raise system_gone(self.command.system)
        return system

    @property
    def monitor(self) -> MonitorView | None:
        """None for a command to the whole system. Raises CommandRejected where there is none any more."""
        if self.command.monitor is None:
            return None
        monitor = self.hub.monitor(self.command.system, self.command.monitor)
        if monitor is None:
            raise self._gone()
        return monitor

    @property
    def monitor_id(self) -> str | None:
        monitor = self.monitor
        return monitor.monitor.id if monitor else None

    def _gone(self) -> CommandRejected:
        if self.command.system not in self.hub.systems:
            return system_gone(self.command.system)
        return CommandRejected(
            f"system {self.command.system!r} has no monitor {self.command.monitor!r} any more",
            hint="the VMS or the configuration has changed meanwhile",
        )


class CommandRunner:
    """One at a time for each target, a few at a time for each system; a repeated request is answered from memory."""

    def __init__(
        self,
        hub: HubView,
        clock: Clock,
        *,
        backend_of: Callable[[str], Interpreter],
        memory: ModeMemory,
        store: Store,
        limits: Limits | None = None,
        on_forced: Callable[[MonitorKey], None] = lambda _key: None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._backend_of = backend_of
        self._memory = memory
        limits = limits or Limits()
        self._timeouts, self._patience_s = limits.action_s, limits.patience_s
        self._requests = Requests(clock, self._answer)
        self._locks: dict[tuple[str, str | None], asyncio.Lock] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._looks = Looks(clock, backend_of)
        self._forced = ForcedAlarms(clock, store, self._end_forced, on_forced)

    @property
    def own_alarms(self) -> OwnAlarms:
        """The alarms that were forced here."""
        return self._forced.own

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run a command to its verified end; the same request within ten minutes runs nothing twice."""
        try:
            return await self._requests.submit(command, progress)
        except CommandRejected as error:
            return self._ack(command, AckResult.REFUSED, error)

    async def run(self) -> None:
        """End forced alarms in time, until cancelled."""
        await self._forced.run()

    async def end_forced_alarms(self, system: str | None = None) -> None:
        """Cancel the alarms that are forced for a time (None: of all systems), before it: nobody would end them later."""
        await self._forced.end_all(system)

    async def close(self) -> None:
        """Abandon commands under way."""
        await self._requests.close()

    async def _answer(
        self,
        command: Command,
        progress: Callable[[Ack], None] | None = None,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Ack:
        """Turn whatever happens to the command into an ack: the boundary at which its errors end."""
        try:
            result = await self._run(command, progress, is_wanted)
        except (UnsupportedCommand, CommandRejected) as error:
            return self._ack(command, AckResult.REFUSED, error)
        except CommandUnverified as error:
            return self._ack(command, AckResult.TIMEOUT, error)
        except BridgeError as error:
            if command.system not in self._hub.systems:
                return self._ack(command, AckResult.REFUSED, system_gone(command.system))
            return self._ack(command, AckResult.FAILED, error)
        except Exception as error:
            _LOGGER.exception("command %s for %s/%s failed in an unforeseen way", command.name, command.system, command.monitor)
            return self._ack(command, AckResult.FAILED, BackendDefect(type(error).__name__))
        return Ack(command=command, result=result, time=self._clock.now(), applied=value_of(command.action))

    def _ack(self, command: Command, result: AckResult, error: BridgeError) -> Ack:
        # A defect's own words are for the log: they may hold anything.
        hint = f"internal error: {error.kind}" if isinstance(error, BackendDefect) else in_words(error)
        return Ack(command=command, result=result, time=self._clock.now(), code=error.code, hint=hint)

    async def _run(self, command: Command, progress: Callable[[Ack], None] | None, is_wanted: Callable[[], bool]) -> AckResult:
        self._check(command)
        async with self._turn(command):
            if not is_wanted():
                return AckResult.UNCHANGED
            if command.deadline is not None and self._clock.monotonic() >= command.deadline:
                raise CommandTooOld(
                    "nothing was done: it expired before its turn", hint="its sender has set that time; others were before it"
                )
            target = self._check(command)
            limit_s = self._timeouts[type(command.action)]
            try:
                async with self._clock.timeout(limit_s):
                    if await self._is_needless(target):
                        return AckResult.UNCHANGED
                    async with self._reporting(command, progress):
                        await self._execute(target)
            except TimeoutError as error:
                raise CommandUnverified(
                    f"its effect did not show within {limit_s:g} s",
                    hint="it may still come; the state topic tells what is in force",
                ) from error
            return AckResult.APPLIED

    @asynccontextmanager
    async def _turn(self, command: Command) -> AsyncIterator[None]:
        """Wait until nothing else is done to the target, and its system has room for one more. Raises CommandRejected."""
        async with AsyncExitStack() as turn:
            try:
                async with self._clock.timeout(self._patience_s):
                    # In this order, so that what waits for its target leaves the room to others.
                    target = command.system, command.monitor
                    await turn.enter_async_context(self._locks.setdefault(target, asyncio.Lock()))
                    await turn.enter_async_context(self._slots.setdefault(command.system, asyncio.Semaphore(_AT_ONCE)))
            except TimeoutError:
                raise CommandRejected(
                    f"nothing was done: after {self._patience_s:g} s other commands for {command.system!r} are still under way",
                    hint="the system is slow or hangs; try again when it answers",
                ) from None
            yield

    def _check(self, command: Command) -> _Target:
        """Refuse what can't be done, before the backend sees it."""
        system = self._hub.systems.get(command.system)
        if system is None:
            raise CommandRejected(f"there is no system {command.system!r}", hint=f"systems: {', '.join(self._hub.systems)}")
        target = _Target(hub=self._hub, command=command)
        monitor = self._hub.monitor(command.system, command.monitor) if command.monitor is not None else None
        if command.monitor is not None and monitor is None:
            raise CommandRejected(f"system {command.system!r} has no monitor {command.monitor!r}")
        if not system.state.available:
            raise VmsError(f"system {command.system!r} can't be reached now", hint=system.state.detail or "")
        able = monitor.monitor.capabilities if monitor else system.state.capabilities
        if NEEDS[type(command.action)] not in able:
            raise UnsupportedCommand(f"this {'monitor' if monitor else 'system'} does not offer the command {command.name!r}")
        why_not = refusal(command.action, system, monitor)
        if why_not:
            raise CommandRejected(why_not)
        return target

    async def _is_needless(self, target: _Target) -> bool:
        """Look first, for somebody may have changed a mode since it was last seen; say whether all is as it should be."""
        action = target.command.action
        if isinstance(action, SetAlarm | Restart):
            return False  # these do not depend on what was before
        has_looked = await self._looks.at_once(target.command.system, target.monitor_id)
        self._check(target.command)
        return has_looked and is_already(action, target.system, target.monitor)

    async def _execute(self, target: _Target) -> None:
        command = target.command
        action = command.action
        if isinstance(action, SetArmed) and command.monitor and target.monitor:
            if action.on:
                action = replace(action, restore=self._memory.remembered_modes(command.system, command.monitor))
            else:
                await self._memory.remember_modes(command.system, command.monitor, target.monitor.state.modes)
        effect = Effect(action, target.monitor.state if target.monitor else None)
        showed_before = effect.shows(target.system, target.monitor)
        async with self._forcing(command):
            await self._backend_of(command.system).execute(target.monitor_id, action)
        await self._until_seen(target, effect, showed_before=showed_before)
        if isinstance(action, SetAlarm):
            key = command.system, command.monitor or ""
            if action.on:
                self._forced.began(key)
            else:
                await self._forced.ended(key)

    def _forcing(self, command: Command) -> AbstractAsyncContextManager[None]:
        action = command.action
        if isinstance(action, SetAlarm) and action.on:
            return self._forced.forcing((command.system, command.monitor or ""), action.seconds)
        return nullcontext()

    async def _until_seen(self, target: _Target, effect: Effect, *, showed_before: bool) -> None:
        """Wait until the effect shows; what showed before proves nothing until the backend has looked again."""
        news = asyncio.Event()
        has_looked = asyncio.Event()
        subscription = self._hub.subscribe()

        async def listen() -> None:
            while True:
                await subscription.changes()
                news.set()

        async def look() -> None:
            async for has_seen in self._look_again(target, showed_before=showed_before):
                if has_seen:
                    has_looked.set()
                news.set()

        work = [asyncio.create_task(each(), name=f"{each.__name__} for {target.command.name}") for each in (listen, look)]
        for task in work:
            task.add_done_callback(lambda _task: news.set())
        try:
            while not (effect.shows(target.system, target.monitor) and (has_looked.is_set() or not showed_before)):
                for ended in (task for task in work if task.done()):
                    ended.result()  # it does not end by itself
                await news.wait()
                news.clear()
        finally:
            subscription.close()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _look_again(self, target: _Target, *, showed_before: bool) -> AsyncIterator[bool]:
        """Have the backend look, ever more seldom, and tell of each look whether it could."""
        system, action, looks = target.command.system, target.command.action, self._looks
        is_alarm = isinstance(action, SetAlarm)
        if isinstance(action, SetAlarm) and not action.on and not showed_before:
            await self._clock.sleep(_SHOWS_S)
        yield await looks.at_once(system, target.monitor_id)
        for pause_s in _SOON_S:
            await self._clock.sleep(pause_s)
            yield await (looks.if_idle if is_alarm else looks.together)(system, target.monitor_id)
        if is_alarm:  # nobody else's look tells of this alarm, and a VMS may need a second
            yield await looks.at_once(system, target.monitor_id)
        for pause_s in chain(_LATER_S, repeat(_LATER_S[-1])):
            await self._clock.sleep(pause_s)
            yield await (looks.alone if is_alarm else looks.together)(system, target.monitor_id)

    @asynccontextmanager
    async def _reporting(self, command: Command, progress: Callable[[Ack], None] | None) -> AsyncIterator[None]:
        """Tell `running` again and again while a long command is under way."""
        if progress is None or type(command.action) not in LONG:
            yield
            return

        async def report() -> None:
            while True:
                progress(Ack(command=command, result=AckResult.RUNNING, time=self._clock.now()))
                await self._clock.sleep(_PROGRESS_S)

        reporter = asyncio.create_task(report(), name=f"progress of {command.name}")
        try:
            yield
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)

    async def _end_forced(self, key: MonitorKey, is_wanted: Callable[[], bool]) -> Ack:
        system, monitor = key
        command = Command(system=system, monitor=monitor, name="alarm", action=SetAlarm(on=False), origin="timer")
        return await self._answer(command, is_wanted=is_wanted)
