"""A request of the bridge's, as the worker's threads come to it, and where its answer goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vms_bridge.detect.engine.wire import Drawing, Moved, Refusal, Stage
from vms_bridge.detect.worker.pictures import open_file, open_pixels
from vms_bridge.detect.worker.refusals import Unfit

if TYPE_CHECKING:
    from vms_bridge.detect.engine.slots import Slots
    from vms_bridge.detect.engine.wire import Asked, Inference
    from vms_bridge.detect.worker.pictures import Opened
    from vms_bridge.detect.worker.pipe import Output

LONGEST = 500
"""How long a sentence to the bridge is at most."""
_TOO_MUCH = "it took more memory than it may have"


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
            self.refuse("model", f"the model {self.asked.model!r} failed: {in_words(error)}")
        else:
            self.refuse("other", in_words(error))

    def refuse(self, why: str, message: str, hint: str = "") -> None:
        """Tell that it is refused."""
        words = {"id": self.id, "why": why, "message": message[:LONGEST], "hint": hint[:LONGEST]}
        self._say(Refusal.model_validate(words))

    def _say(self, answer: Inference | Moved | Drawing | Refusal) -> None:
        self.mark(Stage.IDLE)  # before the bridge has another picture put there
        self._output.say(answer)


def in_words(error: Exception) -> str:
    """Return what has gone wrong, in a line."""
    if isinstance(error, MemoryError):
        return _TOO_MUCH
    text = " ".join(str(error).split())
    return text[:LONGEST] if text else type(error).__name__
