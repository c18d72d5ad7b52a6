"""What pyzm is configured by becomes a section that the bridge takes; what can't is said; garbage ends in words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import GARBAGE, SELDOM

from vms_bridge.cli import main
from vms_bridge.config.check import Checker
from vms_bridge.config.file import read_document
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.detect.pyzm import Conversion, convert, of_ini, of_values
from vms_bridge.detect.pyzm.words import labels, polygon, seconds, size_for
from vms_bridge.detect.pyzm.write import as_yaml
from vms_bridge.errors import ConfigError

YAML = """\
general:
  base_data_path: /var/lib/zmeventnotification
ml:
  ml_sequence:
    general:
      model_sequence: object,face,alpr
      disable_locks: "no"
      match_past_detections: "yes"
      past_det_max_diff_area: 5%
      car_past_det_max_diff_area: 45%
      aliases: [[car, bus, truck], [dog, cat]]
      frame_strategy: most_models
    object:
      general:
        pattern: "(person|car|motorbike|bus|truck|boat)"
        same_model_sequence_strategy: most
        max_detection_size: 90%
      sequence:
        - name: TPU
          enabled: "yes"
          object_weights: "{{base_data_path}}/models/coral_edgetpu/ssd_mobilenet_v2_edgetpu.tflite"
          object_framework: coral_edgetpu
        - name: YOLO11
          object_weights: "{{base_data_path}}/models/ultralytics/yolo11s.onnx"
          object_min_confidence: 0.3
          object_framework: opencv
          object_processor: gpu
        - name: DarkNet::v4
          object_config: "{{base_data_path}}/models/yolov4/yolov4.cfg"
          object_weights: "{{base_data_path}}/models/yolov4/yolov4.weights"
          object_labels: "{{base_data_path}}/models/yolov4/coco.names"
          object_min_confidence: 0.4
        - name: old
          enabled: "no"
          object_weights: "{{base_data_path}}/models/old/old.onnx"
    face:
      sequence: []
  stream_sequence:
    frame_set: snapshot,alarm,21
    frame_strategy: first
    delay: 2
    max_attempts: 3
    resize: 800
monitors:
  3:
    zones:
      front porch:
        coords: 306,356 1003,341 1074,683 154,715
        detection_pattern: "(person|dog)"
      flat:
        coords: 1,1 1,1 1,1
  4:
    ml_sequence:
      object:
        general: {pattern: "^(?!cat).*$"}
        sequence:
          - {name: YOLO11, object_weights: "{{base_data_path}}/models/ultralytics/yolo11s.onnx", object_min_confidence: 0.3}
"""
INI = """\
[general]
base_data_path=/var/lib/zmeventnotification
[monitor-7]
wait=5
my_zone=10,10 600,10 600,400
my_zone_zone_detection_pattern=(person)
[ml]
# a comment
ml_sequence= {
        'general': {'model_sequence': 'object', 'disable_locks': 'no'},
        # another one
        'object': {
            'general': {'pattern': '(person|car)', 'same_model_sequence_strategy': 'union'},
            'sequence': [{
                'object_weights':'{{base_data_path}}/models/yolo11s.onnx',
                'object_min_confidence': 0.35,
                'object_framework':'opencv',
            }]
        },
    }
