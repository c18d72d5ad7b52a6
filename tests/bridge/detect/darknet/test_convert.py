"""Darknet's models as OpenVINO runs them, held against Darknet's own loops; and all that is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from tests.bridge.detect.darknet import reference
from tests.bridge.detect.darknet.samples import FOUR, HEAD, NET, TINY

from vms_bridge.cli import main
from vms_bridge.detect.darknet.cfg import parse
from vms_bridge.detect.darknet.convert import convert
from vms_bridge.detect.darknet.layers import Convolutional, MaxPool, network
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@pytest.fixture(scope="module")
def core() -> ov.Core:
    return ov.Core()


def _write(folder: Path, text: str, weights: bytes | None = None) -> tuple[Path, Path]:
    cfg, numbers = folder / "net.cfg", folder / "net.weights"
    cfg.write_text(text, encoding="utf-8")
    numbers.write_bytes(reference.random_weights(text, np.random.default_rng(4)) if weights is None else weights)
    return cfg, numbers


def _run(core: ov.Core, file: Path, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    compiled = core.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    return np.array(compiled(picture[None])[0][0])


@pytest.mark.parametrize("text", [TINY, FOUR], ids=["tiny", "v4"])
def test_it_computes_what_darknet_computes(core: ov.Core, tmp_path: Path, text: str) -> None:
    cfg, weights = _write(tmp_path, text)
    made = convert(cfg, weights, to=tmp_path / "net.xml")
    picture = np.random.default_rng(1).integers(0, 256, (made.height, made.width, 3), np.uint8)
    found = _run(core, made.file, picture).T
    expected = reference.run(text, weights.read_bytes(), picture)
    assert found.shape == expected.shape == (made.boxes, 4 + made.classes)
    assert expected[:, 4:].max() > 0.2  # else nothing is shown
    # weights of 16 bits: pixels within a hundredth of their size, scores within a hundredth
    assert np.abs(found[:, 4:] - expected[:, 4:]).max() < 0.01
    assert np.abs(found[:, :4] - expected[:, :4]).max() < 0.01 * expected[:, :4].max()


def test_the_file_says_what_it_is(core: ov.Core, tmp_path: Path) -> None:
    cfg, weights = _write(tmp_path, TINY)
    names = tmp_path / "two.names"
    names.write_text("grey cat\n猫\n\n", encoding="utf-8")
    made = convert(cfg, weights, to=tmp_path / "models" / "tiny.xml", names=names)
    assert made.labels == ("grey cat", "猫")
    assert (made.width, made.height, made.classes, made.bits) == (64, 32, 2, 16)
    model = core.read_model(made.file)
    assert json.loads(model.get_rt_info(["model_info", "labels"]).astype(str)) == ["grey cat", "猫"]
    assert model.get_rt_info(["model_info", "layout"]).astype(str) == "yolo"
    assert [each.get_element_type() for each in model.inputs] == [ov.Type.u8]
    assert list(model.inputs[0].shape) == [1, 32, 64, 3]


def test_weights_too_large_for_16_bits_keep_32(core: ov.Core, tmp_path: Path) -> None:
    count = 12 + 12 * 3
    numbers = np.full(count, 1.0, "<f4")
    numbers[0] = 1e6
    cfg, weights = _write(tmp_path, NET + HEAD, _head() + numbers.tobytes())
    made = convert(cfg, weights, to=tmp_path / "net.xml")
    assert made.bits == 32
    assert np.isfinite(_run(core, made.file, np.zeros((32, 32, 3), np.uint8))).all()


def _head(version: tuple[int, int, int] = (0, 2, 0)) -> bytes:
    return np.array(version, "<i4").tobytes() + (0).to_bytes(8 if version[0] * 10 + version[1] >= 2 else 4, "little")


def test_a_file_of_an_old_version_has_a_shorter_head(tmp_path: Path) -> None:
    cfg, weights = _write(tmp_path, NET + HEAD, _head((0, 1, 0)) + np.ones(48, "<f4").tobytes())
    assert convert(cfg, weights, to=tmp_path / "net.xml").boxes == 2 * 32 * 32


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (b"", "0 bytes"),
        (b"PK\x03\x04" + bytes(60), "version"),
        (_head() + bytes(4 * 47), "has 47 numbers, and its .cfg asks for 48"),
        (_head() + bytes(4 * 49), "has 49 numbers, and its .cfg asks for 48"),
        (_head() + bytes(4 * 48 - 1), "ends within a number"),
        (_head(), "has 0 numbers"),
        (_head() + np.full(48, np.nan, "<f4").tobytes(), r"net.cfg:5: \[convolutional\] has numbers that are none"),
        (_head() + np.full(48, np.inf, "<f4").tobytes(), "NaN or infinite"),
    ],
)
def test_weights_that_are_wrong_are_refused(tmp_path: Path, weights: bytes, said: str) -> None:
    cfg, numbers = _write(tmp_path, NET + HEAD, weights)
    with pytest.raises(ModelRefused, match=said):
        convert(cfg, numbers, to=tmp_path / "net.xml")
    assert not list(tmp_path.glob("net.xml*"))


def test_a_variance_below_zero_is_refused(tmp_path: Path) -> None:
    text = NET + HEAD.replace("size=1", "size=1\nbatch_normalize=1", 1)
    cfg, numbers = _write(tmp_path, text, _head() + np.full(4 * 12 + 36, -1.0, "<f4").tobytes())
    with pytest.raises(ModelRefused, match="variance below zero"):
        convert(cfg, numbers, to=tmp_path / "net.xml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("width=3\n", "1: 'width=3' stands before the first"),
        ("[net]\nwidth\n", "2: 'width' is neither"),
        ("[net\n", r"1: '\[net' is no \[section\]"),
        ("[convolutional]\n", r"has to be \[net\]"),
        (NET.replace("width=32", "width=wide"), "2: .* width=wide is no whole number"),
        (NET.replace("width=32", "width=99999"), "not within 32 to 4096"),
        (NET.replace("channels=3", "channels=1"), "pictures of 1 channels"),
        (NET + HEAD.replace("linear", "gelu"), r"8: \[convolutional\] has the activation 'gelu'"),
        (NET + "[lstm]\n", r"5: \[lstm\] is a kind of layer that is not known"),
        (NET + "[region]\n", "not known"),
        (NET + HEAD.replace("size=1", "size=1\ndilation=2", 1), "8: .*dilation=2, which is not known"),
        (NET + HEAD.replace("size=1", "size=1\nxnor=1", 1), "8: .*xnor=1, which is not known"),
        (NET + HEAD.replace("size=1", "size=1\ngroups=5", 1), "in 5 groups"),
        (NET + HEAD.replace("size=1", "size=63", 1), "windows of 63 on a picture of 32 x 32"),
        (NET + HEAD.replace("filters=12", "filters=11"), r"follows a layer of 11 channels, and needs 2 x \(5 \+ 1\) = 12"),
        (NET + HEAD.replace("5,6,7,8", "5,6,7"), "3 numbers of anchors, and needs 4"),
        (NET + HEAD.replace("5,6,7,8", "5,6,7,nan"), "not within"),
        (NET + HEAD.replace("5,6,7,8", "5,6,7,x"), "no number"),
        (NET + HEAD.replace("mask=0,1", "mask=0,2"), "not within 0 to 1"),
        (NET + HEAD.replace("mask=0,1", "mask=0,0.5"), "not whole"),
        (NET + "[route]\nlayers=-1\n", "name layers before it"),
        (NET + HEAD + "[route]\nlayers=-3\n", "not within -2 to 1"),
        (NET + HEAD + "[shortcut]\nfrom=0\nweights_type=per_feature\n", "weights_type=per_feature"),
        (NET + "[convolutional]\nfilters=2\n[convolutional]\nfilters=3\n[shortcut]\nfrom=-2\n", "different shapes"),
        (NET + "[convolutional]\nfilters=2\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-2\n", "different sizes"),
        (NET + "[maxpool]\nsize=2\nstride=2\npadding=3\n", "padding=3 is not within"),
        (NET + "[convolutional]\nfilters=2\n", r"no \[yolo\] head"),
        (
            NET + HEAD + "[route]\nlayers=0\n" + HEAD.replace("classes=1", "classes=2").replace("12", "14"),
            "different numbers of classes",
        ),
        (NET + "[upsample]\nstride=32\n" * 6, "more than anybody can mean"),
        (NET + "[a]\n" * 3_000, "more than 2000 sections"),
        (NET + "".join(f"k{each}=1\n" for each in range(99)), "more than 64 options"),
        ("#" * 1_000_001, "more than"),
    ],
)
def test_a_cfg_that_is_wrong_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ModelRefused, match=said):
        network(parse(text, "net.cfg"))


def test_an_option_that_says_what_is_usual_changes_nothing() -> None:
    heads = HEAD, HEAD.replace("size=1", "size=1\ndilation=1\nxnor=0", 1)
    plain, said = (network(parse(NET + head, "net.cfg")) for head in heads)
    assert [each.layer for each in said.layers] == [each.layer for each in plain.layers]


def test_how_darknet_places_its_windows() -> None:
    pools = {
        (each.layer.before, each.layer.after, each.shape[1:])
        for each in network(parse(TINY, "net.cfg")).layers
        if isinstance(each.layer, MaxPool)
    }
    assert pools == {(0, (0, 0), (16, 32)), (0, (1, 1), (8, 16))}
    odd = network(parse(NET.replace("32", "33") + "[maxpool]\nsize=2\nstride=2\n" + HEAD, "net.cfg")).layers
    assert odd[0].shape == (3, 17, 17)
    assert isinstance(odd[1].layer, Convolutional)


def test_names_have_to_be_as_many_as_classes(tmp_path: Path) -> None:
    cfg, weights = _write(tmp_path, TINY)
    names = tmp_path / "three.names"
    names.write_text("a\nb\nc\n", encoding="utf-8")
    with pytest.raises(ModelRefused, match="names 3 classes, and the model has 2"):
        convert(cfg, weights, to=tmp_path / "net.xml", names=names)


def test_the_command_says_what_it_has_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg, weights = _write(tmp_path, TINY)
    assert main(["detect", "convert", str(cfg), str(weights)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'net.xml'}: 64 x 32 pixels in, 256 boxes of 2 classes out, 16 bits a weight\n"
    assert "--names" in err
    assert {file.name for file in tmp_path.glob("net.*")} == {"net.cfg", "net.weights", "net.xml", "net.bin"}


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg, weights = _write(tmp_path, TINY)
    assert main(["detect", "convert", str(weights), str(cfg)]) == 1
    assert "name the .cfg first" in capsys.readouterr().err
    assert main(["detect", "convert", str(cfg), str(weights), "-o", str(tmp_path / "model.onnx")]) == 2
    assert "ends with .xml" in capsys.readouterr().err
