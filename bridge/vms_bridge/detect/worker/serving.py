"""Loads the models, and does what the bridge asks for until it lets go."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

import openvino as ov

from vms_bridge.detect.engine.slots import Slots
from vms_bridge.detect.engine.wire import (
    Asked,
    Drawing,
    Inference,
    Job,
    Loaded,
    Loading,
    Moved,
    Ready,
    Refusal,
    Stage,
    Trouble,
    read_asked,
)
from vms_bridge.detect.models import load
from vms_bridge.detect.worker.draw import draw
from vms_bridge.detect.worker.motion import Motion
from vms_bridge.detect.worker.pictures import Opened, open_file, open_pixels
from vms_bridge.detect.worker.pipe import read
from vms_bridge.detect.worker.pipeline import Looker
from vms_bridge.detect.worker.refusals import Unfit
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.values import ModelFacts
    from vms_bridge.detect.worker.pipe import Output

_LONGEST = 500
_TOO_MUCH = "it took more memory than it may have"


def serve(job: Job, models: Mapping[str, ModelSettings], runtime: RuntimeSettings, requests: int, output: Output) -> None:
    """Load the models and answer requests, which come from that open file, until the bridge lets go."""
    slots = Slots(job.memory, slots=job.slots, slot_bytes=job.slot_bytes)
    lookers = _load(models, runtime, output)
    hands = {"motion": Hand("motion"), "draw": Hand("drawing")}
    motion = Motion()
    output.say(Ready())
    while (said := read(requests)) is not None:
        request = Request(read_asked(said), slots, output)
        asked = request.asked
        if asked.do != "infer":
            hands[asked.do].add(request, _draw if asked.do == "draw" else lambda request: _move(request, motion))
        elif asked.model in lookers:
            lookers[asked.model].add(request)
        else:
            request.refuse("model", f"the model {asked.model!r} is not loaded")


def _load(models: Mapping[str, ModelSettings], runtime: RuntimeSettings, output: Output) -> dict[str, Looker]:
    core = ov.Core()
    lookers = {}
    for name, settings in models.items():
        output.say(Loading(model=name))
        try:
            model = load(core, name, settings.file, settings, runtime)
            looker = Looker(model)
            looker.try_out()
        except ModelRefused as error:
            output.say(Trouble(model=name, message=str(error)[:_LONGEST], hint=error.hint[:_LONGEST]))
        except Exception as error:  # noqa: BLE001  # one model's end, of whatever kind: the others are loaded
            output.say(Trouble(model=name, message=f"the model {name!r} can't be used: {_why(error)}"))
        else:
            output.say(_loaded(model.facts))
            lookers[name] = looker
    for looker in lookers.values():
        looker.start()
    return lookers


def _loaded(facts: ModelFacts) -> Loaded:
    return Loaded(
        model=facts.name,
        file=facts.file,
        layout=facts.layout,
        width=facts.width,
        height=facts.height,
        labels=tuple(facts.labels),
        device=facts.device,
        precision=facts.precision,
        compile_s=facts.compile_s,
    )


class Request:
    """A request, and where its answer goes."""

    def __init__(self, asked: Asked, slots: Slots, output: Output) -> None:
        self.asked = asked
        self.since_s = time.perf_counter()
        self._slots, self._output = slots, output

    @property
    def id(self) -> int:
        """Its number."""
        return self.asked.id

    @property
    def least_score(self) -> float:
        """What is worth telling."""
        return self.asked.least_score

    def opened(self) -> Opened:
        """Read the head of its picture. Raises Unfit."""
        view = self._slots.view(self.asked.slot, self.asked.size)
        if self.asked.width is not None and self.asked.height is not None:
            return open_pixels(view, self.asked.width, self.asked.height)
        return open_file(bytes(view))

    def mark(self, stage: Stage) -> None:
        """Note what is done with its picture."""
        self._slots.mark(self.asked.slot, stage)

    def found(self, found: Inference) -> None:
        """Tell what was found."""
        self._say(found)

    def moved(self, share: float) -> None:
        """Tell which share has changed."""
        self._say(Moved(id=self.id, share=share))

    def drawn(self, jpeg: bytes) -> None:
        """Tell of a JPEG, which takes the picture's place in its slot. Raises Unfit for one that is too large."""
        try:
            size = self._slots.write(self.asked.slot, jpeg)
        except ValueError:
            raise Unfit("the JPEG is too large", hint="ask for a smaller one") from None
        self._say(Drawing(id=self.id, size=size))

    def failed(self, error: Exception) -> None:
        """Tell why nothing can be said of it."""
        if isinstance(error, Unfit):
            self.refuse("picture", str(error), error.hint)
        elif isinstance(error, MemoryError):
            self.refuse("other", _TOO_MUCH)
        elif self.asked.model:
            self.refuse("model", f"the model {self.asked.model!r} failed: {_why(error)}")
        else:
            self.refuse("other", _why(error))

    def refuse(self, why: str, message: str, hint: str = "") -> None:
        """Tell that it is refused."""
        words = {"id": self.id, "why": why, "message": message[:_LONGEST], "hint": hint[:_LONGEST]}
        self._say(Refusal.model_validate(words))

    def _say(self, answer: Inference | Moved | Drawing | Refusal) -> None:
        self.mark(Stage.IDLE)  # before the bridge has another picture put there
        self._output.say(answer)


class Hand:
    """A thread that does one thing after the other."""

    def __init__(self, name: str) -> None:
        self._todo: queue.SimpleQueue[tuple[Request, Callable[[Request], None]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def add(self, request: Request, work: Callable[[Request], None]) -> None:
        """Have it be done; the bridge bounds how much there is."""
        self._todo.put((request, work))

    def _work(self) -> None:
        while True:
            request, work = self._todo.get()
            request.mark(Stage.DRAWING)
            try:
                work(request)
            except Exception as error:  # noqa: BLE001  # whatever a picture does, the next one is looked at
                request.failed(error)


def _draw(request: Request) -> None:
    request.drawn(draw(request.opened(), request.asked.drawn, request.asked.most_width))


def _move(request: Request, motion: Motion) -> None:
    request.moved(motion.changed(request.asked.camera, request.opened(), time.monotonic()))


def _why(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return _TOO_MUCH
    text = " ".join(str(error).split())
    return text[:_LONGEST] if text else type(error).__name__
