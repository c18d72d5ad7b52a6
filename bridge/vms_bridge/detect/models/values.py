"""What the parts of reading a model hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Shape = tuple[int, ...]
"""-1 where a dimension is only known with the data."""
MOST = 300
"""How many candidates of one picture are looked at, the best ones."""


@dataclass(frozen=True, slots=True)
class InputForm:
    """What a loaded model takes: one picture [1, height, width, 3] of bytes, red, green, blue; all else happens in its graph."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one inference found, the best first.

    Boxes x1 y1 x2 y2 [n, 4] lie within the input, in its pixels; scores [n] go up to 1; classes [n] are indices of the model's
    labels; `points` [n, k, 2] are landmarks, of models that have them.
    """

    boxes: Floats
    scores: Floats
    classes: Numbers
    points: Floats | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model as it stands in the file."""

    name: str
    shape: Shape

    def __str__(self) -> str:
        return f"{self.name or '(unnamed)'} {_brackets(self.shape)}"


@dataclass(frozen=True, slots=True)
class Form:
    """What is known of a model when its layout is sought: the input's size in pixels, its outputs, and how many classes it has.

    `classes`: None where nobody knows. `is_relative`: it tells boxes as shares of the input where others of the same layout
    tell pixels, as what Ultralytics exports to TFLite does. `activation` makes scores of what the model tells.
    """

    width: int
    height: int
    outputs: tuple[Output, ...]
    classes: int | None = None
    is_relative: bool = False
    activation: Literal["auto", "ready", "sigmoid", "softmax"] = "auto"
    anchors: tuple[tuple[float, float], ...] = ()
    is_named: bool = False
    """Somebody has named the layout: how many cells there are need not fit any more."""
    inputs: frozenset[str] = frozenset()
    """The names of inputs beside the picture, such as `orig_target_sizes`."""

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The outputs' shapes in their order."""
        return tuple(output.shape for output in self.outputs)


@dataclass(frozen=True, slots=True)
class Taken:
    """How a model takes pixels: (pixel - mean) / scale for each colour, of values 0..255, in its own order of colours."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    is_bgr: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """What a head reads from a model's outputs before it is held against limits: rows as in `Candidates`, in no order."""

    boxes: Floats
    scores: Floats
    classes: Numbers
    points: Floats | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A model's outputs as something that can be read.

    `read(outputs, least_score)` returns what has that score at least. `classes`: how many there are, None where the outputs'
    shapes don't tell. `overlap`: two of a class that overlap more are one, None where the model has seen to that itself.
    """

    read: Callable[[Sequence[Floats], float], Raw]
    classes: int | None
    overlap: float | None = 0.5
    labels: tuple[str, ...] = ()
    """Names of the classes that all models of this layout have."""
    counts_background: bool = False
    """Lists of names may have one more at their begin, of what is none of them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A family of models that tell what they found in the same way.

    `build` returns the head for a form, None where it does not fit. `taken_floats` and `taken_bytes` are how models of the
    family take pixels as numbers with a fraction and as bytes, unless they say otherwise.
    """

    name: str
    outputs: str
    """Their outputs in words."""
    models: str
    """Whose they are."""
    build: Callable[[Form], Head | None]
    taken_floats: Taken = field(default_factory=Taken)
    taken_bytes: Taken = field(default_factory=Taken)


def _brackets(shape: Shape) -> str:
    return f"[{', '.join('?' if size < 0 else str(size) for size in shape)}]"
