"""Whether a file may be read as a model at all: its kind, place and size, and that nothing in it leads elsewhere.

A model is data here, never a program: what would run somebody's code when it is read (pickles, OpenVINO's extensions) is
refused, and so is what lies outside of the models' folder, wherever a link or the file itself points. Each refusal says what
to do instead.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from vms_bridge.detect.models.onnx_external import Intricate, external_files
from vms_bridge.errors import ModelRefused

Kind = Literal["ir", "onnx", "tflite"]
MB = 1_048_576
LARGEST_MB = 1024
"""How large a model may be by default, its weights beside it too."""
_KINDS: dict[str, Kind] = {".xml": "ir", ".onnx": "onnx", ".tflite": "tflite"}
_EXPORT = "export it where it was trained: `yolo export model=yolo11n.pt format=openvino`, or format=onnx"
_PICKLE = "is a pickle, which runs what its maker put into it when it is read"
_EXTENSION = "is a program, and models are data here: OpenVINO's extensions are not loaded"
_NO_EXTENSION = "use a model of operations that OpenVINO knows: export it again without extensions of its own"
_OTHER_RUNTIME = "is built for another runtime or one machine's processor"
_TENSORFLOW = "convert it where it was trained: `ovc saved_model_dir`, or export it to TFLite or ONNX"
_REFUSED = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npy", ".npz"), (_PICKLE, _EXPORT)),
    **dict.fromkeys((".so", ".dll", ".dylib"), (_EXTENSION, _NO_EXTENSION)),
    **dict.fromkeys(
        (".cfg", ".weights"),
        (
            "is Darknet's",
            "convert it once: `vms-bridge detect convert yolov4.cfg yolov4.weights`, and name the .xml that it writes",
        ),
    ),
    **dict.fromkeys(
        (".engine", ".trt", ".plan", ".hef", ".rknn", ".blob", ".mlmodel", ".mlpackage", ".axmodel", ".param"),
        (_OTHER_RUNTIME, "take the model that it was made of, and export that to ONNX or to OpenVINO's .xml and .bin"),
    ),
    **dict.fromkeys((".pb", ".h5", ".keras", ".savedmodel"), ("is TensorFlow's", _TENSORFLOW)),
    **dict.fromkeys((".pdmodel", ".pdiparams"), ("is PaddlePaddle's", "export it to ONNX with paddle2onnx")),
    **dict.fromkeys(
        (".caffemodel", ".prototxt"), ("is Caffe's, which OpenVINO reads no more", "take a model of today, in ONNX for instance")
    ),
    ".bin": ("holds weights only", "name the .xml beside it: the two are one model"),
    ".safetensors": ("holds weights only, and not what to do with them", _EXPORT),
}
KNOWN = frozenset({*_KINDS, *_REFUSED})
"""How the names of models' files end, of those too that can't be read here."""
_DISGUISES = (
    (b"PK\x03\x04", f"is an archive of PyTorch's, whatever its name: it {_PICKLE.removeprefix('is ')}", _EXPORT),
    (b"version https://git-lfs", "is a pointer of Git LFS and not the model", "fetch the file itself: `git lfs pull`"),
    (b"<!DOCTYPE html", "is a web page and not a model", "download it again, by the link to the file itself"),
    (b"<html", "is a web page and not a model", "download it again, by the link to the file itself"),
)
_CORAL = b"edgetpu-custom-op"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that may be read: `path` and `weights` (of OpenVINO's IR) with all links followed, sizes in bytes together."""

    path: Path
    kind: Kind
    size_bytes: int
    weights: Path | None = None


def checked(file: Path, folder: Path, most_bytes: int = LARGEST_MB * MB) -> ModelFile:
    """Return the file as one that may be read, a relative one within the folder. Raises ModelRefused with the remedy."""
    named = file if file.is_absolute() else folder / file
    try:
        return _checked(named, folder, most_bytes)
    except OSError as error:
        raise ModelRefused(f"{named} can't be read: {error.strerror}", hint="let the bridge's user read it") from error


def _checked(named: Path, folder: Path, most_bytes: int) -> ModelFile:
    kind = _kind(named)
    path, size = _inside(named, folder, "the model")
    _check_size(path, size, most_bytes)
    head = _head(path)
    _check_content(path, kind, head)
    if kind == "ir":
        weights, more = _inside(named.with_suffix(".bin"), folder, "the file with its weights")
        _check_size(path, size + more, most_bytes)
        return ModelFile(path, kind, size + more, weights)
    if kind == "onnx":
        size += _check_external(path, folder)
        _check_size(path, size, most_bytes)
    if kind == "tflite":
        _check_coral(path)
    return ModelFile(path, kind, size)


