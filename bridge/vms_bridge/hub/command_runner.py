"""Runs commands: refuses what can't be, executes once, waits until the effect shows, and answers what became of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from vms_bridge.commands import (
    COMMANDS,
    Ack,
    AckResult,
    Command,
    CommandTable,
    EndAlarm,
    Level,
    MoveCamera,
    Origin,
    SetAlarm,
    SetArmed,
    Target,
    TargetKind,
)
from vms_bridge.commands.ptz import DEFAULT_MOVE_S, completed
from vms_bridge.errors import (
    BackendDefect,
    BridgeError,
    CommandRejected,
    CommandTooOld,
    CommandUnverified,
    UnsupportedCommand,
    VmsError,
    system_gone,
)
from vms_bridge.hub.answered import AnsweredRequests
from vms_bridge.hub.camera_moves import CameraMoves
from vms_bridge.hub.chores import Chore
from vms_bridge.hub.failures import failure
from vms_bridge.hub.forced_alarms import ForcedAlarms
from vms_bridge.hub.live_target import LiveTarget
from vms_bridge.hub.refreshes import Refreshes
from vms_bridge.hub.requests import Requests
from vms_bridge.hub.verification import Verification
from vms_bridge.measures import Histograms
from vms_bridge.ptz import PtzMove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, CommandRow
    from vms_bridge.contributing import Perform
    from vms_bridge.hub.interpreter import Interpreter
    from vms_bridge.hub.own_alarms import OwnAlarms
    from vms_bridge.hub.watched_events import WatchedEvent
    from vms_bridge.store import Store
    from vms_bridge.views import HubView, MonitorKey

_LOGGER = logging.getLogger(__name__)
_PROGRESS_S = 5.0
_AT_ONCE = 8
"""How many commands a system has to bear at a time: enough to fill its connections while some only wait for their effects."""
_OWN = Origin(door="bridge")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRules:
    """Which commands there are, and how long one may wait for its turn: hundreds of cameras need two minutes."""

    table: CommandTable = COMMANDS
    patience_s: float = 120.0
    """What comes later surprises."""


class ModeMemory(Protocol):
    """Where the modes of disarmed monitors are kept."""

    def remembered_modes(self, system: str, key: str) -> Mapping[str, str] | None:
        """Return what was kept, or None."""

    async def remember_modes(self, system: str, key: str, modes: Mapping[str, str]) -> None:
        """Keep these, before anything is changed."""


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
        rules: CommandRules | None = None,
        on_forced: Callable[[MonitorKey], None] = lambda _key: None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._backend_of = backend_of
        self._memory = memory
        rules = rules or CommandRules()
        self._table, self._patience_s = rules.table, rules.patience_s
        answers = AnsweredRequests(store, Chore("keeping answers to commands", clock.monotonic))
        self._requests = Requests(clock, self._answer, answers)
        self._locks: WeakValueDictionary[Target, asyncio.Lock] = WeakValueDictionary()
        """One for each target for which a command is under way."""
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._refreshes = Refreshes(clock, backend_of)
        self._verification = Verification(hub, clock, self._refreshes)
        self._forced = ForcedAlarms(clock, store, self._end_forced, on_forced)
        self._moves = CameraMoves(clock, store, self._stop_camera)
        self.took = Histograms()
        """How long commands took, by the name of their row and by what became of them."""

    @property
    def table(self) -> CommandTable:
        """Which commands there are."""
        return self._table

    @property
    def own_alarms(self) -> OwnAlarms:
        """The alarms that were forced here."""
        return self._forced.own

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run a command to its verified end; the same request within ten minutes runs nothing twice."""
        try:
            return await self._requests.submit(command, progress)
        except CommandRejected as error:
            return failure(command, error, self._clock.now())

    async def run(self) -> None:
        """End forced alarms, and stop cameras, in time, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forced.run(), name="hub: end forced alarms")
            group.create_task(self._moves.run(), name="hub: stop cameras")

    async def end_forced_alarms(self, system: str | None = None) -> None:
        """Cancel alarms that are forced for a time, and stop cameras (None: of all systems): nobody would do so later."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forced.end_all(system))
            group.create_task(self._moves.end_all(system))

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
        """Run the command, and note how long that took."""
        began = self._clock.monotonic()
        ack = await self._outcome(command, progress, is_wanted)
        self.took.observe(self._clock.monotonic() - began, self._table.called(command.action), ack.result)
        return ack

    async def _outcome(self, command: Command, progress: Callable[[Ack], None] | None, is_wanted: Callable[[], bool]) -> Ack:
        """Turn whatever happens to the command into an ack: the boundary at which its errors end."""
        try:
            return await self._run(command, progress, is_wanted)
        except (UnsupportedCommand, CommandRejected, CommandUnverified) as error:
            return failure(command, error, self._clock.now())
        except BridgeError as error:
            is_gone = self._hub.system(command.target.system) is None
            return failure(command, system_gone(command.target.system) if is_gone else error, self._clock.now())
        except Exception as error:
            _LOGGER.exception("command %s for %s failed in an unforeseen way", command.name, command.target)
            return failure(command, BackendDefect(type(error).__name__), self._clock.now())

    async def _run(self, command: Command, progress: Callable[[Ack], None] | None, is_wanted: Callable[[], bool]) -> Ack:
        if command.refusal is not None:
            raise command.refusal
        row = self._admit(command)
        self._check(command, row)
        perform = self._backend_of(command.target.system).performer(row, command.target)
        if perform is not None:
            return await self._performed(command, row, progress, perform)
        async with self._turn(command):
            result = AckResult.UNCHANGED
            if is_wanted():
                result = await self._run_now(command, row, progress)
        applied = None if result is AckResult.ACCEPTED else row.value(command.action)
        return Ack.of(command, result, self._clock.now(), applied=applied)

    async def _performed(
        self, command: Command, row: CommandRow[Any], progress: Callable[[Ack], None] | None, perform: Perform
    ) -> Ack:
        """Have a contributor do it: no VMS bears anything for it, so that it waits for no turn and takes none."""
        try:
            async with self._clock.timeout(row.timeout_s), self._reporting(command, row, progress):
                done = await perform(command.target, command.action)
        except TimeoutError as error:
            raise CommandUnverified(f"it was not done within {row.timeout_s:g} s", hint="try again, or ask for less") from error
        applied = row.value(command.action) if done.applied is None else done.applied
        result = AckResult.APPLIED if done.is_new else AckResult.UNCHANGED
        return Ack.of(command, result, self._clock.now(), applied=applied, detail=done.detail)

    async def _run_now(self, command: Command, row: CommandRow[Any], progress: Callable[[Ack], None] | None) -> AckResult:
        if command.deadline is not None and self._clock.monotonic() >= command.deadline:
            raise CommandTooOld(
                "nothing was done: it expired before its turn", hint="its sender has set that time; others were before it"
            )
        target = self._check(command, row)
        try:
            async with self._clock.timeout(row.timeout_s):
                with self._watching(command, row) as watched:
                    target = replace(target, watched=watched)
                    if row.can_be_so_already and await self._is_so_already(command, row, target):
                        return AckResult.UNCHANGED
                    async with self._reporting(command, row, progress):
                        return await self._execute(command, row, target)
        except TimeoutError as error:
            raise CommandUnverified(
                f"its effect did not show within {row.timeout_s:g} s",
                hint="it may still come; the state topic says what is in force",
            ) from error

    @asynccontextmanager
    async def _turn(self, command: Command) -> AsyncIterator[None]:
        """Wait until nothing else is done to the target, and its system has room for one more. Raises CommandRejected."""
        system = command.target.system
        async with AsyncExitStack() as turn:
            try:
                async with self._clock.timeout(self._patience_s):
                    # In this order, so that what waits for its target leaves the room to others.
                    await turn.enter_async_context(self._locks.setdefault(command.target, asyncio.Lock()))
                    await turn.enter_async_context(self._slots.setdefault(system, asyncio.Semaphore(_AT_ONCE)))
            except TimeoutError:
                raise CommandRejected(
                    f"nothing was done: after {self._patience_s:g} s other commands for {system!r} are still under way",
                    hint="the system is slow or hangs; try again when it answers",
                ) from None
            yield

    def _admit(self, command: Command) -> CommandRow[Any]:
        """Return the command's row. Raises UnsupportedCommand where it has none, CommandForbidden where its origin may not."""
        row = self._table.row_of(command.action)
        command.require(row.level)
        if row.target is not command.target.kind:
            raise UnsupportedCommand(f"{row.name} is for a {row.target}, and not for a {command.target.kind}")
        return row

    def _check(self, command: Command, row: CommandRow[Any]) -> LiveTarget:
        """Refuse what can't be done, before the backend sees it."""
        named = command.target
        system = self._hub.system(named.system)
        if system is None:
            raise CommandRejected(f"there is no system {named.system!r}", hint=f"systems: {', '.join(self._hub.systems)}")
        monitor = self._hub.monitor(named.system, named.monitor) if named.monitor is not None else None
        if named.monitor is not None and monitor is None:
            raise CommandRejected(f"system {named.system!r} has no monitor {named.monitor!r}")
        if named.event is not None:
            self._backend_of(named.system).check_event(named.event)
        if not system.state.available:
            raise VmsError(f"system {named.system!r} can't be reached now", hint=system.state.detail or "")
        able = monitor.monitor.capabilities if monitor else system.state.capabilities
        # Who offers something for a monitor does it for its events too, whose monitor commands do not name.
        is_offered = named.event is not None and self._backend_of(named.system).performer(row, named) is not None
        if row.needs not in able and not is_offered:
            raise UnsupportedCommand(
                f"this {named.kind if monitor else TargetKind.SYSTEM} does not offer the command {command.name!r}"
            )
        why_not = row.refusal(command.action, system.state, monitor.monitor if monitor else None)
        if why_not:
            raise CommandRejected(why_not)
        return LiveTarget(hub=self._hub, named=named)

    async def _is_so_already(self, command: Command, row: CommandRow[Any], target: LiveTarget) -> bool:
        """Refresh first, for somebody may have changed a mode since it was last seen; say whether all is as it should be."""
        if row.effect is None:
            return False
        is_refreshed = await self._refreshes.at_once(command.target.system, target.in_vms)
        self._check(command, row)
        watched = target.watched
        if watched is not None:
            self._check_event(command, watched, is_refreshed=is_refreshed)
        is_so = is_refreshed and row.effect(command.action, None)(target.seen)
        if not is_so and watched is not None and watched.event is not None and watched.event.deleted:
            raise CommandRejected(f"event {command.target} was deleted")
        return is_so

    async def _execute(self, command: Command, row: CommandRow[Any], target: LiveTarget) -> AckResult:
        action = await self._completed(command, target)
        seen = target.seen
        shows = row.effect(action, seen.monitor) if row.effect is not None else None
        showed_before = shows is not None and shows(seen)
        async with self._forcing(command), self._moving(command, action, target):
            await self._backend_of(command.target.system).execute(row, target.in_vms, action)
        if shows is None:
            return AckResult.ACCEPTED
        await self._verification.until_seen(command, row, target, shows, showed_before=showed_before)
        await self._note_alarm(command)
        return AckResult.APPLIED

    async def _completed(self, command: Command, target: LiveTarget) -> Action:
        """Return the action with what is remembered for it: the modes that arming brings back."""
        action, named = command.action, command.target
        if isinstance(action, MoveCamera) and action.move is PtzMove.STOP and not action.stops:
            return replace(action, stops=self._moves.of(_key(command)))
        if not isinstance(action, SetArmed) or named.monitor is None or target.monitor is None:
            return action if target.monitor is None else completed(action, target.monitor.monitor)
        if action.on:
            return replace(action, restore=self._memory.remembered_modes(named.system, named.monitor))
        await self._memory.remember_modes(named.system, named.monitor, target.monitor.state.modes)
        return action

    def _watching(self, command: Command, row: CommandRow[Any]) -> AbstractContextManager[WatchedEvent | None]:
        """Hear what is recorded of the event that the command is about, if its effect shows there."""
        event = command.target.event
        if event is None or row.effect is None:
            return nullcontext()
        return self._backend_of(command.target.system).watch(event)

    def _check_event(self, command: Command, watched: WatchedEvent, *, is_refreshed: bool) -> None:
        """Refuse what is asked of an event that could not be read, or that there is not. Raises CommandRejected or VmsError."""
        target = command.target
        if not is_refreshed:
            raise VmsError(f"event {target} can't be read now", hint="try again when the system answers")
        if target.event is not None:
            self._backend_of(target.system).check_shown(target.event, watched)

    def _forcing(self, command: Command) -> AbstractAsyncContextManager[None]:
        action = command.action
        if isinstance(action, SetAlarm) and action.on:
            return self._forced.forcing(_key(command), action.seconds)
        return nullcontext()

    def _moving(self, command: Command, action: Action, target: LiveTarget) -> AbstractAsyncContextManager[None]:
        able = target.monitor.monitor.ptz if target.monitor else None
        if not isinstance(action, MoveCamera) or able is None:
            return nullcontext()
        if action.move is PtzMove.STOP:
            return self._moves.stopping(_key(command), action.stops)
        if action.move not in able.continuous:
            return nullcontext()
        return self._moves.moving(_key(command), action.move, action.seconds or DEFAULT_MOVE_S)

    async def _note_alarm(self, command: Command) -> None:
        match command.action:
            case SetAlarm(on=True):
                self._forced.began(_key(command))
            case SetAlarm() | EndAlarm():
                await self._forced.ended(_key(command))

    @asynccontextmanager
    async def _reporting(
        self, command: Command, row: CommandRow[Any], progress: Callable[[Ack], None] | None
    ) -> AsyncIterator[None]:
        """Report `running` again and again while a long command is under way."""
        if progress is None or not row.is_long:
            yield
            return

        async def report() -> None:
            while True:
                progress(Ack.of(command, AckResult.RUNNING, self._clock.now()))
                await self._clock.sleep(_PROGRESS_S)

        reporter = asyncio.create_task(report(), name=f"progress of {command.name}")
        try:
            yield
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)

    async def _stop_camera(self, key: MonitorKey, move: PtzMove, is_wanted: Callable[[], bool]) -> Ack:
        action = MoveCamera(move=PtzMove.STOP, stops=(move,))
        target = Target(system=key[0], monitor=key[1])
        command = Command(target=target, name="ptz", action=action, origin=_OWN, level=Level.ADMIN)
        return await self._answer(command, is_wanted=is_wanted)

    async def _end_forced(self, key: MonitorKey, is_wanted: Callable[[], bool]) -> Ack:
        target = Target(system=key[0], monitor=key[1])
        command = Command(target=target, name="alarm", action=SetAlarm(on=False), origin=_OWN, level=Level.ADMIN)
        return await self._answer(command, is_wanted=is_wanted)


def _key(command: Command) -> MonitorKey:
    return command.target.system, command.target.monitor or ""
