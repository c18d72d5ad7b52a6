"""Names of classes, from whatever says them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM, GARBAGE

from vms_bridge.detect.models import names
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{0: 'person', 1: \"traffic light\"}", ("person", "traffic light")),
        ("{1: 'car', 0: 'person', 3: 'dog'}", ("person", "car", "class 2", "dog")),
        ('["person", "🐶/dog", ""]', ("person", "🐶/dog", "class 2")),
        ("['person']", ("person",)),
        ("person traffic_light", ("person", "traffic light")),
        ("person\ntraffic light\n", ("person", "traffic light")),
        ("", ()),
        ("{0: open('/etc/passwd')}", ()),
        ("{'a': 'b'}", ()),
        ("{-1: 'a', 99999999: 'b'}", ()),
        ("[" * 5000, ()),
        ("[1, 2]", ("1", "2")),
    ],
)
def test_names_that_a_file_says_of_itself(text: str, expected: tuple[str, ...]) -> None:
    assert names.from_metadata(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# of a street\nperson\n\n traffic light \r\n", ("person", "traffic light")),
        ("0 person\n1 car", ("person", "car")),
        ("1: car\n0: traffic light", ("traffic light", "car")),
        ("person\n1 car", ("person", "1 car")),
        ('["person", "car"]', ("person", "car")),
        ("", ()),
    ],
)
def test_names_in_a_file(tmp_path: Path, text: str, expected: tuple[str, ...]) -> None:
    file = tmp_path / "names.txt"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert names.from_file(file) == expected
    assert names.configured((), file) == expected


@CALM
@given(st.text(GARBAGE, max_size=100))
def test_any_text_gives_names_that_can_be_shown(text: str) -> None:
    for name in (*names.from_metadata(text), *names.from_text(text)):
        assert name.isprintable()
        assert name.strip() == name
        assert 0 < len(name) <= 100


def test_the_configuration_goes_first_and_may_name_a_list(tmp_path: Path) -> None:
    assert names.configured(("coco80",), None) == names.COCO80
    assert (len(names.COCO80), names.COCO80[9], names.COCO80[-1]) == (80, "traffic light", "toothbrush")
    assert names.configured(("person", "car"), None) == ("person", "car")
    assert names.configured((), None) == ()
    with pytest.raises(ModelRefused, match="can't be read"):
        names.from_file(tmp_path / "none.txt")
    (tmp_path / "large.txt").write_bytes(bytes(2 << 20))
    with pytest.raises(ModelRefused, match="too large"):
        names.from_file(tmp_path / "large.txt")


def test_files_beside_a_model(tmp_path: Path) -> None:
    model = tmp_path / "yolo.v2.onnx"
    assert names.beside(model) == ()
    (tmp_path / "labels.txt").write_text("dog")
    assert names.beside(model) == ("dog",)
    (tmp_path / "yolo.v2.txt").write_text("cat")
    assert names.beside(model) == ("cat",)
    (tmp_path / "yolo.v2.names").write_text("person")
    assert names.beside(model) == ("person",)


def test_names_at_the_end_of_a_tflite_file(tmp_path: Path) -> None:
    file = tmp_path / "a.tflite"
    file.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    assert names.within_tflite(file) == ()
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labelmap.txt", "person\ncar\n")
    assert names.within_tflite(file) == ("person", "car")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("other.txt", "x")
    assert names.within_tflite(file) == ()
    file.write_bytes(file.read_bytes()[:-30])
    assert names.within_tflite(file) == ()


def test_a_name_of_what_is_none_of_them_is_left_out() -> None:
    assert names.without_background(("???", "person")) == ("person",)
    assert names.without_background(("Background", "person")) == ("person",)
    assert names.without_background(("person", "background")) == ("person", "background")
    assert names.without_background(()) == ()
