"""`vms-bridge probe`: what is understood of a model, what it finds, and what is said where it can't be tried."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import openvino as ov
import pytest
from PIL import Image
from tests.fakes.graphs import blob_model, blob_picture
from tests.fakes.onnx_files import detector

from vms_bridge.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Probe = Callable[..., tuple[int, str, str]]

BLOBS = [("person", (0.25, 0.5, 0.125, 0.25)), ("car", (0.5, 0.25, 0.25, 0.25))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of blobs."""
    file = tmp_path_factory.mktemp("model") / "blobs.xml"
    ov.save_model(blob_model(width=96, height=64, spread=4), file)
    return file


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Probe:
    """Run the verb in a folder of its own; return its code, and what it prints."""
    monkeypatch.chdir(tmp_path)

    def probed(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["probe", "--runs", "2", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return probed


def test_a_model_and_what_it_finds(probe: Probe, model: Path, tmp_path: Path) -> None:
    (tmp_path / "street.jpg").write_bytes(blob_picture(BLOBS, width=192, height=96))
    code, out, _ = probe(model, "street.jpg", "--precision", "f32", "--threads", "1")
    assert code == 0
    for said in ("yolo", "96 x 64", "3: person, car, dog", "CPU", "f32", "of 2", "pictures a second", "street-probed.jpg"):
        assert said in out, said
    assert {line.split()[0] for line in out.splitlines() if line.startswith(("person", "car"))} == {"person", "car"}
    drawn = Image.open(io.BytesIO((tmp_path / "street-probed.jpg").read_bytes()))
    assert drawn.size == (192, 96)


def test_the_same_for_programs(probe: Probe, model: Path, tmp_path: Path) -> None:
    (tmp_path / "street.jpg").write_bytes(blob_picture(BLOBS, width=192, height=96))
    code, out, _ = probe(model, "street.jpg", "--json", "--output", "drawn.jpg")
    told = json.loads(out)
    assert code == 0
    assert told["layout"] == "yolo"
    assert told["input"] == {"width": 96, "height": 64}
    assert told["labels"] == ["person", "car", "dog"]
    assert told["runs"] == 2
    assert told["infer_ms"]["p50"] > 0
    assert told["picture"] == {"width": 192, "height": 96}
    assert {one["label"]: one["box"] for one in told["found"]} == {label: pytest.approx(box, abs=0.06) for label, box in BLOBS}
    assert told["drawn"] == "drawn.jpg"
    assert (tmp_path / "drawn.jpg").exists()


def test_without_a_picture_it_is_timed_only(probe: Probe, model: Path, tmp_path: Path) -> None:
    code, out, _ = probe(model)
    assert code == 0
    assert "LABEL" not in out
    told = json.loads(probe(model, "--json")[1])
    assert (told["picture"], told["found"], told["drawn"]) == (None, [], None)
    assert not list(tmp_path.glob("*.jpg"))


def test_a_picture_with_nothing_in_it(probe: Probe, model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(blob_picture([]))
    code, out, _ = probe(model, "empty.jpg")
    assert code == 0
    assert "Nothing is found" in out
    assert "--least-score" in out


def test_options_say_what_the_file_does_not(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "yolo.onnx").write_bytes(detector())
    code, _, err = probe("yolo.onnx")
    assert code == 1
    assert "leaves open how large its pictures are" in err
    assert "->" in err
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    code, out, _ = probe("yolo.onnx", "--input", "64x32", "--labels", "names.txt", "--layout", "yolo", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["labels"], told["input"]) == (["cat", "dog"], {"width": 64, "height": 32})
    (tmp_path / "coco.onnx").write_bytes(detector(size=(32, 96), columns=84))
    assert len(json.loads(probe("coco.onnx", "--labels", "coco80", "--json")[1])["labels"]) == 80


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.onnx"], 1, "is not there"),
        (["yolo.pt"], 1, "yolo export"),
        (["model"], 1, "has no ending"),
        (["{model}", "none.jpg"], 1, "can't be read"),
        (["{model}", "bad.jpg"], 1, "picture"),
        (["{model}", "half.jpg"], 1, "picture"),
        (["{model}", "ok.jpg", "--output", "no/where.jpg"], 1, "can't be written"),
        (["{model}", "--layout", "yolov8"], 2, "--layout"),
        (["{model}", "--input", "big"], 2, "--input"),
        (["{model}", "--layout", "ssd"], 1, "not of the layout ssd"),
        (["{model}", "--device", "GPU.9"], 1, "this machine has"),
        (["{model}", "--runs", "0"], 2, "--runs"),
        ([], 2, "MODEL"),
    ],
)
def test_what_can_not_be_tried_is_said(
    probe: Probe, model: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    whole = blob_picture(BLOBS)
    for name, content in {
        "bad.jpg": b"no picture",
        "half.jpg": whole[: len(whole) // 2],
        "ok.jpg": whole,
        "yolo.pt": b"PK",
    }.items():
        (tmp_path / name).write_bytes(content)
    found, out, err = probe(*(argument.format(model=model) for argument in arguments))
    assert (found, said in err, "Traceback" in out + err) == (code, True, False), err


def test_without_the_extra_it_says_what_to_install(probe: Probe, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    code, _, err = probe(model)
    assert code == 1
    assert "openvino is not installed" in err
    assert "pip install 'vms-bridge[detect]'" in err


@pytest.fixture
def config(model: Path, tmp_path: Path) -> Path:
    """A configuration that has the model as `street`."""
    file = tmp_path / "vms-bridge.yaml"
    file.write_text(
        f"data_dir: {tmp_path}/data\nsystems: {{a: {{type: simulator}}}}\ndetection:\n"
        f"  runtime: {{folder: {model.parent}, device: CPU, precision: f32}}\n"
        f"  models: {{street: {{file: {model}, labels: [cat, cow, hen]}}, other: {{file: {model}}}}}\n"
    )
    return file


def test_a_model_of_the_configuration_is_tried_by_its_name(probe: Probe, config: Path, tmp_path: Path) -> None:
    told = json.loads(probe("street", "--json")[1])
    assert (told["labels"], told["precision"]) == (["cat", "cow", "hen"], "f32")
    (tmp_path / "names.txt").write_text("one\ntwo\nthree\n")
    told = json.loads(probe("street", "--config", config, "--labels", "names.txt", "--json")[1])
    assert told["labels"] == ["one", "two", "three"]
    assert not (tmp_path / "data").exists()


def test_a_name_that_the_configuration_does_not_have(probe: Probe, config: Path) -> None:
    code, _, err = probe("strete")
    assert code == 1
    assert f"{config.name} has no model of that name" in err
    assert "street, other" in err


def test_a_model_of_the_configuration_is_tried_with_other_labels(probe: Probe, config: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("one\ntwo\nthree\n")
    config.write_text(config.read_text().replace("labels: [cat, cow, hen]", f"labels_file: {tmp_path}/names.txt"))
    assert json.loads(probe("street", "--json")[1])["labels"] == ["one", "two", "three"]
    code, _, err = probe("street", "--labels", "coco80")
    assert code == 1
    assert "80" in err


def test_a_model_of_the_configuration_may_have_a_dot_in_its_name(probe: Probe, config: Path) -> None:
    config.write_text(config.read_text().replace("street:", "street.v2:"))
    assert json.loads(probe("street.v2", "--json")[1])["labels"] == ["cat", "cow", "hen"]
