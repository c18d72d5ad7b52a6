"""The engine: has pictures looked at by a process of its own, keeps that running, and finds out which model ends it."""

from __future__ import annotations

import asyncio
import logging
import mmap
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from vms_bridge.backoff import Backoff
from vms_bridge.detect.engine.blame import Blame
from vms_bridge.detect.engine.health import Counts, EngineHealth, EngineState
from vms_bridge.detect.engine.process import WHAT, WORKER, WorkerProcess
from vms_bridge.detect.engine.wire import MOST_DRAWN, Drawing, Hello, Inference, Loaded, Loading, Moved, Ready, Refusal, Trouble
from vms_bridge.detect.values import Found, Inferred, ModelFacts, ModelTrouble
from vms_bridge.errors import DetectionFailed, EngineGone, ModelRefused, PictureRefused
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.engine.drawn import Drawn
    from vms_bridge.detect.values import Picture

_LOGGER = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
MOST_WAITING = 64
"""How many requests may wait; each holds a picture."""
LONGEST_S = 60.0
"""How long a request takes at most, the wait for its turn included."""
LOOK_S = 5.0
"""How often the worker is looked after."""
HANGS_AFTER_S = 30.0
"""A worker that has not answered a request for so long is ended."""
LOADS_FOR_S = 300.0
"""How long a worker may take to load all models: for a graphics processor that takes minutes at the first time."""
_LONGEST_LABEL = 200
_Answer = TypeVar("_Answer", Inference, Moved, Drawing)


