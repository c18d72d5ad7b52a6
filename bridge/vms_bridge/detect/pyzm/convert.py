"""From pyzm's values to a section `detection`, and what of them has no place there, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import commonpath, normpath
from typing import TYPE_CHECKING

from vms_bridge.detect.pyzm import words
from vms_bridge.detect.pyzm.source import as_list, as_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.detect.geometry import Point
    from vms_bridge.detect.pyzm.source import Source

_MOST_MODELS = 32
_MOST_MONITORS = 500
_MOST_ZONES = 64
_MOST_NOTES = 1000
_OF_A_MODEL = {
    *("name", "enabled", "object_weights", "object_config", "object_labels", "object_min_confidence", "object_framework"),
    *("object_processor", "model_width", "model_height", "max_detection_size", "disable_locks"),
}
_OF_A_STAGE = {
    *("same_model_sequence_strategy", "frame_strategy", "pattern", "match_past_detections", "past_det_max_diff_area"),
    *("aliases", "max_detection_size", "model_sequence", "disable_locks", "object_detection_pattern"),
}
_OF_A_STREAM = {"frame_set", "frame_strategy", "delay"}
_ON_DEMAND = {
    *("delay_between_frames", "delay_between_snapshots", "start_frame", "frame_skip", "max_frames", "download", "download_dir"),
    *("contig_frames_before_error", "max_attempts", "sleep_between_attempts", "resize", "save_frames", "save_analyzed_frames"),
    *("save_frames_dir", "convert_snapshot_to_fid", "disable_ssl_cert_check", "delete_after_analyze"),
}
_OF_A_ZONE = ("coords", "detection_pattern", "pattern", "ignore_pattern")


@dataclass(frozen=True, slots=True)
class Conversion:
    """The section as plain values, and what could not be said in it, or has to be looked at."""

    section: Mapping[str, object]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Making:
    system: str
    sizes: Mapping[str, tuple[int, int]]
    notes: list[str] = field(default_factory=list)
    models: dict[str, dict[str, object]] = field(default_factory=dict)
    profiles: dict[str, dict[str, object]] = field(default_factory=dict)
    cameras: dict[str, dict[str, object]] = field(default_factory=dict)

    def note(self, text: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(" ".join(text.split())[:400])


def convert(source: Source, *, system: str = "zm", sizes: Mapping[str, tuple[int, int]] | None = None) -> Conversion:
    """Return the section; `system` is the key of the ZoneMinder, `sizes` the pictures' of its monitors by id, where known."""
    making = _Making(system, sizes or {})
    for text in source.unread:
        making.note(text)
    _profile(making, "default", source.ml, source.stream, "ml_sequence")
    for monitor, said in list(source.monitors.items())[:_MOST_MONITORS]:
        _camera(making, monitor, said, source)
    if len(source.monitors) > _MOST_MONITORS:
        making.note(f"there are more than {_MOST_MONITORS} monitors; the others were left out")
    if not making.models:
        making.note("no model that can be used was found: write one below models:")
    if making.cameras:
        making.cameras["*"] = {}
    section = _runtime(making) | {"models": making.models, "profiles": making.profiles}
    return Conversion(section | ({"cameras": making.cameras} if making.cameras else {}), tuple(dict.fromkeys(making.notes)))


def _runtime(making: _Making) -> dict[str, object]:
    """Return where all models are, where that is not where the first one is."""
    folders = [str(PurePosixPath(str(model["file"])).parent) for model in making.models.values()]
    if len(set(folders)) < 2:
        return {}
    try:
        folder = commonpath(folders) or "."
    except ValueError:
        folder = "/"
    if folder == "/" or any(each.startswith("..") for each in folders):
        making.note("the models are in places that have nothing in common: move them into one directory")
        for name in [name for at, name in enumerate(making.models) if folders[at] != folders[0]]:
            file = PurePosixPath(str(making.models[name]["file"]))
            making.models[name]["file"] = str(PurePosixPath(folders[0]) / file.name)
        return {}
    return {"runtime": {"folder": folder}}


def _profile(making: _Making, name: str, ml: Mapping[str, object], stream: Mapping[str, object], where: str) -> None:
    general, stage = as_mapping(ml.get("general")), as_mapping(ml.get("object"))
    own = {**general, **as_mapping(stage.get("general"))}
    for other in ml:
        if other not in {"general", "object", "ml_sequence", "stream_sequence", "ml", "monitors"}:
            making.note(f"{where}.{other}: only objects are looked for yet; faces, plates and sounds are not")
    used, scores = _models(making, stage, f"{where}.object")
    made: dict[str, object] = {"name": "object"}
    if used:
        made["use"] = used
    pick = own.get("same_model_sequence_strategy")
    if pick in ("first", "most", "most_unique", "union"):  # the same
        made["pick"] = pick
    elif pick is not None:
        making.note(f"{where}: there is no strategy {str(pick)[:40]!r} for models")
    if scores:
        made["min_score"] = min(scores)
    if rules := _labels(making, own, where):
        made["labels"] = rules
    profile: dict[str, object] = {"stages": [made]}
    if frames := _frames(making, own, stream, where):
        profile["frames"] = frames
    if past := _past(making, own, where):
        profile["past"] = past
    making.profiles[name] = profile
    _left_over(making, own, _OF_A_STAGE, f"{where}.general")


