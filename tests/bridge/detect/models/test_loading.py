"""From files to models: what they say of themselves, what is made of their inputs, and what is said where it can't be done."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops
from tests.bridge.detect.models.conftest import answers, rows, table
from tests.fakes.graphs import constant_model
from tests.fakes.onnx_files import detector, field, model, value_info

from vms_bridge.detect.models.border import border
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.detect.models.conftest import Load, Ready

NAMES = "{0: 'person', 1: 'traffic light'}"
CELLS = np.zeros((1, 6, 84), np.float32)


def echo(file: Path, *, form: str = "NCHW", kind: ov.Type = ov.Type.f32, size: tuple[int, int] | None = (32, 64)) -> Path:
    """Write a model whose three rows are the corner pixel's colours as x1, y1, x2, of the layout `e2e`."""
    height, width = (-1, -1) if size is None else size
    shape = [1, 3, height, width] if form == "NCHW" else [1, height, width, 3]
    picture = ops.parameter(ov.PartialShape(shape), kind, name="images")
    floats = ops.convert(picture, ov.Type.f32)
    first = floats if form == "NCHW" else ops.transpose(floats, np.array([0, 3, 1, 2], np.int64))
    corner = ops.slice(first, *(np.array(part, np.int64) for part in ([0, 0, 0, 0], [1, 3, 1, 1], [1, 1, 1, 1])))
    row = ops.concat(
        [ops.reshape(corner, np.array([1, 1, 3], np.int64), special_zero=False), ops.constant(table([30, 0.5, 0])[None])], 2
    )
    written = ov.Model([ops.result(row)], [picture], "echo")
    written.set_rt_info("thing", ["model_info", "labels"])
    ov.save_model(written, file, compress_to_fp16=False)
    return file


def picture(width: int = 64, height: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.zeros((1, height, width, 3), np.uint8)
    pixels[0, 0, 0] = [200, 100, 50]  # red, green, blue
    return pixels


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, [200 / 255, 100 / 255, 50 / 255]),
        ({"pixels": "0..255"}, [200, 100, 50]),
        ({"pixels": "0..255", "colours": "bgr"}, [50, 100, 200]),
        ({"pixels": "-1..1"}, [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        ({"pixels": "imagenet"}, [(200 - 123.675) / 58.395, (100 - 116.28) / 57.12, (50 - 103.53) / 57.375]),
        (
            {"pixels": "imagenet", "colours": "bgr"},
            [(50 - 103.53) / 57.375, (100 - 116.28) / 57.12, (200 - 123.675) / 58.395],
        ),
    ],
)
@pytest.mark.parametrize("form", ["NCHW", "NHWC"])
def test_bytes_are_converted_within_the_graph(
    tmp_path: Path, load_file: Load, about: dict[str, str], told: list[float], form: str
) -> None:
    loaded = load_file(echo(tmp_path / "a.xml", form=form), **about)
    (port,) = loaded.compiled.inputs
    assert (port.get_element_type(), list(port.shape)) == (ov.Type.u8, [1, 32, 64, 3])
    assert answers(loaded, picture())[0][0, 0, :3] == pytest.approx(told, rel=1e-5)


def test_a_model_that_takes_bytes_gets_them_as_they_are(tmp_path: Path, load_file: Load) -> None:
    for form in ("NCHW", "NHWC"):
        loaded = load_file(echo(tmp_path / "a.xml", form=form, kind=ov.Type.u8))
        assert answers(loaded, picture())[0][0, 0, :3].tolist() == [200, 100, 50]
        loaded = load_file(echo(tmp_path / "a.xml", form=form, kind=ov.Type.u8), colours="bgr", pixels="0..255")
        assert answers(loaded, picture())[0][0, 0, :3].tolist() == [50, 100, 200]
    with pytest.raises(ModelRefused, match="it takes bytes"):
        load_file(tmp_path / "a.xml", pixels="0..1")


def test_a_model_for_another_task_is_refused_by_what_it_says(tmp_path: Path, load_file: Load) -> None:
    (tmp_path / "pose.onnx").write_bytes(detector(size=(32, 64), metadata={"names": NAMES, "task": "pose"}))
    with pytest.raises(ModelRefused, match="task 'pose'"):
        load_file(tmp_path / "pose.onnx")


def test_more_memory_than_there_is_is_told_as_that() -> None:
    for error in (MemoryError(), RuntimeError("Exception from src/x.cpp:1:\nstd::bad_alloc")):
        with pytest.raises(ModelRefused, match="more memory than there is"), border("it can't be read", "x"):
            raise error


