"""The section `detection`: what it means, and what is said of each mistake in it, with line, key and remedy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
import yaml
from pydantic import BaseModel

from vms_bridge.config.check import Checker
from vms_bridge.config.file import read_document
from vms_bridge.detect.config import DetectionSettings

if TYPE_CHECKING:
    from vms_bridge.errors import ConfigError

FULL = """\
runtime: {device: "GPU.1", threads: 2, precision: f32, cache_dir: cache, memory_mb: 1024, largest_model_mb: 200, uid: 1234}
models:
  street: {file: models/yolo11n.xml}
  spare:
    {file: models/old.onnx, labels: [car, 🐕 dog, a/b], layout: anchors, floor: 0.2, input: 640x384, pixels: -1..1,
     colours: bgr, anchors: [[10, 14], [23, 27]], scores: sigmoid}
profiles:
  default:
    stages:
      - name: object
        use: [street, spare]
        pick: union
        min_score: 0.4
        labels:
          person: {min_score: 0.5, min_size: "0.4%"}
          "car|truck|bus": {min_score: 0.6, max_size: "60%", min_ratio: 0.2, max_ratio: 4}
          re:[a-z]+ light: {ignore: yes}
    frames: {take: [alarm, snapshot, 21, 41], pick: most_unique, stop_early: false, after: 2s}
    past: {suppress: true, overlap: 0.85, forget: 12h, same: [[car, truck, bus]]}
  night: {}
cameras:
  zm/drive:
    profile: night
    fps: 2.5
    motion: {gate: false, least: "1%", at_least_every: 10s}
    labels: {cat: {ignore: true}}
    vms_zones: yes
    zones:
      porch:
        points: [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0], [0.1, 1.0]]
        labels: [person, dog]
        where: bottom
        events: yes
        loitering: 30s
      street: {points: [[0, 0], [1, 0], [1, 0.25], [0, 0.25]], mode: exclude}
      bay: {size: 1280x720, points: [[640, 0], [1280, 0], [1280, 360]], mode: parked, labels: [car], cover: 0.85, min_score: 0.7}
      hall: {points: [[0, 0], [1, 0], [1, 1]], left: 60s, removed: 10s, left_labels: [suitcase]}
    lines:
      gate: {points: [[0, 0.6], [1, 0.6]], direction: in, labels: [person]}
  "Drive*": {detection: no, events: no}
  "*": {}