def _models(making: _Making, stage: Mapping[str, object], where: str) -> tuple[list[str], list[float]]:
    used: list[str] = []
    scores: list[float] = []
    for at, item in enumerate(as_list(stage.get("sequence"))):
        place, said = f"{where}.sequence[{at}]", as_mapping(item)
        if str(said.get("enabled", "yes")).lower() in {"no", "false"}:
            making.note(f"{place}: is switched off, and left out")
            continue
        model = _model(making, said, place)
        if model is None:
            continue
        _left_over(making, said, _OF_A_MODEL, place)
        file = PurePosixPath(str(model["file"]))
        wished = words.name(said.get("name"), words.name(file.stem, f"model_{at + 1}"))
        name, number = wished, 2
        while name in making.models and making.models[name] != model:
            name, number = f"{wished}_{number}", number + 1
        if len(making.models) >= _MOST_MODELS and name not in making.models:
            making.note(f"{place}: there are more than {_MOST_MODELS} models")
            break
        making.models[name] = model
        if name not in used and len(used) < 16:
            used.append(name)
        if "floor" in model:
            scores.append(float(str(model["floor"])))
    return used, scores


def _model(making: _Making, said: Mapping[str, object], place: str) -> dict[str, object] | None:
    framework, weights = str(said.get("object_framework", "opencv")), said.get("object_weights")
    if framework not in {"opencv", "coral_edgetpu"}:
        making.note(f"{place}: {framework[:40]} is not there; it is left out")
        return None
    file = PurePosixPath(normpath(weights.strip())) if isinstance(weights, str) and weights.strip().isprintable() else None
    if file is None or file.name in {"", ".", ".."}:
        making.note(f"{place}: names no file of weights; it is left out")
        return None
    if "edgetpu" in file.name:
        making.note(
            f"{place}: {file.name} is compiled for a Coral alone: take the .tflite that it was made of, which runs anywhere"
        )
        return None
    names = said.get("object_labels")
    has_names = isinstance(names, str) and names.strip() and names.isprintable()
    model: dict[str, object] = {}
    if file.suffix == ".weights":
        config = said.get("object_config")
        made = file.with_suffix(".xml")
        option = f" --names {str(names).strip()}" if has_names else ""
        making.note(
            f"{place}: first run `vms-bridge detect convert {config or 'FILE.cfg'} {file}{option} -o {made}`: it is Darknet's"
        )
        model["file"] = str(made)
    else:
        model["file"] = str(file)
    if has_names and file.suffix != ".weights":
        model["labels_file"] = str(names).strip()
    if (floor := words.score(said.get("object_min_confidence"))) is not None and 0 < floor < 1:
        model["floor"] = floor
    sides = [words.whole(said.get(side), 1, 16_384) for side in ("model_width", "model_height")]
    if all(sides) and file.suffix != ".weights":
        model["input"] = f"{sides[0]}x{sides[1]}"
    return model


def _labels(making: _Making, own: Mapping[str, object], where: str) -> dict[str, dict[str, object]]:
    pattern = own.get("pattern", own.get("object_detection_pattern"))
    text = "" if pattern is None else words.labels(pattern)
    if text is None:
        making.note(f"{where}: the pattern {str(pattern)[:80]!r} can't be said so: write labels: by hand (docs/detection.md)")
        text = ""
    elif text:
        making.note(f"{where}: {text[:80]!r} takes whole labels; pyzm took what begins with them too")
    rule: dict[str, object] = {}
    if (size := own.get("max_detection_size")) is not None:
        if (largest := words.area(size)) is None:
            making.note(f"{where}: max_detection_size {str(size)[:40]!r} is no size")
        else:
            rule["max_size"] = largest
    return {text or "*": rule} if text or rule else {}


def _frames(making: _Making, own: Mapping[str, object], stream: Mapping[str, object], where: str) -> dict[str, object]:
    frames: dict[str, object] = {}
    if (taken := stream.get("frame_set")) is not None:
        items = taken.split(",") if isinstance(taken, str) else list(as_list(taken))
        known = [word for item in items if (word := _frame(item)) is not None][:1000]
        if known:
            frames["take"] = known
        if len(known) != len(items):
            making.note(f"stream_sequence.frame_set: not all of {str(taken)[:80]!r} are frames")
    pick = stream.get("frame_strategy", own.get("frame_strategy"))
    if pick in ("first", "first_new", "most", "most_unique", "most_models"):  # it may be a list, which no set takes
        frames["pick"] = pick
    elif pick is not None:
        making.note(f"{where}: there is no strategy {str(pick)[:40]!r} for frames")
    if (after := words.seconds(stream.get("delay"))) is not None and after != "0s":
        frames["after"] = after
    for option in sorted(stream.keys() & _ON_DEMAND):
        making.note(
            f"stream_sequence.{option}: is for what is asked for on demand (docs/migrating-detection.md); events need it not"
        )
    _left_over(making, stream, _OF_A_STREAM | _ON_DEMAND | {"disable_locks"}, "stream_sequence")
    return frames


