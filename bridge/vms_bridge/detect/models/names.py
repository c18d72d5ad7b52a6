"""What a model's classes are called: as the configuration says, or the file itself, or a file beside it."""

from __future__ import annotations

import ast
import json
import zipfile
import zlib
from typing import TYPE_CHECKING

from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MOST = 10_000
_LONGEST = 100
_MOST_BYTES = 1_048_576
_BACKGROUND = frozenset({"background", "__background__", "unlabeled", "???"})
COCO80 = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter,
    bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee,
    skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass,
    cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch,
    potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
    refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush""".replace("\n    ", " ").split(", ")
)
"""The 80 classes of COCO, as most models that are published have them."""
BUILT_IN = {"coco80": COCO80}


def configured(labels: Sequence[str], file: Path | None) -> tuple[str, ...]:
    """Return the names that the configuration gives; none where it gives none. Raises ModelRefused."""
    if file is not None:
        return from_file(file)
    if len(labels) == 1 and labels[0] in BUILT_IN:
        return BUILT_IN[labels[0]]
    return tidied(labels)


def from_file(file: Path) -> tuple[str, ...]:
    """Return the names in a text file, one a line, or of its only list where it is JSON. Raises ModelRefused."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        hint = "name a text file with the classes' names, one a line"
        raise ModelRefused(f"the names of the classes can't be read: {file}: {error.strerror}", hint=hint) from None
    if len(content) > _MOST_BYTES:
        raise ModelRefused(f"{file} is too large to be a list of names", hint="name a text file with one name a line")
    return from_text(content.decode("utf-8-sig", "replace"))


def beside(file: Path) -> tuple[str, ...]:
    """Return the names in the file beside a model that is there for them: `<model>.names`, `<model>.txt`, or `labels.txt`."""
    for candidate in (file.with_suffix(".names"), file.with_suffix(".txt"), file.with_name("labels.txt")):
        if candidate.is_file():
            return from_file(candidate)
    return ()


def within_tflite(file: Path) -> tuple[str, ...]:
    """Return the names in a TFLite file's metadata: an archive at its end, with one text file in it."""
    try:
        with zipfile.ZipFile(file) as archive:
            texts = [one for one in archive.infolist() if one.filename.lower().endswith(".txt") and one.file_size <= _MOST_BYTES]
            if len(texts) != 1:
                return ()
            with archive.open(texts[0]) as stream:
                return from_text(stream.read(_MOST_BYTES).decode("utf-8", "replace"))
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ):  # there is none, or a broken one
        return ()


def from_metadata(text: str) -> tuple[str, ...]:
    """Return the names that a file says of itself; none where it can't be understood.

    Ultralytics writes `{0: 'person', 1: 'bicycle'}`, others a list, OpenVINO's words with underscores in the place of blanks.
    """
    text = text.strip()[:_MOST_BYTES]
    if text[:1] in {"{", "["}:
        return _from_literal(text)
    if "\n" in text:
        return from_text(text)
    return tidied(word.replace("_", " ") for word in text.split())


def from_text(text: str) -> tuple[str, ...]:
    """Return the names of a text with one a line; a number before a name, as in `12 dog` or `12: dog`, is its class."""
    if text.lstrip()[:1] == "[":
        return _from_literal(text.strip())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    numbered = [line.replace(":", " ", 1).split(maxsplit=1) for line in lines]
    if lines and all(len(parts) == 2 and parts[0].isdecimal() for parts in numbered):
        return _from_pairs((int(number[:6]), name) for number, name in numbered)
    return tidied(lines)


def tidied(names: Iterable[str]) -> tuple[str, ...]:
    """Return names as they can be shown: without signs that can't, of bounded length and number; an empty one gets its number."""
    found = []
    for at, name in enumerate(names):
        if at == MOST:
            break
        shown = "".join(char for char in name if char.isprintable()).strip()[:_LONGEST]
        found.append(shown or f"class {at}")
    return tuple(found)


def without_background(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names without the first, where that is of what is none of them."""
    return names[1:] if names and names[0].lower() in _BACKGROUND else names


def _from_literal(text: str) -> tuple[str, ...]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return ()
    if isinstance(value, dict):
        try:
            return _from_pairs((int(number), str(name)) for number, name in value.items())
        except (TypeError, ValueError):
            return ()
    return tidied(str(name) for name in value) if isinstance(value, list | tuple) else ()


def _from_pairs(pairs: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    named = {number: name for number, name in pairs if 0 <= number < MOST}
    return tidied(named.get(number, "") for number in range(max(named) + 1)) if named else ()