write_notes: true
"""


def _checked(text: str, folder: Path) -> tuple[DetectionSettings | None, list[ConfigError]]:
    file = folder / "detection.yaml"
    file.write_text(text)
    document = read_document(file, os.environ)
    checker = Checker(file, document)
    return checker.model(DetectionSettings, document.values, ()), checker.mistakes


def test_every_option_means_what_it_says(tmp_path: Path) -> None:
    settings, mistakes = _checked(FULL, tmp_path)
    assert mistakes == []
    assert settings is not None
    spare = settings.models["spare"]
    assert spare.labels == ("car", "🐕 dog", "a/b")
    assert (spare.size, spare.anchors) == ((640, 384), ((10, 14), (23, 27)))
    frames, past = settings.profiles["default"].frames, settings.profiles["default"].past
    assert (frames.take, frames.after_s, past.forget_s) == (("alarm", "snapshot", "21", "41"), 2, 43_200)
    drive = settings.cameras["zm/drive"]
    assert list(drive.zones["bay"].polygon) == [(0.5, 0), (1, 0), (1, 0.5)]
    assert (drive.motion.least_share, drive.motion.at_least_every_s) == (0.01, 10)
    assert (drive.zones["porch"].loitering_s, drive.zones["hall"].left_s, drive.zones["hall"].removed_s) == (30, 60, 10)
    assert settings.write_notes


def test_a_model_alone_is_enough_and_all_cameras_are_looked_at(tmp_path: Path) -> None:
    settings, mistakes = _checked("models: {street: {file: street.xml}, spare: {file: spare.xml}}\n", tmp_path)
    assert mistakes == []
    assert settings is not None
    camera = settings.camera("zm", "1", "Drive")
    assert camera is not None
    assert [(stage.use, stage.pick, stage.min_score) for stage in settings.stages(camera)] == [
        (("street", "spare"), "first", 0.5)
    ]
    assert (camera.fps, camera.events, settings.write_notes) == (0, True, False)


def test_a_camera_is_named_by_its_keys_or_by_a_pattern_for_its_name(tmp_path: Path) -> None:
    settings, _ = _checked(FULL, tmp_path)
    assert settings is not None
    assert settings.camera("zm", "drive", "Driveway") is settings.cameras["zm/drive"]
    assert settings.camera("zm", "2", "driveway") is settings.cameras["Drive*"]
    assert settings.camera("zm", "2", "Hall") is settings.cameras["*"]
    some, _ = _checked(MODEL + "cameras: {zm/1: {}, 'vx?/*': {}}\n", tmp_path)
    assert some is not None
    assert some.camera("zm", "2", "Hall") is None
    assert some.camera("vxg", "2", "Hall") is not None


def test_directories_are_absolute_when_models_are_run(tmp_path: Path) -> None:
    settings, _ = _checked("models: {a: {file: models/../models/a.xml}}\n", tmp_path)
    assert settings is not None
    runtime = settings.run_by(Path("/data"))
    assert (runtime.folder, runtime.cache_dir) == (tmp_path / "models", Path("/data/compiled_models"))
    own, _ = _checked("runtime: {folder: m, cache_dir: c}\nmodels: {a: {file: m/x/a.xml}}\n", tmp_path)
    assert own is not None
    library = DetectionSettings.model_validate({"models": {"a": {"file": "m/a.xml", "labels_file": "m/../names.txt"}}})
    model = library.models["a"]
    assert (model.file, model.labels_file) == (Path.cwd() / "m" / "a.xml", Path.cwd() / "names.txt")
    assert (own.run_by(Path("/data")).folder, own.run_by(Path("/data")).cache_dir) == (tmp_path / "m", tmp_path / "c")


def _options(kind: object) -> set[str]:
    """Return the names of all options in a section, or in what may be in it, however deep."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return set(kind.model_fields).union(*(_options(field.annotation) for field in kind.model_fields.values()))
    return set().union(*(_options(part) for part in get_args(kind)))


def test_every_option_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = page.partition("\n## `detection`")[2].partition("\n## ")[0]
    options = _options(DetectionSettings)
    assert {"loitering", "min_ratio", "uid", "forget"} < options
    assert [name for name in sorted(options) if f"`{name}" not in section] == []
    example = section.partition("```yaml\n")[2].partition("```")[0]
    settings = DetectionSettings.model_validate(yaml.safe_load(example)["detection"])
    assert settings.cameras["zm/drive"].zones["bay"].cover == 0.85