stream_sequence = {'frame_set': ['alarm', 'snapshot', 1], 'frame_strategy': 'most'}
"""


def _values(text: str) -> dict[str, object]:
    values: dict[str, object] = yaml.safe_load(text)
    return values


def _read(conversion: Conversion, folder: Path) -> DetectionSettings:
    """Return what the bridge makes of the section."""
    file = folder / "detection.yaml"
    file.write_text(as_yaml(conversion, "objectconfig"), encoding="utf-8")
    document = read_document(file, {})
    checker = Checker(file, document)
    section = document.values["detection"]
    assert isinstance(section, dict)
    settings = checker.model(DetectionSettings, section, ("detection",))
    assert checker.mistakes == []
    assert settings is not None
    return settings


def test_yaml_becomes_a_section_that_the_bridge_takes(tmp_path: Path) -> None:
    conversion = convert(of_values(_values(YAML)), system="home", sizes={"3": (1280, 720)})
    settings = _read(conversion, tmp_path)
    root = Path("/var/lib/zmeventnotification/models")
    assert {name: model.file for name, model in settings.models.items()} == {
        "YOLO11": root / "ultralytics/yolo11s.onnx",
        "DarkNet_v4": root / "yolov4/yolov4.xml",
    }
    assert settings.runtime.folder == root
    (stage,) = settings.profiles["default"].stages
    assert (stage.use, stage.pick, stage.min_score) == (("YOLO11", "DarkNet_v4"), "most", 0.3)
    rule = stage.labels["person|car|motorbike|bus|truck|boat"]
    assert rule.max_size == "90%"
    frames, past = settings.profiles["default"].frames, settings.profiles["default"].past
    assert (frames.take, frames.pick, frames.after_s) == (("snapshot", "alarm", "21"), "first", 2)
    assert (past.suppress, past.same) == (True, (("car", "bus", "truck"), ("dog", "cat")))
    camera = settings.camera("home", "3", "Anything")
    assert camera is not None
    porch = camera.zones["front_porch"]
    assert (porch.size, porch.where, porch.labels, porch.points[0]) == ("1280x720", "touch", ("person|dog",), (306, 356))
    other = settings.camera("home", "4", "x")
    assert other is not None
    assert other.profile == "monitor_4"
    assert settings.camera("home", "5", "x") is not None


@pytest.mark.parametrize(
    "said",
    [
        "is compiled for a Coral alone",
        "vms-bridge detect convert /var/lib/zmeventnotification/models/yolov4/yolov4.cfg",
        "sequence[3]: is switched off",
        "only objects are looked for yet",
        "car_past_det_max_diff_area: has no place",
        "past detections are matched by overlap",
        "takes whole labels",
        "stream_sequence.max_attempts",
        "'flat' has fewer than three different corners",
        "'^(?!cat).*$' can't be said so",
    ],
)
def test_what_can_t_be_said_is_told_and_stands_above_the_section(said: str) -> None:
    conversion = convert(of_values(_values(YAML)), sizes={"3": (1280, 720)})
    assert [note for note in conversion.notes if said in note]
    assert said in as_yaml(conversion, "objectconfig.yml")


def test_an_ini_file_becomes_the_same(tmp_path: Path) -> None:
    conversion = convert(of_ini(INI))
    settings = _read(conversion, tmp_path)
    assert settings.models["yolo11s"].floor == 0.35
    (stage,) = settings.profiles["default"].stages
    assert (stage.pick, list(stage.labels), stage.min_score) == ("union", ["person|car"], 0.35)
    assert settings.profiles["default"].frames.take == ("alarm", "snapshot", "1")
    zone = settings.cameras["zm/7"].zones["my_zone"]
    assert (zone.size, zone.labels) == ("640x480", ("person",))
    assert [note for note in conversion.notes if "is taken to have 640x480" in note]


def test_models_that_are_nowhere_together_are_named_where_the_first_is(tmp_path: Path) -> None:
    sequence = [{"object_weights": "/a/one.onnx"}, {"object_weights": "/b/one.onnx"}, {"object_weights": "/b/../.."}, {}]
    conversion = convert(of_values({"object": {"sequence": sequence}}))
    settings = _read(conversion, tmp_path)
    assert [str(model.file) for model in settings.models.values()] == ["/a/one.onnx", "/a/one.onnx"]
    assert [note for note in conversion.notes if "nothing in common" in note]
    assert len([note for note in conversion.notes if "names no file of weights" in note]) == 2


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        (["/m/a/one.onnx", "/m/b/two.onnx"], "/m"),
        (["one.onnx", "a/two.onnx"], "."),
        (["/m/one.onnx", "two.onnx"], None),
        (["../one.onnx", "two.onnx"], None),
        (["/m/one.onnx", "/m/two.onnx"], None),
    ],
)
def test_the_folder_of_models_is_named_where_there_are_several(files: list[str], folder: str | None) -> None:
    conversion = convert(of_values({"object": {"sequence": [{"object_weights": file} for file in files]}}))
    settings = DetectionSettings.model_validate(conversion.section)
    assert settings.runtime.folder == (None if folder is None else Path(folder))
    assert len(settings.models) == 2


def test_patterns_zones_and_sizes() -> None:
    assert [labels(text) for text in (".*", "(.*)", "(person|car)", "person", "^dog$", "(traffic light|cat)")] == [
        "",
        "",
        "person|car",
        "person",
        "dog",
        "traffic light|cat",
    ]
    assert labels("(per.*|car)") == "re:(per.*|car)"
    assert labels("(a+)+") is None
    assert labels(None) is None
    assert polygon("1,2 3,4 5.5,6") == ((1, 2), (3, 4), (5.5, 6))
    assert [polygon(text) for text in ("1,2 3,4", "1,2 3,4 x", "", None, 5)] == [None] * 5
    assert size_for([(1000, 300)]) == (1024, 768)
    assert size_for([(9000, 300)]) is None
    assert [seconds(value) for value in (2, "1.5", 1e-9, 0, -1, "x", float("nan"))] == [
        "2s",
        "1.5s",
        "0s",
        "0s",
        None,
        None,
        None,
    ]


_LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(GARBAGE, max_size=12)
_KEYS = st.sampled_from(
    [
        *(
            "general",
            "object",
            "sequence",
            "ml_sequence",
            "stream_sequence",
            "pattern",
            "object_weights",
            "object_min_confidence",
        ),
        *(
            "frame_set",
            "monitors",
            "zones",
            "coords",
            "aliases",
            "name",
            "object_framework",
            "same_model_sequence_strategy",
            "delay",
        ),
        *("model_width", "max_detection_size", "object_labels", "3", "ml", "frame_strategy", "detection_pattern"),
    ]
)
_TREES = st.recursive(
    _LEAVES | st.sampled_from(["0,0 9,0 9,9", "yolo.onnx", "/a/b.weights", "{{name}}/x", "(person|car)", "0.5", "alarm"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@SELDOM
@given(st.dictionaries(_KEYS, _TREES, max_size=4))
def test_garbage_becomes_a_section_that_the_bridge_takes_or_one_without_a_model(values: dict[str, object]) -> None:
    conversion = convert(of_values(values))
    section = yaml.safe_load(as_yaml(conversion, "x"))["detection"]
    assert conversion.section.keys() >= {"models", "profiles"}
    if section["models"]:
        DetectionSettings.model_validate(section)
    else:
        assert [note for note in conversion.notes if "no model" in note]


@SELDOM
@given(st.text(GARBAGE + "[]=\n'{}:,", max_size=200) | _TREES.map(lambda tree: f"[ml]\nml_sequence={tree!r}\n"))
def test_garbage_that_is_no_ini_file_is_said_to_be_none(text: str) -> None:
    try:
        conversion = convert(of_ini(text))
    except ConfigError as error:
        assert error.hint  # noqa: PT017
        return
    yaml.safe_load(as_yaml(conversion, "x"))


def test_a_strategy_that_is_no_word_is_said_to_be_none() -> None:
    wrong = {"object": {"general": {"same_model_sequence_strategy": ["first"]}}, "stream_sequence": {"frame_strategy": []}}
    assert len([note for note in convert(of_values(wrong)).notes if "there is no strategy" in note]) == 2


def test_what_is_too_deep_or_too_large_is_cut_off() -> None:
    deep: object = "x"
    for _ in range(40):
        deep = {"object": deep}
    assert [note for note in convert(of_values({"object": deep})).notes if "too deep" in note]
    wide = {"object": {"sequence": [{"object_weights": f"{at}.onnx"} for at in range(6000)]}}
    conversion = convert(of_values(wide))
    assert len(conversion.notes) < 1100
    DetectionSettings.model_validate(conversion.section)
    with pytest.raises((ValueError, SyntaxError, MemoryError, RecursionError)):
        ast.literal_eval("[" * 5000)
    assert convert(of_ini("[ml]\nml_sequence=" + "[" * 5000)).notes


def test_the_verb_writes_the_section_and_says_what_it_can_t_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "objectconfig.yml", tmp_path / "detection.yaml"
    file.write_text(YAML)
    assert main(["detect", "import", str(file), "--size", "3=1280x720", "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "compiled for a Coral alone" in said.err
    assert yaml.safe_load(out.read_text())["detection"]["cameras"]["zm/3"]["zones"]["front_porch"]["size"] == "1280x720"
    assert main(["detect", "import", str(file), "-o", str(out)]) == 1
    assert "not there yet" in capsys.readouterr().err
    ini = tmp_path / "objectconfig.ini"
    ini.write_text(INI)
    assert main(["detect", "import", str(ini), "--system", "home"]) == 0
    assert "home/7" in yaml.safe_load(capsys.readouterr().out)["detection"]["cameras"]


@pytest.mark.parametrize("wrong", [["--size", "3=big"], ["--system", "A B"]])
def test_what_makes_no_sense_is_wrong_usage(wrong: list[str], tmp_path: Path) -> None:
    file = tmp_path / "objectconfig.yml"
    file.write_text(YAML)
    assert main(["detect", "import", str(file), *wrong]) == 2


def test_a_file_that_is_none_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "objectconfig.yml"
    for content in (b"\xff\xfe\x00", b"a: [", b"x" * 1_100_000):
        file.write_bytes(content)
        assert main(["detect", "import", str(file)]) != 0
        assert capsys.readouterr().err