def _frame(item: object) -> str | None:
    word = str(item).strip().lower() if isinstance(item, str | int) else ""
    number = words.whole(word, 1, 999_999_999)
    return word if word in {"alarm", "snapshot"} else None if number is None else str(number)


def _past(making: _Making, own: Mapping[str, object], where: str) -> dict[str, object]:
    past: dict[str, object] = {}
    if words.is_yes(own.get("match_past_detections")):
        past["suppress"] = True
        making.note(f"{where}: past detections are matched by overlap (0.85) now, and not by past_det_max_diff_area")
    groups = []
    for group in as_list(own.get("aliases"))[:64]:
        known = [text for label in as_list(group)[:64] if (text := words.labels(label))]
        if len(known) > 1:
            groups.append(known)
    if groups:
        past["same"] = groups
    return past


def _camera(making: _Making, monitor: str, said: Mapping[str, object], source: Source) -> None:
    key = words.name(monitor, "")
    if not key:
        making.note(f"monitors: {monitor[:40]!r} is no id of a monitor")
        return
    camera: dict[str, object] = {}
    if ml := as_mapping(said.get("ml_sequence")):
        stream = {**source.stream, **as_mapping(said.get("stream_sequence"))}
        _profile(making, f"monitor_{key}", ml, stream, f"monitor {key}: ml_sequence")
        camera["profile"] = f"monitor_{key}"
    elif (pattern := said.get("object_detection_pattern")) is not None:
        making.note(f"monitor {key}: object_detection_pattern {str(pattern)[:80]!r}: write labels: of a profile for it")
    if words.is_yes(said.get("import_zm_zones")):
        camera["vms_zones"] = True
    if zones := _zones(making, key, said):
        camera["zones"] = zones
    making.cameras[f"{making.system}/{key}"] = camera


def _zones(making: _Making, key: str, said: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return a monitor's zones: in YAML below `zones`, in ini files whatever has corners."""
    found = _corners(making, key, said)
    if not found:
        return {}
    size = making.sizes.get(key) or words.size_for([point for points, _ in found.values() for point in points])
    if size is None:
        making.note(f"monitor {key}: its zones are larger than any usual picture: say --size {key}=WIDTHxHEIGHT")
        return {}
    if key not in making.sizes:
        making.note(
            f"monitor {key}: its picture is taken to have {size[0]}x{size[1]} pixels, by its zones: say --size {key}=… if not"
        )
    zones: dict[str, dict[str, object]] = {}
    for at, (zone, (points, options)) in enumerate(found.items()):
        if (wrong := words.zone_fault(points, size)) is not None:
            making.note(f"monitor {key}: zone {zone[:40]!r} {wrong}, and is left out")
        elif len(zones) < _MOST_ZONES:
            zones[_free(words.name(zone, f"zone_{at + 1}"), zones)] = _zone(
                making, f"monitor {key}: zone {zone[:40]}", points, size, options
            )
    return zones


def _corners(making: _Making, key: str, said: Mapping[str, object]) -> dict[str, tuple[tuple[Point, ...], Mapping[str, object]]]:
    """Return the corners of a monitor's zones, in pixels, with what else is said of each."""
    found: dict[str, tuple[tuple[Point, ...], Mapping[str, object]]] = {}
    for zone, value in as_mapping(said.get("zones")).items():
        options = as_mapping(value) or {"coords": value}
        if points := words.polygon(options.get("coords")):
            found[zone] = points, options
            _left_over(making, options, set(_OF_A_ZONE), f"monitor {key}: zone {zone}")
        else:
            making.note(f"monitor {key}: zone {zone[:40]!r} has no corners that can be read")
    for option, value in said.items():
        if points := words.polygon(value):
            found[option] = points, {"detection_pattern": said.get(f"{option}_zone_detection_pattern")}
    return found


def _zone(
    making: _Making, place: str, points: tuple[Point, ...], size: tuple[int, int], options: Mapping[str, object]
) -> dict[str, object]:
    made: dict[str, object] = {
        "size": f"{size[0]}x{size[1]}",
        "points": [list(point) for point in points],
        "where": "touch",
    }
    pattern = options.get("detection_pattern", options.get("pattern"))
    if pattern is not None and (text := words.labels(pattern)):
        made["labels"] = [text]
    elif pattern is not None and words.labels(pattern) is None:
        making.note(f"{place}: the pattern {str(pattern)[:80]!r} can't be said so: write its labels: by hand")
    if options.get("ignore_pattern"):
        making.note(f"{place}: ignore_pattern: write a zone of mode: exclude with these labels")
    return made


def _free(wished: str, taken: Mapping[str, object]) -> str:
    return next(
        name for number in range(1, len(taken) + 2) if (name := wished if number == 1 else f"{wished}_{number}") not in taken
    )


def _left_over(making: _Making, said: Mapping[str, object], known: set[str], where: str) -> None:
    """Note each option for which there is no place."""
    for option in said:
        if option not in known:
            making.note(f"{where}.{option[:60]}: has no place here, and is left out")
