"""The values that pass between the parts of detection: immutable, and free of numpy.

A box is x, y, width, height in 0..1 of the picture, from the top left. Scores are 0..1, sizes of pictures pixels, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
"""x, y, width and height in 0..1 of the picture, from the top left."""
FrameId = int | float | str | None
"""Which frame: its number (from 1), its second in a video, a name such as `alarm` or `snapshot`; None for a lone picture."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a model has found in a picture, and what the rules have made of it.

    `model` is the model's name, or several joined by `+` where they agree. `zones` are the names of all zones that it is in.
    `is_known`: it was there before, or is parked, so that nobody need be told of it again. `track` is the same for the same
    thing in several frames. `text` is what was read on it.
    """

    label: str
    score: float
    box: Box
    model: str = ""
    stage: str = "object"
    zones: tuple[str, ...] = ()
    is_known: bool = False
    track: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture: rows from the top, three bytes (red, green, blue) a pixel."""

    width: int
    height: int
    rgb: bytes = field(repr=False)


Picture = bytes | Pixels
"""A picture as a JPEG or another format that is allowed, or decoded."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a model found in a picture of this size: all above its floor, after suppression of doubles, not filtered by any rule.

    `waited_s` is how long the picture waited for its turn, `decode_s` how long it took to decode, `infer_s` to infer.
    """

    found: tuple[Found, ...]
    width: int
    height: int
    waited_s: float = 0.0
    decode_s: float = 0.0
    infer_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What was understood of a model when it was loaded; `width` and `height` are those of its input, in pixels."""

    name: str
    file: str
    layout: str
    width: int
    height: int
    labels: tuple[str, ...]
    device: str
    precision: str
    compile_s: float

    @property
    def in_words(self) -> str:
        """What it is, in a line."""
        return f"{self.layout}, {self.width}x{self.height}, {len(self.labels)} labels, on {self.device} as {self.precision}"


@dataclass(frozen=True, slots=True)
class ModelTrouble:
    """Why a model could not look at a picture, and what to do about it."""

    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the rules made of one frame; `troubles` are of models that failed. `picture` is what was looked at, if it was kept.

    `found` has what is known already too, marked so; `new` has not.
    """

    frame: FrameId
    found: tuple[Found, ...]
    width: int
    height: int
    troubles: tuple[ModelTrouble, ...] = ()
    picture: Picture | None = field(default=None, repr=False)

    @property
    def new(self) -> tuple[Found, ...]:
        """What was not there before."""
        return tuple(one for one in self.found if not one.is_known)


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What the rules made of several frames.

    `best` is the frame that won, None where nothing was found in any. `all` are the frames with something in them, in order.
    `looked` is how many frames models looked at, `missing` names those that could not be had, `troubles` what failed. `gave_up`
    says why not all of them were asked for, and is empty where they were.
    """

    best: Looked | None
    all: tuple[Looked, ...] = ()
    looked: int = 0
    missing: tuple[FrameId, ...] = ()
    troubles: tuple[ModelTrouble, ...] = ()
    gave_up: str = ""
