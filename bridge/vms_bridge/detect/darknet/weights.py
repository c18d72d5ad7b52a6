"""The numbers of a Darknet network: how many there have to be is known before one is read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.darknet.layers import Convolutional, Network
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_EPSILON = 1e-5
"""What Darknet adds to a variance before it takes the root."""
_VERSIONS = struct.Struct("<iii")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one convolution, the batch norm folded in: weights [filters, channels of a group, size, size] and biases [filters]."""

    weights: Floats
    biases: Floats


def read(file: Path, network: Network) -> Iterator[Numbers | None]:
    """Yield what each layer has, None where it has nothing. Raises ModelRefused, before the first if the length is wrong."""
    values = _values(file)
    needed = sum(_count(network, number) for number in range(len(network.layers)))
    if len(values) != needed:
        found = f"{file.name} has {len(values):,} numbers, and its .cfg asks for {needed:,}"
        raise ModelRefused(found, hint="it is cut off, or of another network: take the .cfg that belongs to it")
    at = 0
    for number, placed in enumerate(network.layers):
        if isinstance(placed.layer, Convolutional):
            count = _count(network, number)
            own, where = np.array(values[at : at + count]), f"{file.name}: {placed.where}"
            yield _folded(placed.layer, _channels(network, number), own, where)
            at += count
        else:
            yield None


def _values(file: Path) -> Floats:
    """Return all numbers behind the head, which says by its version how long it is itself; they stay on the disk."""
    try:
        length = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_VERSIONS.size)
        if len(head) < _VERSIONS.size:
            raise ModelRefused(f"{file.name} has {length} bytes: it is no file of Darknet's weights")
        major, minor, _ = _VERSIONS.unpack(head)
        if not 0 <= major <= 1_000 or not 0 <= minor <= 1_000:
            raise ModelRefused(f"{file.name} says that its version is {major}.{minor}: it is no file of Darknet's weights")
        start = _VERSIONS.size + (8 if major * 10 + minor >= 2 else 4)
        if length < start or (length - start) % 4:
            raise ModelRefused(f"{file.name} ends within a number", hint="it is cut off: copy it again")
        if length == start:
            return np.empty(0, np.float32)
        return np.memmap(file, "<f4", "r", start)
    except OSError as error:
        raise ModelRefused(f"{file} can't be read: {error.strerror or error}") from None


def _channels(network: Network, number: int) -> int:
    """Return how many channels come into a layer."""
    return network.layers[number - 1].shape[0] if number else 3


def _count(network: Network, number: int) -> int:
    layer = network.layers[number].layer
    if not isinstance(layer, Convolutional):
        return 0
    return layer.filters * ((4 if layer.has_norm else 1) + _channels(network, number) // layer.groups * layer.size**2)


def _folded(layer: Convolutional, channels: int, values: Floats, where: str) -> Numbers:
    """Part the numbers of a convolution, and take its batch norm into its weights and biases, by double precision."""
    if not np.isfinite(values).all():
        message = f"{where} has numbers that are none (NaN or infinite)"
        raise ModelRefused(message, hint="its training went wrong, or the file is damaged")
    filters = layer.filters
    parts = 4 if layer.has_norm else 1
    biases = values[:filters].astype(np.float64)
    weights = values[parts * filters :].astype(np.float64).reshape(filters, channels // layer.groups, layer.size, layer.size)
    if layer.has_norm:
        scales, means, variances = values[filters : 4 * filters].astype(np.float64).reshape(3, filters)
        if variances.min() < -_EPSILON / 2:
            raise ModelRefused(f"{where} has a variance below zero", hint="the file is damaged, or of another network")
        factor = scales / np.sqrt(variances + _EPSILON)
        weights *= factor[:, None, None, None]
        biases -= means * factor
    return Numbers(weights.astype(np.float32), biases.astype(np.float32))
