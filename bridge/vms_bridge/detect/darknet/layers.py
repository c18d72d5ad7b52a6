"""The layers of a Darknet network with the shapes of what comes out of them, worked out and checked before any number is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.detect.darknet.cfg import Section

_MOST_CHANNELS = 16_384
_MOST_SIDE = 4_096
_MOST_VALUES = 512 * 1024 * 1024
"""Of one layer's output, so that no file asks for all memory: yolov4 at 608 has 12 million at most."""
ACTIVATIONS = frozenset({"linear", "leaky", "mish", "logistic", "relu", "swish", "silu"})
_CHANGES_MEANING = {
    "convolutional": (
        *("dilation", "antialiasing", "share_index", "binary", "xnor", "bin_output"),
        *("deform", "rotate", "sway", "stretch"),
    ),
    "maxpool": ("antialiasing", "maxpool_depth"),
    "upsample": (),
    "route": (),
    "shortcut": ("weights_type", "weights_normalization", "weights_normalizion"),
    "yolo": (),
}
"""Options that make another layer of it than this program knows; whatever else there is concerns training."""
_HARMLESS = frozenset({"", "0", "none"})
"""Values by which such an option is off."""
_USUAL = {"dilation": "1"}
Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolutional:
    """A convolution, its batch norm or bias, and its activation."""

    filters: int
    size: int
    strides: tuple[int, int]
    padding: int
    groups: int
    has_norm: bool
    activation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool:
    """The greatest of a window; `before` and `after` say how far windows reach beyond the picture (rows, columns)."""

    size: int
    strides: tuple[int, int]
    before: int
    after: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsample:
    """Each value so many times in both directions, multiplied by `scale`."""

    factor: int
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The channels of these layers one after the other; of each of them only a part, where there are groups."""

    layers: tuple[int, ...]
    groups: int
    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """The layer before this one and those others, added up."""

    layers: tuple[int, ...]
    activation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Yolo:
    """A head; `anchors` are those of its mask, widths and heights in pixels of the input."""

    anchors: tuple[tuple[float, float], ...]
    classes: int
    scale: float
    is_ready: bool
    """`new_coords`: the layer before has made 0..1 of everything, and sizes are squares."""


Layer = Convolutional | MaxPool | Upsample | Route | Shortcut | Yolo


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A layer, what it makes, and where it stands; its number is its place in `Network.layers`."""

    layer: Layer
    shape: Shape
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Width and height of the input in pixels, all layers, and how many classes its heads know."""

    width: int
    height: int
    layers: tuple[Placed, ...]
    classes: int


def network(sections: Sequence[Section]) -> Network:
    """Make a network of the sections of its file. Raises ModelRefused."""
    head, *rest = sections
    if head.kind not in {"net", "network"}:
        raise head.refused("is the first section, which has to be [net]")
    width = head.whole("width", 0, least=32, most=_MOST_SIDE)
    height = head.whole("height", 0, least=32, most=_MOST_SIDE)
    channels = head.whole("channels", 3, least=1, most=_MOST_CHANNELS)
    if channels != 3:
        raise head.refused(f"takes pictures of {channels} channels; only those of three are known", key="channels")
    placed: list[Placed] = []
    shapes: list[Shape] = []
    for section in rest:
        before = shapes[-1] if shapes else (channels, height, width)
        make = _MAKERS.get(section.kind)
        if make is None:
            known = ", ".join(_MAKERS)
            hint = "YOLOv2 is too old" if section.kind == "region" else f"what can be converted has {known} only"
            raise section.refused("is a kind of layer that is not known", hint=hint)
        for key in _CHANGES_MEANING[section.kind]:
            if section.text(key, "") not in {*_HARMLESS, _USUAL.get(key, "")}:
                raise section.refused(f"has {key}={section.text(key, '')[:40]}, which is not known", key=key)
        layer, shape = make(section, before, shapes)
        if shape[0] > _MOST_CHANNELS or shape[0] * shape[1] * shape[2] > _MOST_VALUES:
            raise section.refused(f"makes {shape[0]} x {shape[1]} x {shape[2]} values, which is more than anybody can mean")
        placed.append(Placed(layer=layer, shape=shape, where=f"{section.file}:{section.line}: [{section.kind}]"))
        shapes.append(shape)
    heads = {each.layer.classes for each in placed if isinstance(each.layer, Yolo)}
    if len(heads) != 1:
        said = "no [yolo] head" if not heads else "heads for different numbers of classes"
        raise ModelRefused(f"{head.file} has {said}", hint="detectors of YOLO v3, v4 and their tiny variants can be converted")
    return Network(width=width, height=height, layers=tuple(placed), classes=heads.pop())


def _activation(section: Section, default: str) -> str:
    name = section.text("activation", default).lower()
    if name not in ACTIVATIONS:
        raise section.refused(f"has the activation {name[:40]!r}; known are {', '.join(sorted(ACTIVATIONS))}", key="activation")
    return name


def _strides(section: Section, default: int) -> tuple[int, int]:
    """Return the strides of rows and columns."""
    both = section.whole("stride", default, least=1, most=64)
    return section.whole("stride_y", both, least=1, most=64), section.whole("stride_x", both, least=1, most=64)


def _convolutional(section: Section, before: Shape, _: Sequence[Shape]) -> tuple[Layer, Shape]:
    channels, height, width = before
    filters = section.whole("filters", 1, least=1, most=_MOST_CHANNELS)
    size = section.whole("size", 1, least=1, most=63)
    strides = _strides(section, 1)
    groups = section.whole("groups", 1, least=1, most=_MOST_CHANNELS)
    padding = size // 2 if section.whole("pad", 0, least=0, most=1) else section.whole("padding", 0, least=0, most=63)
    if channels % groups or filters % groups:
        raise section.refused(f"can't part {channels} channels and {filters} filters in {groups} groups", key="groups")
    rows, columns = ((side + 2 * padding - size) // step + 1 for side, step in zip((height, width), strides, strict=True))
    if min(rows, columns) < 1:
        raise section.refused(f"has windows of {size} on a picture of {width} x {height}")
    layer = Convolutional(
        filters=filters,
        size=size,
        strides=strides,
        padding=padding,
        groups=groups,
        has_norm=bool(section.whole("batch_normalize", 0, least=0, most=2)),
        activation=_activation(section, "logistic"),
    )
    return layer, (filters, rows, columns)


def _maxpool(section: Section, before: Shape, _: Sequence[Shape]) -> tuple[Layer, Shape]:
    """Place Darknet's windows: half of the padding, rounded down, is before, and the last window reaches as far as it does."""
    channels, height, width = before
    strides = _strides(section, 1)
    size = section.whole("size", strides[0], least=1, most=255)
    padding = section.whole("padding", size - 1, least=0, most=2 * size - 2)
    begin = padding // 2
    sides = [(side + padding - size) // step + 1 for side, step in zip((height, width), strides, strict=True)]
    if min(sides) < 1:
        raise section.refused(f"has windows of {size} on a picture of {width} x {height}")
    rows, columns = (
        max(0, (count - 1) * step + size - side - begin)
        for count, step, side in zip(sides, strides, (height, width), strict=True)
    )
    if max(begin, rows, columns) >= size:
        raise section.refused("has windows that lie outside of the picture altogether", key="padding")
    return MaxPool(size=size, strides=strides, before=begin, after=(rows, columns)), (channels, sides[0], sides[1])


def _upsample(section: Section, before: Shape, _: Sequence[Shape]) -> tuple[Layer, Shape]:
    factor = section.whole("stride", 2, least=1, most=32)
    scale = section.number("scale", 1.0, least=-1e6, most=1e6)
    return Upsample(factor=factor, scale=scale), (before[0], before[1] * factor, before[2] * factor)


def _route(section: Section, _: Shape, shapes: Sequence[Shape]) -> tuple[Layer, Shape]:
    layers = _others(section, "layers", shapes)
    groups = section.whole("groups", 1, least=1, most=_MOST_CHANNELS)
    group = section.whole("group_id", 0, least=0, most=groups - 1)
    sides = {shapes[each][1:] for each in layers}
    if len(sides) != 1:
        raise section.refused("joins layers of different sizes", key="layers", hint=_SIZES)
    if any(shapes[each][0] % groups for each in layers):
        raise section.refused(f"takes a part of channels that can't be parted in {groups} groups", key="groups")
    ((height, width),) = sides
    shape = sum(shapes[each][0] // groups for each in layers), height, width
    return Route(layers=layers, groups=groups, group=group), shape


def _shortcut(section: Section, before: Shape, shapes: Sequence[Shape]) -> tuple[Layer, Shape]:
    layers = _others(section, "from", shapes)
    if any(shapes[each] != before for each in layers):
        raise section.refused("adds layers of different shapes", key="from", hint=_SIZES)
    return Shortcut(layers=layers, activation=_activation(section, "linear")), before


def _others(section: Section, key: str, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """Return the numbers of the layers that an option names: counted from the first, or, if negative, back from this one."""
    here = len(shapes)
    named = section.wholes(key, least=-here, most=here - 1) if here else ()
    if not named:
        raise section.refused(f"has to name layers before it by {key}", key=key)
    return tuple(each + here if each < 0 else each for each in named)


def _yolo(section: Section, before: Shape, _: Sequence[Shape]) -> tuple[Layer, Shape]:
    classes = section.whole("classes", 20, least=1, most=_MOST_CHANNELS)
    values = section.numbers("anchors", least=1e-6, most=1e6)
    count = section.whole("num", max(1, len(values) // 2), least=1, most=512)
    if len(values) != 2 * count:
        raise section.refused(f"has {len(values)} numbers of anchors, and needs {2 * count}", key="anchors")
    mask = section.wholes("mask", default=tuple(range(count)), least=0, most=count - 1)
    if before[0] != len(mask) * (5 + classes):
        wanted = f"{len(mask)} x (5 + {classes}) = {len(mask) * (5 + classes)}"
        raise section.refused(f"follows a layer of {before[0]} channels, and needs {wanted}", hint="mend its filters")
    layer = Yolo(
        anchors=tuple((values[2 * each], values[2 * each + 1]) for each in mask),
        classes=classes,
        scale=section.number("scale_x_y", 1.0, least=0.1, most=10),
        is_ready=bool(section.whole("new_coords", 0, least=0, most=1)),
    )
    return layer, before


_SIZES = "width and height of [net] have to be multiples of 32, as a rule"
_MAKERS: dict[str, Callable[[Section, Shape, Sequence[Shape]], tuple[Layer, Shape]]] = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "upsample": _upsample,
    "route": _route,
    "shortcut": _shortcut,
    "yolo": _yolo,
}
