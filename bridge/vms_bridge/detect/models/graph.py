"""A model's graph made ready: one input of a fixed size, and what pixels are converted to happens within the graph.

Bytes [1, height, width, 3] in red, green, blue come in; conversion to floats, mean, scale, order of colours and of dimensions are
part of the compiled graph, where they cost nothing (facts of the project: a copy of 1.2 MB instead of 4.9 MB, and no numpy).
Resizing and the removal of doubles are not: within the graph they cost more than outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from openvino import opset8 as ops
from openvino.preprocess import PrePostProcessor

from vms_bridge.detect.models.border import border
from vms_bridge.detect.models.heads.detr import SIZES
from vms_bridge.detect.models.values import Output
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from vms_bridge.detect.models.values import Taken

LARGEST_SIDE = 4_096
_MOST_OUTPUTS = 16
_SIZE_HINT = 'give its size in the configuration, as in `input: "640x640"`'


@dataclass(frozen=True, slots=True)
class PictureInput:
    """The input for the picture: which one, its size in pixels, whether it takes bytes, and where its colours are."""

    index: int
    width: int
    height: int
    takes_bytes: bool
    is_nchw: bool


def with_one_input(
    model: ov.Model, asked: tuple[int, int] | None, said: tuple[int, int] | None
) -> tuple[PictureInput, frozenset[str]]:
    """Give the graph one input of a fixed size; return it, and the names of the others, which become constants.

    `asked` is the size that the configuration gives, `said` what the file says of itself, both width and height.
    Raises ModelRefused.
    """
    pictures = [
        at
        for at, port in enumerate(model.inputs)
        if port.get_partial_shape().rank.is_static and len(port.get_partial_shape()) == 4
    ]
    if len(pictures) != 1:
        inputs = ", ".join(f"{_name(port)} {port.get_partial_shape()}" for port in model.inputs) or "none"
        raise ModelRefused(
            f"it has not one input for a picture: {inputs}",
            hint="take a detector that looks at one picture, [1, 3, height, width]",
        )
    at = pictures[0]
    is_nchw, width, height = _sized(model.inputs[at].get_partial_shape(), asked, said)
    others = frozenset(_name(port) for index, port in enumerate(model.inputs) if index != at)
    name = model.inputs[at].get_node().get_friendly_name()
    for port in [port for index, port in enumerate(model.inputs) if index != at]:
        _make_constant(model, port, width, height)
    index = next(index for index, port in enumerate(model.inputs) if port.get_node().get_friendly_name() == name)
    sides = [1, 3, height, width] if is_nchw else [1, height, width, 3]
    if model.inputs[index].get_partial_shape() != ov.PartialShape(sides):
        with border(f"it can't be made to take a picture of {width} x {height}", "export it for that size, or leave `input` out"):
            model.reshape({model.inputs[index]: ov.PartialShape(sides)})
    takes_bytes = model.inputs[index].get_element_type() == ov.Type.u8
    return PictureInput(index, width, height, takes_bytes, is_nchw), others


def outputs_of(model: ov.Model) -> tuple[Output, ...]:
    """Return the graph's outputs. Raises ModelRefused where there are too many to be a detector's."""
    if len(model.outputs) > _MOST_OUTPUTS:
        raise ModelRefused(f"it has {len(model.outputs)} outputs", hint="export it with its last step, so that it tells boxes")
    return tuple(Output(_name(port), _shape(port.get_partial_shape())) for port in model.outputs)


def converted(model: ov.Model, picture: PictureInput, taken: Taken) -> ov.Model:
    """Return the graph with conversion from bytes, red, green, blue, [1, height, width, 3] in it, and floats at its outputs."""
    steps = PrePostProcessor(model)
    about = steps.input(picture.index)
    about.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    about.model().set_layout(ov.Layout("NCHW" if picture.is_nchw else "NHWC"))
    does_reckon = any(taken.mean) or any(one != 1 for one in taken.scale)
    if does_reckon or not picture.takes_bytes:
        about.preprocess().convert_element_type(ov.Type.f32)
    if taken.is_bgr:
        about.preprocess().reverse_channels()
    if any(taken.mean):
        about.preprocess().mean(list(taken.mean))
    if any(one != 1 for one in taken.scale):
        about.preprocess().scale(list(taken.scale))
    for at in range(len(model.outputs)):
        steps.output(at).tensor().set_element_type(ov.Type.f32)
    with border("the conversion of pixels can't be put into it", "please report this with the model's name"):
        made: ov.Model = steps.build()
    return made


def _name(port: ov.Output) -> str:
    names = sorted(port.get_names())
    return str(names[0] if names else port.get_node().get_friendly_name())[:100]


def _shape(shape: ov.PartialShape) -> tuple[int, ...]:
    if shape.rank.is_dynamic:
        return ()
    return tuple(side.get_length() if side.is_static else -1 for side in shape)


def _sized(shape: ov.PartialShape, asked: tuple[int, int] | None, said: tuple[int, int] | None) -> tuple[bool, int, int]:
    """Return whether the colours come first, and the input's width and height."""
    sides = _shape(shape)
    if sides[1] == 3 or (sides[3] != 3 and sides[1] < 0):
        is_nchw, height, width = True, sides[2], sides[3]
    elif sides[3] in {3, -1}:
        is_nchw, height, width = False, sides[1], sides[2]
    else:
        raise ModelRefused(
            f"it takes no pictures in colours: its input is {shape}", hint="take a detector for colour pictures, RGB or BGR"
        )
    if asked is not None:
        width, height = asked
    elif min(width, height) < 1 and said is not None:
        width, height = said
    if min(width, height) < 1:
        raise ModelRefused(f"it leaves open how large its pictures are: its input is {shape}", hint=_SIZE_HINT)
    if max(width, height) > LARGEST_SIDE:
        raise ModelRefused(f"its pictures are larger than {LARGEST_SIDE} pixels: its input is {shape}", hint=_SIZE_HINT)
    return is_nchw, width, height


def _make_constant(model: ov.Model, port: ov.Output, width: int, height: int) -> None:
    """Put a constant in the place of an input beside the picture: the input's own size, for boxes in its pixels."""
    name = _name(port)
    if name != SIZES:
        raise ModelRefused(
            f"it has an input that nobody knows what to give: {name}", hint=f"export it with the picture alone, or with {SIZES}"
        )
    node = port.get_node()
    kind = (
        np.int64 if port.get_element_type() == ov.Type.i64 else np.int32 if port.get_element_type() == ov.Type.i32 else np.float32
    )
    constant = ops.constant(np.array([[width, height]], kind))
    for consumer in port.get_target_inputs():
        consumer.replace_source_output(constant.output(0))
    with border("its second input can't be replaced by the picture's size", "please report this with the model's name"):
        model.remove_parameter(node)
        model.validate_nodes_and_infer_types()
