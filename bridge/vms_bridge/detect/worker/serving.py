"""Loads the models, and does what the bridge asks for until it lets go."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

import openvino as ov

from vms_bridge.detect.engine.slots import Slots
from vms_bridge.detect.engine.wire import (
    Job,
    Loaded,
    Loading,
    Ready,
    Stage,
    Trouble,
    read_asked,
)
from vms_bridge.detect.models import load
from vms_bridge.detect.worker.draw import draw
from vms_bridge.detect.worker.motion import Motion
from vms_bridge.detect.worker.pipe import read
from vms_bridge.detect.worker.pipeline import Looker
from vms_bridge.detect.worker.request import LONGEST, Request, in_words
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.values import ModelFacts
    from vms_bridge.detect.worker.pipe import Output


def serve(job: Job, models: Mapping[str, ModelSettings], runtime: RuntimeSettings, requests: int, output: Output) -> None:
    """Load the models and answer requests, which come from that open file, until the bridge lets go."""
    slots = Slots(job.memory, slots=job.slots, slot_bytes=job.slot_bytes)
    lookers = _load(models, runtime, output)
    motion = Motion()
    hands = {"motion": Hand("motion", lambda request: _move(request, motion)), "draw": Hand("drawing", _draw)}
    output.say(Ready())
    while (said := read(requests)) is not None:
        request = Request(read_asked(said), slots, output)
        asked = request.asked
        if asked.do != "infer":
            hands[asked.do].add(request)
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
            output.say(Trouble(model=name, message=str(error)[:LONGEST], hint=error.hint[:LONGEST]))
        except Exception as error:  # noqa: BLE001  # one model's end, of whatever kind: the others are loaded
            output.say(Trouble(model=name, message=f"the model {name!r} can't be used: {in_words(error)}"))
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


class Hand:
    """A thread that does one thing after the other."""

    def __init__(self, name: str, work: Callable[[Request], None]) -> None:
        self._does = work
        self._todo: queue.SimpleQueue[Request] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def add(self, request: Request) -> None:
        """Have it be done; the bridge bounds how much there is."""
        self._todo.put(request)

    def _work(self) -> None:
        while True:
            request = self._todo.get()
            request.mark(Stage.DRAWING)
            try:
                self._does(request)
            except Exception as error:  # noqa: BLE001  # whatever a picture does, the next one is looked at
                request.failed(error)


def _draw(request: Request) -> None:
    request.drawn(draw(request.opened(), request.asked.drawn, request.asked.most_width))


def _move(request: Request, motion: Motion) -> None:
    request.moved(motion.changed(request.asked.camera, request.opened(), time.monotonic()))
