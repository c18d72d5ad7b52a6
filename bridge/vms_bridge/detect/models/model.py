"""A model that is ready to look at pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.nms import settled
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino as ov

    from vms_bridge.detect.models.values import Candidates, Floats, Head, InputForm
    from vms_bridge.detect.values import ModelFacts


class Model:
    """A compiled model with what is known of it, and how its outputs are read. It has no state: threads may share it."""

    def __init__(self, facts: ModelFacts, compiled: ov.CompiledModel, form: InputForm, head: Head, floor: float) -> None:
        self.facts, self.compiled, self.input = facts, compiled, form
        self._head, self._floor = head, floor

    def decode(self, outputs: Sequence[Floats], least_score: float) -> Candidates:
        """Return what is in the outputs of one inference, in the compiled model's order, with that score or the model's floor.

        The outputs may be views of a request's memory: what is returned shares none of it. Raises ModelRefused where they
        are not what the layout promises.
        """
        try:
            with np.errstate(all="ignore"):  # what becomes infinite or no number on the way is dropped at its end
                raw = self._head.read(outputs, max(least_score, self._floor))
                return settled(
                    raw,
                    width=self.input.width,
                    height=self.input.height,
                    classes=len(self.facts.labels),
                    overlap=self._head.overlap,
                )
        except (IndexError, ValueError) as error:
            shapes = ", ".join(str(list(output.shape)) for output in outputs)
            raise ModelRefused(
                f"{self.facts.name}: its outputs can't be read as {self.facts.layout}: {shapes}",
                hint="name another `layout`, or export it again",
            ) from error
