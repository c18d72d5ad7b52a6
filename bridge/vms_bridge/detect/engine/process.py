"""One worker, from its start to its end: what it is asked, what it answers, and how it has ended. Used once."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol, Self

from vms_bridge.children import ChildProcess
from vms_bridge.detect.engine.slots import Slots
from vms_bridge.detect.engine.wire import (
    HEADER,
    MOST_BYTES,
    Asked,
    Drawing,
    Hello,
    Inference,
    Job,
    Loaded,
    Loading,
    Moved,
    Ready,
    Refusal,
    Stage,
    Trouble,
    pack,
    read_said,
)
from vms_bridge.detect.values import Pixels
from vms_bridge.errors import EngineGone, PictureRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.detect.engine.wire import Answer, Said
    from vms_bridge.detect.values import Picture

WORKER = (sys.executable, "-P", "-m", "vms_bridge.detect.worker.main")
WHAT = "the process that looks at pictures"
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HOME": "/nonexistent"}
"""Threads that libraries start by themselves take what is not needed; and some look for a home when they are loaded."""


class Listener(Protocol):
    """Who wants to know how a worker begins."""

    def told(self, said: Hello | Loading | Loaded | Trouble | Ready, /) -> None:
        """Hear of it."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request that is with the worker."""

    slot: int
    used: int
    model: str
    since_s: float
    answer: asyncio.Future[tuple[Answer, bytes]]


class WorkerProcess:
    """A worker; `close` it, however it has ended."""

    def __init__(self, process: ChildProcess, slots: Slots, clock: Clock) -> None:
        self._process, self._slots, self._clock = process, slots, clock
        self._free = list(range(slots.count))
        self._turns = asyncio.Semaphore(slots.count)
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._gone: str | None = None
        self.loading = ""
        """The model that it loads now."""

    @classmethod
    async def start(
        cls,
        models: Mapping[str, Mapping[str, object]],
        runtime: Mapping[str, object],
        clock: Clock,
        *,
        program: Sequence[str] = WORKER,
    ) -> Self:
        """Start one and tell it what to load. Raises EngineGone."""
        slots = None
        try:
            slots = Slots.make()
            process = await ChildProcess.start(program, WHAT, clock, environment=_ENVIRONMENT, files=(slots.file,))
        except OSError as error:
            if slots is not None:
                slots.close()
            raise EngineGone(f"no process to look at pictures could be started: {error.strerror}") from None
        except BaseException:
            if slots is not None:
                slots.close()
            raise
        worker = cls(process, slots, clock)
        job = Job(models=models, runtime=runtime, memory=slots.file, slots=slots.count, slot_bytes=slots.slot_bytes)
        try:
            await process.feed(pack(job))
        except BaseException:
            await worker.close()
            raise
        return worker

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def oldest_s(self) -> float:
        """For how long the oldest request has been with it."""
        if not self._pending:
            return 0.0
        return self._clock.monotonic() - min(pending.since_s for pending in self._pending.values())

    @property
    def at_work(self) -> set[str]:
        """Return the models that it is loading, or infers with, as far as it says."""
        inferring = {
            pending.model
            for pending in self._pending.values()
            if pending.model and self._slots.stage(pending.slot) is Stage.INFERRING
        }
        return {self.loading} if self.loading else inferring

    async def ask(self, picture: Picture, **words: object) -> tuple[Answer, bytes]:
        """Ask it something (the fields of `Asked`); returns the answer, and the JPEG of a `Drawing`.

        Waits for its turn. Who stops to wait has no effect on what the worker does. Raises EngineGone and PictureRefused.
        """
        data = picture.rgb if isinstance(picture, Pixels) else picture
        self._check(picture, data)
        if isinstance(picture, Pixels):
            words |= {"width": picture.width, "height": picture.height}
        # Before it takes a slot, which nobody would give back.
        asked = Asked.model_validate({"id": next(self._numbers), "slot": 0, "size": len(data), **words})
        await self._turns.acquire()
        if self._gone is not None:
            self._turns.release()
            raise EngineGone(self._gone)
        slot = self._free.pop()
        used = self._slots.write(slot, data)
        self._slots.mark(slot, Stage.WAITING)
        asked = asked.model_copy(update={"slot": slot})
        future: asyncio.Future[tuple[Answer, bytes]] = asyncio.get_running_loop().create_future()
        self._pending[asked.id] = _Pending(slot, used, asked.model, self._clock.monotonic(), future)
        await self._process.feed(pack(asked))
        return await future

    async def listen(self, listener: Listener) -> NoReturn:
        """Take in what it says, until its end. Raises EngineGone then, which says why."""
        try:
            while (said := await self._said()) is not None:
                self._take(said, listener)
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            why = f"{WHAT} has ended" if code == 0 else self._process.how()
        else:
            await self._process.end(signal.SIGKILL)
            why = f"{WHAT} said what makes no sense"
        raise EngineGone(why)

    async def close(self, why: str = f"{WHAT} has ended") -> None:
        """End it, if it has not ended, and let go of all of it; requests end with EngineGone. Who listens has stopped before."""
        self._gone = why
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(EngineGone(why))
            self._turns.release()
        self._pending.clear()
        try:
            await self._process.close()
        finally:
            self._slots.close()

    def _check(self, picture: Picture, data: bytes) -> None:
        if not data:
            raise PictureRefused("the picture is empty")
        if len(data) > self._slots.slot_bytes:
            raise PictureRefused(
                f"the picture has {len(data):,} bytes, and at most {self._slots.slot_bytes:,} are looked at",
                hint="have the camera or the VMS give smaller pictures",
            )
        if isinstance(picture, Pixels) and (
            min(picture.width, picture.height) < 1 or len(data) != picture.width * picture.height * 3
        ):
            raise PictureRefused(f"a picture of {picture.width} x {picture.height} pixels has not {len(data):,} bytes")

    async def _said(self) -> Said | None:
        """Return what it says next, None for what makes no sense. Raises IncompleteReadError at the end."""
        output = self._process.output
        (length,) = HEADER.unpack(await output.readexactly(HEADER.size))
        if length > MOST_BYTES:
            return None
        return read_said(await output.readexactly(length))

    def _take(self, said: Said, listener: Listener) -> None:
        if isinstance(said, Inference | Moved | Drawing | Refusal):
            self._answered(said)
            return
        self.loading = said.model if isinstance(said, Loading) else ""
        listener.told(said)

    def _answered(self, answer: Answer) -> None:
        pending = self._pending.pop(answer.id, None)
        if pending is None:  # nothing of ours: it gets nothing by it
            return
        size = answer.size if isinstance(answer, Drawing) else 0
        if not pending.answer.done():
            try:
                drawn = self._slots.read(pending.slot, size)
            except ValueError:
                pending.answer.set_exception(EngineGone(f"{WHAT} said what makes no sense"))
            else:
                pending.answer.set_result((answer, drawn))
        self._slots.clear(pending.slot, max(pending.used, min(size, self._slots.slot_bytes)))
        self._free.append(pending.slot)
        self._turns.release()
