"""A model for the scene that the real ZoneMinder's cameras show: bars of flat colours, one of which is a car.

It is one of opset calls that finds blobs of one colour, which is read off the camera's own picture, as it comes through H.264
and JPEG.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

CAR = 5
"""Which of the seven bars it is."""


def colour_of_the_car(jpeg: bytes) -> tuple[int, int, int]:
    """Return the colour that it has in a picture of the camera."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        x, y = round(picture.width * (CAR + 0.5) / 7), picture.height // 4
        middle = picture.convert("RGB").crop((x - 4, y - 4, x + 4, y + 4)).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(middle, tuple)
    return int(middle[0]), int(middle[1]), int(middle[2])


async def make_model(file: Path, colour: tuple[int, int, int]) -> None:
    """Write a model that finds a car wherever there is much of this colour."""

    def make() -> None:
        import openvino as ov  # noqa: PLC0415  # heavy, and for few tests
        from tests.fakes.graphs import blob_model  # noqa: PLC0415  # as above

        ov.save_model(blob_model({"car": colour}, spread=24), file)

    await asyncio.to_thread(make)
