"""Checks values of a configuration file by a pydantic model, and says each mistake in words for the person who wrote it.

A model may have sections, lists, mappings and unions of these in it, however deep (shapes.py). The remedy of a mistake is what
the model says of the field. A validator that knows a better one raises a `PydanticCustomError` with `remedy` in its context; one
that compares fields belongs to the later of them and looks at `info.data`, so that it speaks up though another field is wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, RootModel, SecretStr, ValidationError

from vms_bridge.config.shapes import inside, locate, meant, members
from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from vms_bridge.config.file import Document, KeyPath
    from vms_bridge.config.shapes import Place

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {  # pydantic's error type, up to the first _ where the whole is not here: what was expected
    "int": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "string_type": "expected text",
    "string_too_short": "is too short, the least is {min_length}",
    "string_too_long": "is too long, the most is {max_length} characters",
    "string_pattern_mismatch": "has characters that aren't allowed here, or too many of them",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected {ge} or more",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected {le} or less",
    "finite_number": "expected a number",
    "list": "expected a list",
    "tuple": "expected a list",
    "set": "expected a list",
    "frozen_set_type": "expected a list",
    "sequence_str": "expected a list",
    "dict": "expected a mapping of keys to values",
    "mapping": "expected a mapping of keys to values",
    "model": "expected a mapping of keys to values",
    "dataclass": "expected a mapping of keys to values",
    "union_tag_invalid": "expected {expected_tags}",
    "union_tag_not_found": "is missing",
    "too_short": "expected at least {min_length} of them",
    "too_long": "expected at most {max_length} of them",
    "path_type": "expected a path",
    "path_not_file": "there is no such file",
    "path_not_directory": "there is no such directory",
    "datetime": "expected a time such as 2026-01-01T00:00:00Z",
    "timezone_aware": "expected a time with its zone, such as 2026-01-01T00:00:00Z",
    "missing": "is missing",
    "extra_forbidden": "there is no such option",
}
_FALSE = frozenset({"false", "no", "off"})
_TRUE = frozenset({"true", "yes", "on"})
_FILE_SUFFIXES = ("_file", "_certificate", "_key")


class Checker:
    """Checks parts of one document against models, and gathers the mistakes."""

    def __init__(self, file: Path, document: Document) -> None:
        self.mistakes = list(document.mistakes)
        self._file, self._document = file, document

    def model(self, model: type[Model], values: Mapping[str, object], path: KeyPath, also: Sequence[str] = ()) -> Model | None:
        """Return the values as a model, or None with the mistakes gathered; `also` are keys that were legal but taken out.

        Paths are taken relative to the configuration file; a path whose option is named `*_file`, `*_certificate` or
        `*_key` has to be a file that can be read.
        """
        anchored = {name: _anchored(inside(model, name), value, self._file.parent) for name, value in values.items()}
        for option, file in _files(model, anchored, ()):  # whatever else is wrong: this can be known
            if not (file.is_file() and os.access(file, os.R_OK)):
                self.mistake(f"there is no file {file} that can be read", (*path, *option), "check the path and the file's owner")
        try:
            return model.model_validate(anchored)
        except ValidationError as invalid:
            found = [(locate(model, anchored, error), error) for error in invalid.errors(include_url=False)]
            at: dict[tuple[KeyPath, bool], tuple[Place, list[ErrorDetails]]] = {}
            for place, error in [one for one in found if one[0].is_meant] or found:
                at.setdefault((place.path, place.is_key), (place, []))[1].append(error)
            for place, errors in at.values():
                self._pydantic_mistake(place, errors, path, also)
            return None

    def mistake(self, message: str, path: KeyPath, hint: str) -> None:
        """Note a mistake in the value at this path, unless the value could not even be read."""
        if not any(path[: len(broken)] == broken for broken in self._document.broken):
            self.key_mistake(message, path, hint)

    def key_mistake(self, message: str, path: KeyPath, hint: str) -> None:
        """Note that this key can't be here, whatever its value."""
        line = self._document.line(path)
        key = ".".join(path) or None
        self.mistakes.append(ConfigError(self._clean(message), file=str(self._file), line=line, key=key, hint=self._clean(hint)))

    def _pydantic_mistake(self, place: Place, errors: Sequence[ErrorDetails], path: KeyPath, also: Sequence[str]) -> None:
        """Note what pydantic found in one place: of a union such as `Path | Literal[False]` it names each part."""
        first = errors[0]
        where = (*path, *place.path)
        if first["type"] == "extra_forbidden":
            options = [*place.options, *(also if len(place.path) == 1 else ())]
            self.key_mistake(_WORDS["extra_forbidden"], where, _one_of(where[-1], options))
            return
        words = list(dict.fromkeys(_words(error) for error in errors))
        message = " or ".join([words[0], *(word.removeprefix("expected ") for word in words[1:])])
        if place.is_key:
            self.key_mistake(f"can't be a key here: {message}", where, _remedy(place, first))
        else:
            self.mistake(_without_credentials(message, first["input"]), where, _remedy(place, first))

    def _clean(self, text: str) -> str:
        for secret in sorted(self._document.secrets.values(), key=len, reverse=True):
            text = _without(text, secret)
        return text


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a question after the nearest of the words, or nothing where none is near."""
    close = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def plain_secrets(model: BaseModel, path: KeyPath, document: Document) -> Iterator[str]:
    """Yield the options below `path` whose secret is written in the file itself."""
    for place, value in values_below(model, path):
        if isinstance(value, SecretStr) and place in document.lines and place not in document.secrets:
            yield ".".join(place)


def values_below(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    """Yield a value, and all that is in it, however deep, each with its place in the file."""
    yield path, value
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, BaseModel):
        inner = value
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, one in inner:
        yield from values_below(one, path if isinstance(value, RootModel) else (*path, str(key)))


def _words(error: ErrorDetails) -> str:
    """Say what pydantic found; what a model's own validator says is meant for people as it is."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    if kind == "literal_error" and context.get("expected") == "False":
        return "expected false"
    if error["input"] is None or (kind == "string_too_short" and not error["input"]):
        return "is empty"
    words = _WORDS.get(kind) or _WORDS.get(kind.split("_", 1)[0])
    limits = {name: f"{value:.15g}" if isinstance(value, float) else value for name, value in context.items()}
    return words.format_map(limits) if words else error["msg"].removeprefix("Input ")


