"""What goes between the bridge and the worker: JSON, each with its length before it. Pictures lie in slots of shared memory.

The bridge writes to the worker's standard input: `Job` first, then requests. The worker writes to its standard output what
`Said` is. Nothing of this is ever unpickled, and what the worker says is checked: it has read pictures and models of others.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

HEADER = struct.Struct(">I")
"""How many bytes of JSON follow."""
MOST_BYTES = 1024 * 1024
MOST_FOUND = 300
"""How many things a model may find in a picture."""
MOST_DRAWN = 100
"""How many boxes are drawn into a picture."""

Text = Annotated[str, Field(max_length=1_000)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Length = Annotated[int, Field(ge=0, le=2**31)]
_Row = tuple[Annotated[int, Field(ge=0)], Share, Share, Share, Share, Share]


class Stage(IntEnum):
    """What is done with a slot's picture; the worker notes it in the shared memory, where it can be seen after its death."""

    IDLE = 0
    WAITING = 1
    DECODING = 2
    INFERRING = 3
    DRAWING = 4


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Job(_Head):
    """What a worker is told first: its models and settings (as JSON of the configuration's models), and its shared memory."""

    models: Mapping[str, Mapping[str, Any]]
    runtime: Mapping[str, Any]
    memory: int
    """The number of the open file."""
    slots: int
    slot_bytes: int


class Asked(_Head):
    """A request. Its picture is in the slot: `size` bytes, RGB where `width` and `height` are given, else as a file has them.

    `do`: `infer` (with `model` and `least_score`), `motion` (`camera`), `draw` (`drawn`: label, box and colour; `most_width`).
    """

    id: int
    do: Literal["infer", "motion", "draw"]
    slot: int
    size: int
    width: int | None = None
    height: int | None = None
    model: str = ""
    least_score: float = 0.0
    camera: str = ""
    drawn: tuple[tuple[str, tuple[float, float, float, float], int], ...] = ()
    most_width: int | None = None


class Hello(_Head):
    """The worker runs, and this is how it has confined itself."""

    say: Literal["hello"] = "hello"
    confinement: Annotated[Mapping[str, Text], Field(max_length=20)]


class Loading(_Head):
    """A model is being loaded: if the worker ends now, it was that."""

    say: Literal["loading"] = "loading"
    model: Text


class Loaded(_Head):
    """It is loaded: what was understood of it."""

    say: Literal["loaded"] = "loaded"
    model: Text
    file: Annotated[str, Field(max_length=5_000)]
    layout: Text
    width: Length
    height: Length
    labels: Annotated[tuple[Text, ...], Field(max_length=20_000)]
    device: Text
    precision: Text
    compile_s: Seconds


class Trouble(_Head):
    """It can't be loaded."""

    say: Literal["trouble"] = "trouble"
    model: Text
    message: Text
    hint: Text = ""


class Ready(_Head):
    """All models are loaded, or were refused."""

    say: Literal["ready"] = "ready"


class Inference(_Head):
    """What a model has found: class, score and box (x, y, width, height, in 0..1 of the picture), the best first."""

    say: Literal["found"] = "found"
    id: int
    found: Annotated[tuple[_Row, ...], Field(max_length=MOST_FOUND)]
    width: Length
    height: Length
    waited_s: Seconds
    decode_s: Seconds
    infer_s: Seconds


class Moved(_Head):
    """Which share of the picture has changed."""

    say: Literal["moved"] = "moved"
    id: int
    share: Share


class Drawing(_Head):
    """A JPEG of so many bytes is in the request's slot."""

    say: Literal["drawn"] = "drawn"
    id: int
    size: Length


class Refusal(_Head):
    """A request was refused: its picture, its model, or what else is wrong."""

    say: Literal["refused"] = "refused"
    id: int
    why: Literal["picture", "model", "other"]
    message: Text
    hint: Text = ""


Answer = Inference | Moved | Drawing | Refusal
Said = Annotated[Hello | Loading | Loaded | Trouble | Ready | Inference | Moved | Drawing | Refusal, Field(discriminator="say")]
_SAID: TypeAdapter[Said] = TypeAdapter(Said)


def pack(head: BaseModel) -> bytes:
    """Return it as it goes over the wire."""
    content = head.model_dump_json().encode()
    return HEADER.pack(len(content)) + content


def read_said(content: bytes) -> Said | None:
    """Return what the worker says, None for what makes no sense."""
    try:
        return _SAID.validate_json(content)
    except ValidationError:
        return None


def read_asked(content: bytes) -> Asked:
    """Return a request; the worker believes the bridge. Raises ValidationError."""
    return Asked.model_validate_json(content)


def read_job(content: bytes) -> Job:
    """Return the job. Raises ValidationError."""
    return Job.model_validate_json(content)
