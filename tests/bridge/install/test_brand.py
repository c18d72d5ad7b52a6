"""The component's pictures: the sizes that Home Assistant's brands have, on nothing, and as the script draws them."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageStat
from tests.bridge.install import draw_brand
from tests.bridge.install.draw_brand import BRAND, ICON, LOGO

NAMES = sorted(f"{dark}{kind}{scale}.png" for dark in ("", "dark_") for kind in ("icon", "logo") for scale in ("", "@2x"))


def test_every_picture_is_there_and_no_other() -> None:
    assert sorted(path.name for path in BRAND.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_as_large_as_it_must_be_and_stands_on_nothing(name: str) -> None:
    scale = 2 if "@2x" in name else 1
    with Image.open(BRAND / name) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "RGBA"
        if "icon" in name:
            assert picture.size == (ICON * scale, ICON * scale)
        else:
            assert picture.height == LOGO * scale
            assert picture.height < picture.width <= 8 * picture.height
        assert picture.getpixel((0, 0)) == (0, 0, 0, 0)
        left, top, right, bottom = picture.getbbox() or (0, 0, 0, 0)
        assert right - left >= 0.95 * picture.width, "it has empty edges"
        assert bottom - top >= 0.7 * picture.height
    assert (BRAND / name).stat().st_size < 60_000


def test_the_pictures_are_those_of_the_script() -> None:
    """Pillow's edges differ a little from version to version: it is the drawing that counts."""
    for name, drawn in (
        ("icon.png", draw_brand.mark(ICON, draw_brand.LIGHT)),
        ("dark_icon.png", draw_brand.mark(ICON, draw_brand.DARK)),
    ):
        with Image.open(BRAND / name) as kept:
            different = ImageStat.Stat(ImageChops.difference(kept.convert("RGBA"), drawn)).mean
        assert max(different) < 1, name
