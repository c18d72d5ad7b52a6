"""Cameras that go on moving until they are stopped: the bridge stops them, whoever began it.

Which these are is in the store, so that a bridge that was killed stops them when it is back.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.commands import AckResult
from vms_bridge.errors import CommandRejected, StoreError, UnsupportedCommand
from vms_bridge.logs import Trouble
from vms_bridge.ptz import PtzMove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Ack
    from vms_bridge.store import Store
    from vms_bridge.views import MonitorKey

    Stop = Callable[[MonitorKey, PtzMove, Callable[[], bool]], Awaitable[Ack]]
    _Part = tuple[MonitorKey, str]

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 2.0
_TRIED_FOR_S = 60.0
"""By then a camera that could not be stopped has come to its end, or somebody has looked after it."""
_MOST_KEPT = 500
_SCOPE, _KEY = "hub/cameras", "moving"


@dataclass(slots=True, eq=False)
class _Moving:
    """One part of a camera that goes on until `due`; moving it anew makes another one."""

    move: PtzMove
    due: float
    is_ending: bool = False
    tried_since: float | None = None


class CameraMoves:
    """Keeps the time of each move and has it stopped.

    `stop` waits for the monitor's turn, asks then whether that is still wanted, and answers what became of it. `moving` and
    `stopping` are for whose turn it is.
    """

    def __init__(self, clock: Clock, store: Store, stop: Stop) -> None:
        self._clock, self._store, self._stop = clock, store, stop
        self._moving: dict[_Part, _Moving] = {}
        self._changed = asyncio.Event()
        self._trouble = Trouble(_LOGGER, "cameras that are to stop", clock.monotonic)

    @asynccontextmanager
    async def moving(self, key: MonitorKey, move: PtzMove, seconds: float) -> AsyncIterator[None]:
        """Have the move that is begun within be stopped after that time.

        It is kept before the VMS is asked: whether it obeyed a request that broke off, nobody knows. Only a refusal leaves
        everything as it was.
        """
        part = key, move.part
        before = self._moving.get(part)
        after = _Moving(move, self._clock.monotonic() + seconds)
        await self._set(part, after)
        try:
            yield
        except (CommandRejected, UnsupportedCommand):
            await self._set(part, before)
            raise
        after.due = self._clock.monotonic() + seconds  # it has begun only now
        self._changed.set()

    def of(self, key: MonitorKey) -> tuple[PtzMove, ...]:
        """Return the moves of this camera that may still go on."""
        return tuple(each.move for (monitor, _), each in self._moving.items() if monitor == key)

    @asynccontextmanager
    async def stopping(self, key: MonitorKey, moves: tuple[PtzMove, ...]) -> AsyncIterator[None]:
        """Know these moves to be over when what is done within has not failed; none: whatever goes on there."""
        stopped = [part for part, each in self._moving.items() if part[0] == key and (not moves or each.move in moves)]
        yield
        for part in stopped:
            await self._set(part, None)

    async def run(self) -> None:
        """Stop cameras in time, those of an earlier run included, until cancelled."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            while True:
                now = self._clock.monotonic()
                for part, moving in self._moving.items():
                    if moving.due <= now and not moving.is_ending:
                        # Each by itself: a system that hangs must not hold up the others.
                        moving.is_ending = True
                        group.create_task(self._end_one(part, moving), name=f"stop the camera of {part[0][0]}/{part[0][1]}")
                self._changed.clear()
                next_s = min((each.due - now for each in self._moving.values() if not each.is_ending), default=None)
                with suppress(TimeoutError):
                    async with self._clock.timeout(next_s):
                        await self._changed.wait()

    async def end_all(self, system: str | None = None) -> None:
        """Stop them all, or those of one system, before their time, side by side, for an orderly end."""
        async with asyncio.TaskGroup() as group:
            for part, moving in self._moving.items():
                if system in {None, part[0][0]}:
                    group.create_task(self._end_one(part, moving, is_over=True), name=f"stop the camera of {part[0]}")

    async def _end_one(self, part: _Part, moving: _Moving, *, is_over: bool = False) -> None:
        def is_wanted() -> bool:
            # While this waited for its turn, somebody may have moved the camera anew.
            return self._moving.get(part) is moving and (is_over or moving.due <= self._clock.monotonic())

        try:
            ack = await self._stop(part[0], moving.move, is_wanted)
        finally:
            moving.is_ending = False
            self._changed.set()
        if ack.result is AckResult.UNCHANGED or self._moving.get(part) is not moving:
            return
        if ack.result in {AckResult.ACCEPTED, AckResult.APPLIED}:
            await self._set(part, None)
            if not self._moving:
                self._trouble.over()
            return
        await self._try_again(part, moving, ack)

    async def _try_again(self, part: _Part, moving: _Moving, ack: Ack) -> None:
        (system, monitor), now = part[0], self._clock.monotonic()
        moving.due = now + _RETRY_S
        moving.tried_since = now if moving.tried_since is None else moving.tried_since
        if now - moving.tried_since >= _TRIED_FOR_S:
            _LOGGER.error("%s/%s: its camera could not be stopped, and is given up: %s", system, monitor, ack.hint)
            await self._set(part, None)
            return
        hint = "it is tried again every few seconds; stop it in the VMS meanwhile"
        self._trouble.report(f"{system}/{monitor} could not be stopped yet: {ack.hint}", hint=hint, code=f"{part}")

    async def _remember(self) -> None:
        try:
            kept = await self._store.kept(_SCOPE, _KEY)
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)
            return
        now = self._clock.monotonic()
        for key, move in _from_text(kept):
            # The bridge was not there to stop it in time: now is the time.
            self._moving.setdefault((key, move.part), _Moving(move, now))

    async def _set(self, part: _Part, moving: _Moving | None) -> None:
        if self._moving.get(part) is moving:
            return
        if moving is None:
            del self._moving[part]
        else:
            self._moving[part] = moving
        self._changed.set()
        try:
            await self._store.keep(_SCOPE, _KEY, self._to_text())
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)

    def _to_text(self) -> str | None:
        rows = [(*key, each.move) for (key, _), each in list(self._moving.items())[:_MOST_KEPT]]
        return json.dumps(rows, separators=(",", ":")) if rows else None


def _from_text(text: str | None) -> list[tuple[MonitorKey, PtzMove]]:
    """Read what was kept; nothing where it is not what `_to_text` writes."""
    try:
        return [((str(system), str(monitor)), PtzMove(move)) for system, monitor, move in json.loads(text or "[]")]
    except (ValueError, TypeError):
        return []
