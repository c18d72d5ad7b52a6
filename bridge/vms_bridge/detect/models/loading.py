"""From a file to a model that is ready: checked, read, recognised, converted, compiled."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from vms_bridge.detect.models import names
from vms_bridge.detect.models.border import border
from vms_bridge.detect.models.files import MB, ModelFile, checked
from vms_bridge.detect.models.graph import PictureInput, converted, outputs_of, with_one_input
from vms_bridge.detect.models.heads.detr import IMAGENET
from vms_bridge.detect.models.metadata import Metadata, read_metadata
from vms_bridge.detect.models.model import Model
from vms_bridge.detect.models.recognise import recognise
from vms_bridge.detect.models.values import Form, InputForm, Taken
from vms_bridge.detect.values import ModelFacts
from vms_bridge.errors import ModelRefused
from vms_bridge.private_files import make_directory

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov

    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.models.values import Head, Layout

_TASKS = frozenset({"", "detect", "segment"})
"""What Ultralytics calls what a model is for; one that does not say it is what its outputs look like."""
_PIXELS = {
    "0..1": Taken(scale=(255.0, 255.0, 255.0)),
    "0..255": Taken(),
    "-1..1": Taken((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "imagenet": IMAGENET,
}


def load(core: ov.Core, name: str, file: Path, settings: ModelSettings, runtime: RuntimeSettings) -> Model:
    """Return the model in a file of the runtime's folder, compiled. Blocks. Raises ModelRefused, with what to do."""
    folder = runtime.folder or file.parent
    found = checked(file, folder, runtime.largest_model_mb * MB)
    try:
        labels_file = None if settings.labels_file is None else folder / settings.labels_file
        return _loaded(core, name, found, settings.model_copy(update={"labels_file": labels_file}), runtime)
    except ModelRefused as refused:
        raise ModelRefused(f"{found.path.name}: {refused}", hint=refused.hint) from refused


def _loaded(core: ov.Core, name: str, file: ModelFile, settings: ModelSettings, runtime: RuntimeSettings) -> Model:
    with border("it can't be read", "copy or export it again; OpenVINO has to know all of its operations"):
        model = core.read_model(file.path) if file.weights is None else core.read_model(file.path, file.weights)
    metadata = read_metadata(model)
    if metadata.task not in _TASKS:
        raise ModelRefused(f"it is a model for the task {metadata.task!r}", hint="take one for `detect`, or for `segment`")
    labels = _labels(file, settings, metadata)
    picture, others = with_one_input(model, settings.size, metadata.size)
    form = Form(
        picture.width,
        picture.height,
        outputs_of(model),
        classes=len(labels) or None,
        is_relative=file.kind == "tflite",
        activation=settings.scores,
        anchors=settings.anchors or metadata.anchors,
        inputs=others,
    )
    layout, head = recognise(form, settings.layout or metadata.layout or None)
    labels = _fitting(labels, head)
    ready = converted(model, picture, _taken(layout, settings, metadata, picture))
    compiled, took_s = _compiled(core, ready, runtime)
    facts = ModelFacts(
        name=name,
        file=str(file.path),
        layout=layout.name,
        width=picture.width,
        height=picture.height,
        labels=labels,
        device=_said(compiled, "EXECUTION_DEVICES"),
        precision=_said(compiled, "INFERENCE_PRECISION_HINT"),
        compile_s=took_s,
    )
    return Model(facts, compiled, InputForm(picture.width, picture.height), head, settings.floor)


def _labels(file: ModelFile, settings: ModelSettings, metadata: Metadata) -> tuple[str, ...]:
    """Return the names of the classes: the configuration's, else the file's, else those of a file beside it."""
    labels = names.configured(settings.labels, settings.labels_file)
    if not labels:
        labels = metadata.labels or (names.within_tflite(file.path) if file.kind == "tflite" else ())
    return labels or names.beside(file.path)


def _fitting(labels: tuple[str, ...], head: Head) -> tuple[str, ...]:
    """Return the names of a head's classes. Raises ModelRefused where there are none, for rules go by names."""
    labels = names.without_background(labels) if head.counts_background else labels or head.labels
    if labels:
        return labels
    if head.classes is None or head.classes == len(names.COCO80):
        hint = "give them: `labels: [coco80]` where it was trained on COCO, else a list, or `labels_file`"
    else:
        hint = f"give them, {head.classes} in their order: `labels: [person, ...]`, or `labels_file` with one a line"
    raise ModelRefused(
        "nobody says what its classes are called: neither it, nor the configuration, nor a file beside it", hint=hint
    )


def _taken(layout: Layout, settings: ModelSettings, metadata: Metadata, picture: PictureInput) -> Taken:
    """Return how it takes pixels: as the configuration says, or the file, or as its kind does."""
    usual = layout.taken_bytes if picture.takes_bytes else layout.taken_floats
    is_bgr = usual.is_bgr if settings.colours == "auto" else settings.colours == "bgr"
    if settings.pixels != "auto":
        if picture.takes_bytes and settings.pixels != "0..255":
            raise ModelRefused(f"it takes bytes, and not {settings.pixels}", hint="leave `pixels` out")
        usual = _PIXELS[settings.pixels]
    elif not picture.takes_bytes and (metadata.mean or metadata.scale):
        none = Taken()
        return Taken(metadata.mean or none.mean, metadata.scale or none.scale, is_bgr)
    if usual.is_bgr != is_bgr:  # mean and scale of each colour go with it
        return Taken(usual.mean[::-1], usual.scale[::-1], is_bgr)
    return usual


def _compiled(core: ov.Core, model: ov.Model, runtime: RuntimeSettings) -> tuple[ov.CompiledModel, float]:
    """Compile a graph for many pictures at a time; return it, and how long that took, in seconds."""
    options: dict[str, object] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if runtime.cache_dir is not None:
        _keep_private(runtime.cache_dir)
        options["CACHE_DIR"] = str(runtime.cache_dir)
    if runtime.precision != "auto":
        options["INFERENCE_PRECISION_HINT"] = runtime.precision
    device, devices = runtime.device, core.available_devices
    if device == "AUTO" and devices == ["CPU"]:
        device = "CPU"  # what AUTO would take, without its own bookkeeping
    if device == "CPU":
        options["INFERENCE_NUM_THREADS"] = runtime.threads or max(1, len(os.sched_getaffinity(0)) - 1)
    begun = time.perf_counter()
    with border(f"it can't be compiled for {device}", f"this machine has {', '.join(devices)}; `device: CPU` runs most models"):
        compiled = core.compile_model(model, device, options)
    return compiled, time.perf_counter() - begun


def _keep_private(directory: Path) -> None:
    """Make the directory for compiled models, for this user only: what is in it is run. Raises ModelRefused."""
    try:
        make_directory(directory)
        directory.chmod(0o700)
    except OSError as error:
        raise ModelRefused(
            f"the directory for compiled models can't be used: {directory}: {error.strerror}",
            hint="let the bridge's user own it, or name another: `cache_dir`",
        ) from error


def _said(compiled: ov.CompiledModel, name: str) -> str:
    """Return a property of a compiled model as a word, empty where the device does not know it."""
    try:
        value = compiled.get_property(name)
    except RuntimeError:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value.to_string() if hasattr(value, "to_string") else value)