class Engine:
    """Looks at pictures, by the models of the configuration; `run` it in a task of its own."""

    def __init__(
        self,
        models: Mapping[str, ModelSettings],
        runtime: RuntimeSettings,
        clock: Clock,
        *,
        program: Sequence[str] = WORKER,
    ) -> None:
        self._settings = {name: settings.model_dump(mode="json") for name, settings in models.items()}
        self._runtime = runtime.model_dump(mode="json")
        self._most_bytes = runtime.memory_mb * 1024 * 1024
        self._clock, self._program = clock, tuple(program)
        self._models: dict[str, ModelFacts | ModelTrouble] = {}
        self._blame = Blame()
        self._alone = asyncio.Lock()
        """Held by who is looked at alone, while it has to be found out which model ends the worker."""
        self._worker: WorkerProcess | None = None
        self._settled = asyncio.Event()
        """Set while it is known whether there is a worker with its models."""
        self._state, self._since_s = EngineState.STARTING, clock.monotonic()
        self._problem: EngineGone | None = None
        self._counts = Counts()
        self._rss_bytes: int | None = None
        self._confinement: Mapping[str, str] = {}
        self._forget_models()

    @property
    def models(self) -> Mapping[str, ModelFacts | ModelTrouble]:
        """What was understood of each model, or why it can't be used, in the configuration's order."""
        return dict(self._models)

    @property
    def health(self) -> EngineHealth:
        """How it is."""
        counts = self._counts
        return EngineHealth(
            state=self._state,
            since_s=self._clock.monotonic() - self._since_s,
            pid=self._worker.pid if self._worker is not None else None,
            restarts=counts.restarts,
            pictures_refused=counts.pictures_refused,
            answered=counts.answered,
            inferred=counts.inferred,
            timed_out=counts.timed_out,
            rss_bytes=self._rss_bytes,
            most_bytes=self._most_bytes,
            confinement=dict(self._confinement),
            problem=str(self._problem) if self._problem is not None else "",
            hint=self._problem.hint if self._problem is not None else "",
            waiting=counts.waiting,
        )

    async def run(self) -> NoReturn:
        """Keep a worker running, until this is cancelled."""
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        try:
            while True:
                began_s = self._clock.monotonic()
                self._is(EngineState.STARTING)
                try:
                    await self._live()
                except EngineGone as error:
                    problem = error
                self._counts.restarts += 1
                wait_s = backoff.failed(lasted_s=self._clock.monotonic() - began_s)
                _LOGGER.warning("%s; it is started again in %g s", problem, wait_s)
                self._is(EngineState.WAITING, problem)
                await self._clock.sleep(wait_s)
        finally:
            self._is(EngineState.STOPPED, EngineGone("detection has ended"))

    async def ready(self) -> None:
        """Wait until the models were loaded, or refused. Raises EngineGone where the worker has failed."""
        await self._settled.wait()
        if self._state is not EngineState.RUNNING:
            raise self._gone()

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        """Look at a picture with a model. Raises EngineGone, ModelRefused and PictureRefused."""
        async with self._limited(), self._one_by_one():
            await self.ready()
            facts = self._usable(model)
            answer, _ = await self._ask(Inference, picture, do="infer", model=model, least_score=float(least_score))
            self._blame.answered(model)
        self._counts.inferred += 1
        found = tuple(
            Found(label=_label(facts.labels, index), score=score, box=(x, y, width, height), model=model)
            for index, score, x, y, width, height in answer.found
        )
        return Inferred(
            found=found,
            width=answer.width,
            height=answer.height,
            waited_s=answer.waited_s,
            decode_s=answer.decode_s,
            infer_s=answer.infer_s,
        )

    async def motion(self, camera: str, picture: Picture) -> float:
        """Return which share of the picture (0..1) has changed since the camera's pictures before.

        1.0 where there is nothing to compare it with: for the first one, for one of another shape, and where nearly all has
        changed at once (a light, a turned camera). Raises EngineGone and PictureRefused.
        """
        async with self._limited():
            await self.ready()
            answer, _ = await self._ask(Moved, picture, do="motion", camera=camera)
        return answer.share

    async def annotate(self, picture: Picture, drawn: Sequence[Drawn], *, most_width: int | None = None) -> bytes:
        """Return the picture as a JPEG with boxes and their labels, no wider than that. Raises EngineGone and PictureRefused."""
        boxes = tuple((each.label[:_LONGEST_LABEL], each.box, each.colour) for each in drawn[:MOST_DRAWN])
        async with self._limited():
            await self.ready()
            _, jpeg = await self._ask(Drawing, picture, do="draw", drawn=boxes, most_width=most_width)
        return jpeg

    async def encode(self, picture: Picture, *, most_width: int | None = None) -> bytes:
        """Return the picture as a JPEG, no wider than that. Raises EngineGone and PictureRefused."""
        return await self.annotate(picture, (), most_width=most_width)

    def told(self, said: Hello | Loading | Loaded | Trouble | Ready) -> None:
        """Hear from the worker how it begins."""
        if isinstance(said, Hello):
            self._confinement = said.confinement
        elif isinstance(said, Ready):
            self._is(EngineState.RUNNING)
        elif not isinstance(said, Loading) and said.model in self._models:
            self._models[said.model] = _facts(said) if isinstance(said, Loaded) else _trouble(said)

    async def _live(self) -> NoReturn:
        """Have one worker, until its end. Raises EngineGone, which says why."""
        self._forget_models()
        models = {name: settings for name, settings in self._settings.items() if name not in self._blame.aside}
        worker = await WorkerProcess.start(models, self._runtime, self._clock, program=self._program)
        self._worker = worker
        why = EngineGone("detection has ended")
        listening = asyncio.create_task(worker.listen(self), name="detection: worker")
        watching = asyncio.create_task(self._watch(worker), name="detection: watch")
        tasks = (listening, watching)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not watching.done():
                self._accuse(worker.at_work)
            await (watching if watching.done() else listening)
        except EngineGone as error:
            why = error
            raise
        finally:
            self._worker, self._rss_bytes = None, None
            for task in tasks:
                task.cancel()
            try:
                await asyncio.wait(tasks)
            finally:
                await worker.close(str(why))

    async def _watch(self, worker: WorkerProcess) -> NoReturn:
        """Look after a worker. Raises EngineGone for one that has to be ended."""
        began_s = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_S)
            rss_bytes = await in_thread("detection: memory", lambda: _rss_bytes(worker.pid))
            self._rss_bytes = rss_bytes
            if rss_bytes is not None and rss_bytes > self._most_bytes:
                self._accuse({worker.loading} - {""})
                raise EngineGone(
                    f"{WHAT} took {rss_bytes // 2**20} MB of memory, of at most {self._most_bytes // 2**20}, and was ended",
                    hint="raise detection.runtime.memory_mb, or use smaller models or fewer of them",
                )
            if worker.oldest_s > HANGS_AFTER_S:
                self._counts.timed_out += 1
                self._accuse(worker.at_work)
                raise EngineGone(f"{WHAT} did not answer for {HANGS_AFTER_S:g} s, and was ended")
            if self._state is EngineState.STARTING and self._clock.monotonic() - began_s > LOADS_FOR_S:
                self._accuse(worker.at_work)
                raise EngineGone(f"the models were not loaded within {LOADS_FOR_S:g} s")

    def _accuse(self, at_work: Collection[str]) -> None:
        """Note which models were at work when the worker ended, or had to be ended."""
        aside = self._blame.crashed(at_work, self._clock.monotonic())
        if aside is not None:
            _LOGGER.error("the model %r is set aside: it has ended %s again and again", aside, WHAT)

    async def _ask(self, kind: type[_Answer], picture: Picture, **words: object) -> tuple[_Answer, bytes]:
        worker = self._worker
        if worker is None:
            raise self._gone()
        try:
            answer, drawn = await worker.ask(picture, **words)
            self._counts.answered += 1
            if isinstance(answer, Refusal):
                raise _refusal(answer)
        except PictureRefused:
            self._counts.pictures_refused += 1
            raise
        if not isinstance(answer, kind):
            raise EngineGone(f"{WHAT} said what makes no sense")
        return answer, drawn

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """Bound how many wait, and for how long."""
        if self._counts.waiting >= MOST_WAITING:
            raise EngineGone(
                f"{MOST_WAITING} pictures wait to be looked at already", hint="use a faster model, or look at fewer pictures"
            )
        self._counts.waiting += 1
        try:
            async with self._clock.timeout(LONGEST_S) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            self._counts.timed_out += 1
            raise EngineGone(f"a picture was not looked at within {LONGEST_S:g} s") from None
        finally:
            self._counts.waiting -= 1

    @asynccontextmanager
    async def _one_by_one(self) -> AsyncIterator[None]:
        if self._blame.is_careful:
            async with self._alone:
                yield
        else:
            yield

    def _usable(self, model: str) -> ModelFacts:
        known = self._models.get(model)
        if isinstance(known, ModelFacts):
            return known
        if known is None:
            raise ModelRefused(f"there is no model {model!r}")
        raise ModelRefused(known.message, hint=known.hint)

    def _forget_models(self) -> None:
        """Have none be loaded; those that were set aside stay so."""
        for name in self._settings:
            if name in self._blame.aside:
                count = self._blame.crashes(name)
                self._models[name] = ModelTrouble(
                    name,
                    f"the model {name!r} is set aside: within an hour it has ended {WHAT} {count} times",
                    "try it with `vms-bridge probe`; it is tried again when the bridge starts, or its configuration changes",
                )
            else:
                self._models[name] = ModelTrouble(name, f"the model {name!r} is not loaded yet")

    def _gone(self) -> EngineGone:
        problem = self._problem
        return EngineGone(str(problem), hint=problem.hint) if problem is not None else EngineGone(f"{WHAT} has ended")

    def _is(self, state: EngineState, problem: EngineGone | None = None) -> None:
        self._state, self._since_s = state, self._clock.monotonic()
        if state is not EngineState.STARTING:
            self._problem = problem
            self._settled.set()
        else:  # what it has failed by is told until it runs
            self._settled.clear()


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if index < len(labels) else str(index)


def _facts(said: Loaded) -> ModelFacts:
    return ModelFacts(
        name=said.model,
        file=said.file,
        layout=said.layout,
        width=said.width,
        height=said.height,
        labels=said.labels,
        device=said.device,
        precision=said.precision,
        compile_s=said.compile_s,
    )


def _trouble(said: Trouble) -> ModelTrouble:
    return ModelTrouble(said.model, said.message, said.hint)


def _refusal(said: Refusal) -> DetectionFailed:
    kinds: dict[str, type[DetectionFailed]] = {"picture": PictureRefused, "model": ModelRefused}
    return kinds.get(said.why, EngineGone)(said.message, hint=said.hint)


def _rss_bytes(pid: int) -> int | None:
    """Return how much memory a process has in use, its part of the shared included; None where that can't be known."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * mmap.PAGESIZE