def _kind(named: Path) -> Kind:
    suffix = named.suffix.lower()
    if suffix in _REFUSED:
        what, remedy = _REFUSED[suffix]
        raise ModelRefused(f"{named}: {suffix} {what}", hint=remedy)
    if suffix in _KINDS:
        return _KINDS[suffix]
    if named.is_dir():
        inside = sorted(path for path in named.iterdir() if path.suffix.lower() in _KINDS)
        hint = f"name the model in it: {inside[0]}" if inside else "name a model's file: .xml, .onnx or .tflite"
        raise ModelRefused(f"{named} is a folder and not a model", hint=hint)
    said = f"ends in {suffix}" if suffix else "has no ending"
    raise ModelRefused(
        f"{named} {said}, which no model has that can be read",
        hint="models are .xml with .bin beside it (OpenVINO), .onnx or .tflite",
    )


def _inside(named: Path, folder: Path, what: str) -> tuple[Path, int]:
    """Return where a file is with all links followed, and its size; it has to be a plain file within the folder."""
    try:
        home = folder.resolve(strict=True)
        path = named.resolve(strict=True)
        about = path.stat()
    except FileNotFoundError:
        beside = " beside it: the two are one model" if named.suffix == ".bin" else ""
        raise ModelRefused(f"{what} is not there: {named}", hint=f"put it there{beside}, or correct its name") from None
    except RuntimeError:  # before Python 3.13; since then it is an OSError
        raise ModelRefused(f"{what} can't be read: {named} is a link to itself", hint="put the file itself there") from None
    if not path.is_relative_to(home):
        raise ModelRefused(
            f"{what} lies outside of the models' folder: {named} is {path}",
            hint=f"move it into {home}, or name another folder: `detection: {{runtime: {{folder: ...}}}}`",
        )
    if not stat.S_ISREG(about.st_mode):
        raise ModelRefused(f"{what} is no plain file: {named}", hint="name a model's file: .xml, .onnx or .tflite")
    return path, about.st_size


def _check_size(path: Path, size: int, most_bytes: int) -> None:
    if not size:
        raise ModelRefused(f"{path} is empty", hint="copy or download it again")
    if size > most_bytes:
        needed = -(-size // MB)
        raise ModelRefused(
            f"{path} has {needed} MB with its weights, of {most_bytes // MB} MB that a model may have",
            hint=f"take a smaller one, or allow it, as in `runtime: {{largest_model_mb: {needed}}}`, and memory_mb to match",
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(64)


def _check_content(path: Path, kind: Kind, head: bytes) -> None:
    """Hold a file's first bytes against its name."""
    for signature, what, remedy in _DISGUISES:
        if head[: len(signature)].lower() == signature.lower():
            raise ModelRefused(f"{path} {what}", hint=remedy)
    if head[:1] == b"\x80" and head[1:2] <= b"\x08":
        raise ModelRefused(f"{path} {_PICKLE}, whatever its name", hint=_EXPORT)
    if kind == "ir" and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ModelRefused(f"{path} is no XML", hint="an OpenVINO model is an .xml with a .bin beside it: copy both again")
    if kind == "tflite" and head[4:8] != b"TFL3":
        raise ModelRefused(f"{path} is no TFLite model: its identifier TFL3 is missing", hint="copy or download it again")


def _check_external(path: Path, folder: Path) -> int:
    """Hold what an ONNX file says of data in other files against the folder; return the size of those files together."""
    try:
        locations = external_files(path)
    except Intricate as error:
        raise ModelRefused(f"{path} is no ONNX model that can be checked: {error}", hint="copy it or export it again") from None
    size = 0
    for location in sorted(locations):
        if not location or Path(location).is_absolute():
            raise ModelRefused(
                f"{path} has data outside of the models' folder: {location!r}",
                hint="export it again with its data within the file",
            )
        size += _inside(path.parent / location, folder, f"data of {path.name}")[1]
    return size


def _check_coral(path: Path) -> None:
    """Refuse what is compiled for a Coral: its operations are one block that only that processor can read."""
    if path.stem.lower().endswith("_edgetpu"):
        is_coral = True
    else:
        with path.open("rb") as stream:
            is_coral = _contains(stream, _CORAL)
    if is_coral:
        plain = path.name.lower().replace("_edgetpu", "")
        raise ModelRefused(
            f"{path} is compiled for a Coral (Edge TPU), and nothing else can run it",
            hint=f"take the same model for the CPU, which is published beside it: {plain}",
        )


def _contains(stream: BinaryIO, word: bytes) -> bool:
    """Say whether a word is in a file, read a block at a time."""
    kept = b""
    while block := stream.read(MB):
        if word in kept + block:
            return True
        kept = block[-len(word) :]
    return False
