"""Files are held against what a model may be before anything reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.fakes.onnx_files import detector, external, field, model, node

from vms_bridge.detect.models.files import MB, checked
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

TFLITE = b"\x1c\x00\x00\x00TFL3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "a.xml").write_bytes(b"\xef\xbb\xbf<?xml version='1.0'?><net/>")
    (folder / "a.bin").write_bytes(b"weights")
    (folder / "a.tflite").write_bytes(TFLITE + bytes(99))
    (folder / "a.onnx").write_bytes(detector())
    return folder


def refusal(file: Path, folder: Path, most_bytes: int = MB) -> str:
    with pytest.raises(ModelRefused) as refused:
        checked(file, folder, most_bytes)
    assert refused.value.hint
    return f"{refused.value} -> {refused.value.hint}"


@pytest.mark.parametrize(("name", "kind"), [("a.xml", "ir"), ("a.onnx", "onnx"), ("a.tflite", "tflite")])
def test_models_are_taken_by_their_path_and_by_their_name(folder: Path, name: str, kind: str) -> None:
    by_path, by_name = checked(folder / name, folder), checked(folder.joinpath(name).relative_to(folder), folder)
    assert by_path == by_name
    assert (by_path.kind, by_path.path) == (kind, folder / name)
    weights = folder / "a.bin" if kind == "ir" else None
    assert by_path.weights == weights
    assert by_path.size_bytes == (folder / name).stat().st_size + (weights.stat().st_size if weights else 0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yolo.pt", "yolo export"),
        ("yolo.PTH", "runs what its maker put into it"),
        ("x.pkl", "pickle"),
        ("libextension.so", "extensions are not loaded"),
        ("yolov4.cfg", "vms-bridge detect convert"),
        ("yolov4.weights", "vms-bridge detect convert"),
        ("x.engine", "another runtime"),
        ("x.pb", "ovc"),
        ("x.caffemodel", "Caffe"),
        ("x.bin", "name the .xml"),
        ("x.gguf", "ends in .gguf"),
        ("model", "has no ending"),
    ],
)
def test_what_is_no_model_is_refused_by_its_name_with_the_remedy(folder: Path, name: str, said: str) -> None:
    (folder / name).write_bytes(b"whatever")
    assert said in refusal(folder / name, folder)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("b.onnx", b"PK\x03\x04archive/data.pkl", "yolo export"),
        ("b.onnx", b"\x80\x02}q\x00", "is a pickle"),
        ("b.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        ("b.onnx", b"<!doctype HTML><title>Sign in", "web page"),
        ("b.onnx", b"\x08\x08\x3a\x7f", "breaks off"),
        ("b.onnx", b"\x0b\x0c", "no protobuf"),
        ("b.onnx", b"\xff" * 20, "no protobuf"),
        ("b.onnx", b"", "is empty"),
        ("b.xml", b"\x00\x01", "no XML"),
        ("b.tflite", b"\x00" * 40, "TFL3"),
        ("b.tflite", TFLITE + bytes(MB - 10) + b"edgetpu-custom-op", "Coral"),
        ("b_edgetpu.tflite", TFLITE, "b.tflite"),
    ],
)
def test_what_is_no_model_is_refused_by_what_is_in_it(folder: Path, name: str, content: bytes, said: str) -> None:
    (folder / name).write_bytes(content)
    assert said in refusal(folder / name, folder, 9 * MB)


def test_a_model_of_two_gigabytes_is_refused_until_it_is_allowed(folder: Path) -> None:
    with (folder / "large.tflite").open("wb") as stream:
        stream.write(TFLITE)
        stream.truncate(2 << 30)  # a hole: it takes no room
    said = refusal(folder / "large.tflite", folder, 1024 * MB)
    assert "2048 MB" in said
    assert "largest_model_mb: 2048" in said
    with (folder / "a.bin").open("wb") as stream:
        stream.truncate(2 << 30)
    assert "2049 MB" in refusal(folder / "a.xml", folder, 1024 * MB)
    assert checked(folder / "a.xml", folder, 2049 * MB).size_bytes > 2 << 30


def test_what_is_not_there_is_told(folder: Path) -> None:
    assert "not there" in refusal(folder / "none.onnx", folder)
    (folder / "a.bin").unlink()
    assert "the two are one model" in refusal(folder / "a.xml", folder)


def test_a_folder_names_the_model_in_it(folder: Path) -> None:
    assert f"name the model in it: {folder / 'a.onnx'}" in refusal(folder, folder)
    (folder / "c.onnx").mkdir()
    assert "no plain file" in refusal(folder / "c.onnx", folder)
    os.mkfifo(folder / "d.tflite")
    assert "no plain file" in refusal(folder / "d.tflite", folder)


def test_nothing_is_read_outside_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("a.xml", "a.bin", "a.onnx"):
        (outside / name).write_bytes((folder / name).read_bytes())
    (folder / "link.onnx").symlink_to(outside / "a.onnx")
    (folder / "b.xml").write_bytes((folder / "a.xml").read_bytes())
    (folder / "b.bin").symlink_to(outside / "a.bin")
    (folder / "circle.onnx").symlink_to(folder / "circle.onnx")
    for file in (folder / "link.onnx", folder / "b.xml", folder / "../outside/a.onnx", outside / "a.xml"):
        assert "outside of the models' folder" in refusal(file, folder)
    refusal(folder / "circle.onnx", folder)


def test_a_link_within_the_folder_is_followed_and_the_folder_may_be_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    (folder / "current.onnx").symlink_to("a.onnx")
    assert checked(tmp_path / "link" / "current.onnx", tmp_path / "link").path == folder / "a.onnx"


def test_data_of_an_onnx_file_in_other_files_are_within_the_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "weights.data").write_bytes(bytes(100))
    (folder / "a.onnx").write_bytes(detector(location="weights.data"))
    assert checked(folder / "a.onnx", folder).size_bytes == (folder / "a.onnx").stat().st_size + 100
    assert "MB" in refusal(folder / "a.onnx", folder, (folder / "a.onnx").stat().st_size + 99)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link.data").symlink_to(tmp_path / "secret")
    for location in ("../secret", "/etc/passwd", "link.data", "none.data", ""):
        (folder / "a.onnx").write_bytes(detector(location=location))
        refusal(folder / "a.onnx", folder)


@pytest.mark.parametrize("nested", ["attribute", "graph", "sparse", "function", "training"])
def test_data_are_found_wherever_a_tensor_can_be(folder: Path, nested: str) -> None:
    tensor = external("w", [4], "../secret")
    content = {
        "attribute": model(field(1, node("Constant", [], ["w"], field(5, field(1, "value") + field(5, tensor))))),
        "graph": model(field(1, node("If", ["c"], ["w"], field(5, field(1, "then_branch") + field(6, field(5, tensor)))))),
        "sparse": model(field(15, field(1, tensor))),
        "function": model(b"") + field(25, field(7, node("Constant", [], ["w"], field(5, field(5, tensor))))),
        "training": model(b"") + field(20, field(1, field(5, tensor))),
    }[nested]
    (folder / "a.onnx").write_bytes(content)
    assert "outside" in refusal(folder / "a.onnx", folder) or "not there" in refusal(folder / "a.onnx", folder)


def test_a_file_that_is_nested_without_end_is_refused(folder: Path) -> None:
    graph = field(5, external("w", [4], "x"))
    for _ in range(40):
        graph = field(1, field(5, field(6, graph)))
    (folder / "a.onnx").write_bytes(model(graph))
    assert "nested too deep" in refusal(folder / "a.onnx", folder)
    (folder / "a.onnx").write_bytes(model(field(5, external("w", [4], "x" * 5000))))
    assert "too long" in refusal(folder / "a.onnx", folder)