MODEL = "models: {a: {file: a.xml}}\n"
MISTAKES = [
    (
        "models: {}",
        1,
        "models",
        "at least 1",
        "street",
    ),
    (
        MODEL + "profiles:\n  p:\n    stages:\n      - use:\n        - b",
        6,
        "profiles.p.stages.0.use.0",
        "'b'",
        "a",
    ),
    (
        "models: {street: {file: a.xml}}\nprofiles: {p: {stages: [{use: [stret]}]}}",
        2,
        "profiles.p.stages.0.use.0",
        "stret",
        "mean street",
    ),
    (
        MODEL + "cameras:\n  zm/1:\n    profile: defalt",
        4,
        "cameras.zm/1.profile",
        "defalt",
        "mean default",
    ),
    (
        MODEL + "profiles: {night: {}}\ncameras: {zm/1: {}}",
        3,
        "cameras.zm/1.profile",
        "'default'",
        "there are: night",
    ),
    (
        "models:\n  a: {file: m/a.xml}\n  b: {file: n/b.xml}",
        3,
        "models.b.file",
        "is not in",
        "runtime.folder",
    ),
    (
        "models:\n  a: {file: m/a.xml}\n  b: {file: m/../n/b.xml}",
        3,
        "models.b.file",
        "is not in",
        "runtime.folder",
    ),
    (
        "models: {a: {file: a.xml, flor: 0.2}}",
        1,
        "models.a.flor",
        "no such option",
        "mean floor",
    ),
    (
        "models: {a: {file: a.xml, layout: yolo99}}",
        1,
        "models.a.layout",
        "expected",
        "probe",
    ),
    (
        MODEL + "profiles: {p: {stages: [{labels: {'re:(a+)+': {}}}]}}",
        2,
        "profiles.p.stages.0.labels.re:(a+)+",
        "group",
        "single",
    ),
    (
        MODEL + "profiles: {p: {stages: [{labels: {car: {min_size: 4}}}]}}",
        2,
        "profiles.p.stages.0.labels.car.min_size",
        "no size",
        "900px",
    ),
    (
        MODEL + "profiles: {p: {stages: [{labels: {car: {min_score: 2}}}]}}",
        2,
        "profiles.p.stages.0.labels.car.min_score",
        "1 or less",
        "score",
    ),
    (
        MODEL + "profiles: {p: {stages: [{labels: {car: {min_ratio: 2, max_ratio: 1}}}]}}",
        2,
        "profiles.p.stages.0.labels.car.max_ratio",
        "min_ratio",
        "larger",
    ),
    (
        MODEL + "profiles: {p: {past: {forget: 12}}}",
        2,
        "profiles.p.past.forget",
        "no time",
        "12h",
    ),
    (
        MODEL + "profiles: {p: {frames: {take: [alarm, best]}}}",
        2,
        "profiles.p.frames.take.1",
        "",
        "snapshot",
    ),
    (
        MODEL + "profiles: {p: {stages: [{after: [car]}]}}",
        2,
        "profiles.p.stages",
        "first stage",
        "after",
    ),
    (
        MODEL + "profiles: {p: {stages: [{name: face}]}}",
        2,
        "profiles.p.stages.0.name",
        "object",
        "object",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {points: [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]}}}}",
        2,
        "cameras.c.zones.z.points",
        "three different corners",
        "corners",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {points: [[0, 0], [1, 1], [1, 0], [0, 0.9]]}}}}",
        2,
        "cameras.c.zones.z.points",
        "cross",
        "order",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {points: [[0, 0], [640, 0], [640, 360]]}}}}",
        2,
        "cameras.c.zones.z.points",
        "outside",
        "size:",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {size: 640, points: [[0, 0], [640, 0], [640, 360]]}}}}",
        2,
        "cameras.c.zones.z.size",
        "size of a picture",
        "1280x720",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {points: [[0, 0], [1, 0], [1, 1]], mode: exclude, events: yes}}}}",
        2,
        "cameras.c.zones.z.events",
        "excludes",
        "include",
    ),
    (
        MODEL + "cameras: {c: {zones: {z: {points: [[0, 0], [1, 0], [1, 1]], left: 100ms}}}}",
        2,
        "cameras.c.zones.z.left",
        "too short",
        "1s",
    ),
    (
        MODEL + "cameras: {c: {lines: {l: {points: [[0, 0], [0, 0]]}}}}",
        2,
        "cameras.c.lines.l.points",
        "same point",
        "two different",
    ),
    (
        MODEL + "cameras: {c: {motion: {least: 90px}}}",
        2,
        "cameras.c.motion.least",
        "share",
        "0.5%",
    ),
    (
        MODEL + "cameras: {c: {fps: 60}}",
        2,
        "cameras.c.fps",
        "30 or less",
        "30",
    ),
    (
        MODEL + "cameras: {c: {zone: {}}}",
        2,
        "cameras.c.zone",
        "no such option",
        "mean zones",
    ),
    (
        MODEL + "runtime: {device: gpu}",
        2,
        "runtime.device",
        "characters",
        "GPU",
    ),
]


@pytest.mark.parametrize(("text", "line", "key", "said", "remedy"), MISTAKES, ids=[key for _, _, key, _, _ in MISTAKES])
def test_a_mistake_has_its_line_key_and_remedy(text: str, line: int, key: str, said: str, remedy: str, tmp_path: Path) -> None:
    settings, mistakes = _checked(f"{text}\n", tmp_path)
    assert settings is None
    assert [(mistake.line, mistake.key) for mistake in mistakes] == [(line, key)]
    assert said in str(mistakes[0])
    assert remedy in mistakes[0].hint


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = MODEL + "profiles: {p: {stages: [{use: [b, c]}]}}\nwrite_notes: maybe\n"
    _, mistakes = _checked(text, tmp_path)
    assert [mistake.key for mistake in mistakes] == ["profiles.p.stages.0.use.0", "profiles.p.stages.0.use.1", "write_notes"]