def test_how_a_file_says_that_it_takes_pixels_counts(tmp_path: Path, load_file: Load, core: ov.Core) -> None:
    said = core.read_model(echo(tmp_path / "a.xml"))
    said.set_rt_info([100.0, 50.0, 25.0], ["model_info", "scale_values"])
    said.set_rt_info("10", ["model_info", "mean_values"])
    ov.save_model(said, tmp_path / "b.xml", compress_to_fp16=False)
    assert answers(load_file(tmp_path / "b.xml"), picture())[0][0, 0, :3] == pytest.approx([1.9, 1.8, 1.6], rel=1e-5)


def test_a_size_that_is_open_comes_from_the_configuration(tmp_path: Path, load_file: Load) -> None:
    file = echo(tmp_path / "a.xml", size=None)
    with pytest.raises(ModelRefused, match=r"a\.xml: it leaves open") as refused:
        load_file(file)
    assert "640x640" in refused.value.hint
    loaded = load_file(file, input="128x64")
    assert (loaded.input.width, loaded.input.height) == (128, 64)
    assert list(loaded.compiled.inputs[0].shape) == [1, 64, 128, 3]
    with pytest.raises(ModelRefused, match="larger than"):
        load_file(file, input="8000x64")


def test_an_onnx_file_says_its_names_and_size(tmp_path: Path, load_file: Load) -> None:
    file = tmp_path / "yolo.onnx"
    file.write_bytes(detector(metadata={"names": NAMES, "imgsz": "[32, 64]", "task": "detect"}, value=0.5))
    loaded = load_file(file)
    assert loaded.facts.labels == ("person", "traffic light")
    assert (loaded.facts.layout, loaded.facts.width, loaded.facts.height) == ("yolo", 64, 32)
    assert loaded.facts.file == str(file)
    assert loaded.facts.device == "CPU"
    assert loaded.facts.precision == "f32"
    assert loaded.facts.compile_s > 0
    (output,) = answers(loaded)
    assert (output == np.full((1, 6, 32), 0.5, np.float32)).all()


def test_the_configuration_goes_before_what_the_file_says(tmp_path: Path, load_file: Load) -> None:
    file = tmp_path / "yolo.onnx"
    file.write_bytes(detector(metadata={"names": NAMES, "imgsz": "[32, 64]"}))
    loaded = load_file(file, labels=["cat", "dog"], input="64x64", layout="yolo")
    assert loaded.facts.labels == ("cat", "dog")
    assert loaded.input.height == 64
    (tmp_path / "mine.txt").write_text("one\ntwo")
    assert load_file(file, labels_file="mine.txt").facts.labels == ("one", "two")
    with pytest.raises(ModelRefused, match="there are names of 3") as refused:
        load_file(file, labels=["a", "b", "c"])
    assert "labels" in refused.value.hint


def test_a_file_beside_goes_last(tmp_path: Path, load_file: Load) -> None:
    file = tmp_path / "yolo.onnx"
    (tmp_path / "yolo.txt").write_text("cat\ndog")
    file.write_bytes(detector(metadata={"names": NAMES}, size=(32, 64)))
    assert load_file(file).facts.labels == ("person", "traffic light")
    file.write_bytes(detector(size=(32, 64)))
    assert load_file(file).facts.labels == ("cat", "dog")


def test_without_names_nothing_is_loaded(tmp_path: Path, load_file: Load, ready: Ready) -> None:
    file = tmp_path / "yolo.onnx"
    file.write_bytes(detector(size=(32, 96)))
    with pytest.raises(ModelRefused, match="nobody says what its classes are called") as refused:
        load_file(file)
    assert "2 in their order" in refused.value.hint
    file.write_bytes(detector(size=(32, 96), columns=84))
    with pytest.raises(ModelRefused) as refused:
        load_file(file)
    assert "coco80" in refused.value.hint
    assert len(load_file(file, labels=["coco80"]).facts.labels) == 80
    with pytest.raises(ModelRefused) as refused:
        ready({"out": np.zeros((1, 300, 6), np.float32)})
    assert "coco80" in refused.value.hint


def test_what_is_broken_is_told_in_a_line(tmp_path: Path, load_file: Load) -> None:
    broken = {
        "a.xml": b"<?xml version='1.0'?><net name='x' version='11'><layers><layer id='0' type='Bad'/></layers></net>",
        "b.onnx": model(field(1, field(4, "NoSuchOperation") + field(1, "images") + field(2, "out")) + field(2, "g")
                        + field(11, value_info("images", [1, 3, 32, 32])) + field(12, value_info("out", [1]))),
        "c.tflite": b"\x1c\x00\x00\x00TFL3" + bytes(200),
        "d.xml": b"<nothing/>",
    }  # fmt: skip
    (tmp_path / "a.bin").write_bytes(b"x")
    (tmp_path / "d.bin").write_bytes(b"x")
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelRefused) as refused:
            load_file(tmp_path / name)
        assert str(refused.value).startswith(f"{name}: it can't be read")
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 500
        assert "src/" not in str(refused.value)