def _without_credentials(message: str, value: object) -> str:
    """Return the message without any part of what may be user and password in an address that a validator quotes."""
    for _, text in values_below(value, ()):
        if not isinstance(text, str):
            continue
        found = re.search(r"//(.*)@", text, re.DOTALL) or re.search(r"//[^/:]*:(?!\d{1,5}(?:[/?#]|$))(.+)", text, re.DOTALL)
        parts = [found[1], *(part for part in re.split(r"[/:@?#]+", found[1]) if len(part) > 3)] if found else []
        for part in parts:
            message = _without(message, part)
    return message


def _without(text: str, part: str) -> str:
    """Return the text with this part struck out, also where it was quoted by `repr`."""
    return text.replace(part, "***").replace(repr(part)[1:-1], "***") if part else text


def _one_of(word: str, options: Sequence[str]) -> str:
    """Return what to write instead of this word."""
    if not options:
        return "take it out"
    return nearest(word, options) or f"there are: {', '.join(sorted(options))}"


def _remedy(place: Place, error: ErrorDetails) -> str:
    """Return what to do: what the validator says, else what the model says of the option, else what always holds."""
    context = error.get("ctx", {})
    if remedy := context.get("remedy"):
        return _without_credentials(str(remedy), error["input"])
    if error["type"] == "union_tag_invalid":
        return _one_of(str(context.get("tag")), place.tags)
    if place.is_key and (near := nearest(place.path[-1], re.findall("'(.*?)'", str(context.get("expected"))))):
        return near
    return place.description or _usual_remedy(place, is_missing=error["type"] == "missing")


def _usual_remedy(place: Place, *, is_missing: bool) -> str:
    """Return what to do about an option of which the model says nothing."""
    if place.tags:
        return f"there are: {', '.join(place.tags)}"
    if place.field is None:
        return "change one of the options that this is about"
    if is_missing and place.path[-1].isdecimal():
        return "write one more value"
    is_needed = is_missing or (place.path[-1] in place.options and place.field.is_required())
    return f"write `{place.path[-1]}: ...` here" if is_needed else "correct it, or leave it out for the default"


def _anchored(annotation: object, value: object, base: Path) -> object:
    """Return a value with each path in it made absolute, from the directory of the configuration file.

    Where an option is a path or false, the word is false and not a path of that name; nor is true one.
    """
    choice = members(annotation)
    if isinstance(value, str) and Path in choice:
        is_word = any(word is False for member in choice for word in get_args(member)) and value.lower() in _FALSE | _TRUE
        return value.lower() in _TRUE if is_word else str(base.absolute() / value)
    if isinstance(value, dict | list):
        member = next(iter(meant(choice, value)), object)
        if isinstance(value, dict):
            return {key: _anchored(inside(member, key), inner, base) for key, inner in value.items()}
        return [_anchored(inside(member, index), inner, base) for index, inner in enumerate(value)]
    return value


def _files(annotation: object, value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    """Yield each path in the anchored values that has to be a file, with its place."""
    choice = members(annotation)
    option = next((name for name in reversed(path) if not name.isdecimal()), "")
    if isinstance(value, str) and Path in choice and option.endswith(_FILE_SUFFIXES):
        yield path, Path(value)
    elif isinstance(value, dict | list):
        member = next(iter(meant(choice, value)), object)
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _files(inside(member, key), inner, (*path, str(key)))
