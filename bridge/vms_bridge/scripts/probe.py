"""Finds out whether scripts can be locked in here: by locking a worker in that is given no script."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.errors import NotFound
from vms_bridge.scripts.joints import Users, begin
from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.life.process import Worker
from vms_bridge.scripts.life.values import Cause, Ending, WorkerGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.config import ScriptsConfig
    from vms_bridge.scripts.life.values import Ask, Level
    from vms_bridge.scripts.services.table import Answered

_TRIES = 3


class _Deaf:
    """Hears nothing."""

    def logged(self, level: str, text: str, line: int | None) -> None:
        """Pass it over."""


async def probe(settings: ScriptsConfig, clock: Clock, *, program: Sequence[str] = WORKER) -> Level | Ending:
    """Return behind what scripts run here, or how the worker has ended that was to find out.

    What may only be bad luck, such as a machine that was out of memory for a moment, is tried again.
    """
    for _ in range(_TRIES - 1):
        found = await _probe(settings, clock, program)
        if not isinstance(found, Ending) or found.cause is Cause.REFUSED:
            return found
        await clock.sleep(1.0)
    return await _probe(settings, clock, program)


async def _probe(settings: ScriptsConfig, clock: Clock, program: Sequence[str]) -> Level | Ending:
    worker = None
    try:
        told = begin("probe", settings, Users(settings.uid_base))
        worker = await Worker.start(told, clock, answer=_refuse, listener=_Deaf(), program=program)
        return await worker.level()
    except WorkerGone as gone:
        return gone.ending
    finally:
        if worker is not None:
            with suppress(WorkerGone):
                await worker.close()


async def _refuse(ask: Ask) -> Answered:
    raise NotFound(f"nothing is answered here, {ask.what[:40]!r} neither")