def test_boxes_are_scaled_by_the_inputs_width_and_height_in_that_order(tmp_path: Path, load_file: Load) -> None:
    # Others give height and width, which nobody notices while inputs are square.
    images = ops.parameter([1, 3, 32, 64], ov.Type.f32, name="images")
    sizes = ops.parameter([1, 2], ov.Type.i64, name="orig_target_sizes")
    size = ops.convert(sizes, ov.Type.f32)
    shares = ops.constant(table([0.25, 0.25, 0.75, 0.5])[None])
    boxes = ops.multiply(shares, ops.unsqueeze(ops.concat([size, size], 1), np.int64(1)))
    corner = ops.reduce_max(ops.multiply(images, ops.constant(np.float32(0))), np.arange(4, dtype=np.int64), keep_dims=False)
    parts = {
        "labels": ops.constant(np.array([[1]], np.int64)),
        "boxes": ops.add(boxes, corner),
        "scores": ops.constant(table([0.5])),
    }
    written = ov.Model([ops.result(part) for part in parts.values()], [images, sizes], "detr")
    for port, name in zip([*written.inputs, *written.outputs], ["images", "orig_target_sizes", *parts], strict=True):
        port.set_names({name})
    ov.save_model(written, tmp_path / "detr.xml", compress_to_fp16=False)
    loaded = load_file(tmp_path / "detr.xml", labels=["person", "car"])
    assert loaded.facts.layout == "detr"
    assert [list(port.shape) for port in loaded.compiled.inputs] == [[1, 32, 64, 3]]
    assert rows(loaded.decode(answers(loaded), 0.3)) == [(1, 0.5, (16, 8, 48, 16))]


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"others": {"scale_factor": (1, 2)}}, "an input that nobody knows what to give: scale_factor"),
        ({"others": {"images2": (1, 3, 64, 64)}}, "not one input for a picture: pictures [1,3,64,64], images2"),
    ],
)
def test_inputs_that_nobody_knows_are_named(ready: Ready, graph: dict[str, object], said: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        ready({"output0": CELLS}, graph={"labels": ["a", "b"], **graph})
    assert said in str(refused.value)


def test_a_model_for_grey_pictures_is_refused(tmp_path: Path, load_file: Load) -> None:
    grey = ops.parameter([1, 1, 32, 64], ov.Type.f32, name="images")
    ov.save_model(ov.Model([ops.result(ops.relu(grey))], [grey], "grey"), tmp_path / "a.xml")
    with pytest.raises(ModelRefused, match="no pictures in colours"):
        load_file(tmp_path / "a.xml")


def test_a_graph_with_many_outputs_is_refused(ready: Ready) -> None:
    with pytest.raises(ModelRefused, match="17 outputs"):
        ready({f"out{at}": CELLS for at in range(17)})


def test_a_cache_is_for_its_owner_only_and_makes_it_quicker_to_start(tmp_path: Path, load_file: Load) -> None:
    file, cache = tmp_path / "a.xml", tmp_path / "deep" / "cache"
    ov.save_model(constant_model({"output0": CELLS}, labels=["a", "b"]), file, compress_to_fp16=False)
    load_file(file, {"cache_dir": cache})
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    cache.chmod(0o755)
    assert rows(load_file(file, {"cache_dir": cache, "device": "AUTO", "threads": 1}).decode([CELLS], 0.5)) == []
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert list(cache.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(ModelRefused, match="directory for compiled models"):
        load_file(file, {"cache_dir": tmp_path / "file" / "cache"})


@pytest.mark.parametrize(("threads", "expected"), [(None, max(1, len(os.sched_getaffinity(0)) - 1)), (2, 2)])
def test_a_core_is_left_for_the_others(tmp_path: Path, load_file: Load, threads: int | None, expected: int) -> None:
    loaded = load_file(echo(tmp_path / "a.xml"), {"threads": threads})
    assert loaded.compiled.get_property("INFERENCE_NUM_THREADS") == expected


def test_a_device_that_is_not_there_is_told(tmp_path: Path, load_file: Load) -> None:
    file = tmp_path / "a.xml"
    ov.save_model(constant_model({"output0": CELLS}, labels=["a", "b"]), file, compress_to_fp16=False)
    with pytest.raises(ModelRefused, match=r"can't be compiled for GPU\.7") as refused:
        load_file(file, {"device": "GPU.7"})
    assert "this machine has CPU" in refused.value.hint


def test_a_file_outside_of_the_folder_is_not_loaded(tmp_path: Path, load_file: Load) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "a.onnx").write_bytes(detector())
    with pytest.raises(ModelRefused, match="outside of the models' folder"):
        load_file(tmp_path / "a.onnx", {"folder": tmp_path / "models"})
