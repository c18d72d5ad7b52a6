"""Holds values of a configuration file against a pydantic model, and says each mistake in words for the person who wrote it.

The remedy of a mistake is what the model says of the field. A validator that knows a better one raises a
`PydanticCustomError` with `remedy` in its context; one that compares fields belongs to the later of them and looks at
`info.data`, so that it speaks up though another field is wrong.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from vms_bridge.config.file import Document, KeyPath

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {  # pydantic's error type, up to the first _ where the whole is not here: what was expected
    "int": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "string_type": "expected text",
    "string_too_short": "is too short, the least is {min_length}",
    "string_too_long": "is too long, the most is {max_length} characters",
    "string_pattern_mismatch": "has characters that can't stand here, or too many of them",
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
    "dict": "expected a mapping of keys to values",
    "mapping": "expected a mapping of keys to values",
    "model": "expected a mapping of keys to values",
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
        anchored = _prepared(model, values, self._file.parent)
        for name, place in _files(model, anchored):  # whatever else is wrong: this can be known
            if not (place.is_file() and os.access(place, os.R_OK)):
                self.mistake(f"there is no file {place} that can be read", (*path, *name), "check the path and the file's owner")
        try:
            return model.model_validate(anchored)
        except ValidationError as invalid:
            at: dict[KeyPath, list[ErrorDetails]] = {}
            for error in invalid.errors(include_url=False):
                at.setdefault(_place(error, anchored), []).append(error)
            for inner, errors in at.items():
                self._pydantic_mistake(model, errors, path, inner, also)
            return None

    def mistake(self, message: str, path: KeyPath, hint: str) -> None:
        """Note a mistake in the value at this path, unless the value could not even be read."""
        if not any(path[: len(broken)] == broken for broken in self._document.broken):
            self.key_mistake(message, path, hint)

    def key_mistake(self, message: str, path: KeyPath, hint: str) -> None:
        """Note that this key can't stand here, whatever its value."""
        line = self._document.line(path)
        key = ".".join(path) or None
        self.mistakes.append(ConfigError(self._clean(message), file=str(self._file), line=line, key=key, hint=self._clean(hint)))

    def _pydantic_mistake(
        self, model: type[BaseModel], errors: Sequence[ErrorDetails], path: KeyPath, inner: KeyPath, also: Sequence[str]
    ) -> None:
        """Note what pydantic found in one place: of a union such as `Path | Literal[False]` it tells each part."""
        first = errors[0]
        if first["type"] == "extra_forbidden":
            options = [*_options(model, inner), *also]
            hint = nearest(inner[-1], options) or f"there are: {', '.join(sorted(options))}"
            self.key_mistake(_WORDS["extra_forbidden"], (*path, *inner), hint)
            return
        words = list(dict.fromkeys(_words(error) for error in errors))
        message = " or ".join([words[0], *(word.removeprefix("expected ") for word in words[1:])])
        self.mistake(_without_credentials(message, first["input"]), (*path, *inner), _remedy(model, inner, first))

    def _clean(self, text: str) -> str:
        for secret in sorted(self._document.secrets.values(), key=len, reverse=True):
            text = _without(text, secret)
        return text


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a question after the nearest of the words, or nothing where none is near."""
    close = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def plain_secrets(model: BaseModel, path: KeyPath, document: Document) -> Iterator[str]:
    """Yield the options below `path` whose secret stands in the file itself."""
    for name, value in model:
        if isinstance(value, SecretStr) and (*path, name) in document.lines and (*path, name) not in document.secrets:
            yield ".".join((*path, name))
        elif isinstance(value, BaseModel):
            yield from plain_secrets(value, (*path, name), document)


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


def _place(error: ErrorDetails, values: Mapping[str, object]) -> KeyPath:
    """Return where in the values an error is; pydantic names parts of unions in between, which stand in no file."""
    place: list[str] = []
    inside: object = values
    for part in error["loc"]:
        is_there = part in inside if isinstance(inside, dict) else isinstance(inside, list) and isinstance(part, int)
        is_missing = isinstance(inside, dict) and part == error["loc"][-1]
        if is_there or is_missing:
            place.append(str(part))
        if is_there:
            inside = inside[part]  # type: ignore[index]  # it is a dict or a list
    return tuple(place)


def _without_credentials(message: str, value: object) -> str:
    """Return the message without any part of what may be user and password in an address that a validator quotes."""
    text = value if isinstance(value, str) else ""
    found = re.search(r"//(.*)@", text, re.DOTALL) or re.search(r"//[^/:]*:(?!\d{1,5}(?:[/?#]|$))(.+)", text, re.DOTALL)
    if found:
        parts = [found[1], *(part for part in re.split(r"[/:@?#]+", found[1]) if len(part) > 3)]
        for part in parts:
            message = _without(message, part)
    return message


def _without(text: str, part: str) -> str:
    """Return the text with this part struck out, also where it was quoted by `repr`."""
    return text.replace(part, "***").replace(repr(part)[1:-1], "***") if part else text


def _atoms(annotation: object) -> Iterator[object]:
    """Yield the types that an annotation such as `Path | None` is made of."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from _atoms(part)


def _inner_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a field that is a section of its own."""
    field = model.model_fields.get(name)
    for atom in _atoms(field.annotation) if field else ():
        if isinstance(atom, type) and issubclass(atom, BaseModel):
            return atom
    return None


def _options(model: type[BaseModel], inner: KeyPath) -> list[str]:
    """Return the options that there are where the last part of `inner` stands."""
    for part in inner[:-1]:
        model = _inner_model(model, part) or model
    return list(model.model_fields)


def _remedy(model: type[BaseModel], inner: KeyPath, error: ErrorDetails) -> str:
    """Return what to do: what the validator says, else what the model says of the field, else what always holds."""
    if told := error.get("ctx", {}).get("remedy"):
        return _without_credentials(str(told), error["input"])
    field, description = None, ""
    for part in inner:
        field = model.model_fields.get(part, field)
        description = (field and field.description) or description
        model = _inner_model(model, part) or model
    if description:
        return description
    if field is None:
        return "change one of the options that this is about"
    return f"write `{inner[-1]}: ...` here" if field.is_required() else "correct it, or leave it out for the default"


def _prepared(model: type[BaseModel], values: Mapping[str, object], base: Path) -> dict[str, object]:
    """Return the values with each path made absolute, from the directory of the configuration file.

    Where an option is a path or false, the word is false and not a path of that name; nor is true one.
    """
    prepared = dict(values)
    for name, field in model.model_fields.items():
        value = values.get(name)
        atoms = list(_atoms(field.annotation))
        if isinstance(value, str) and Path in atoms:
            is_word = any(atom is False for atom in atoms) and value.lower() in _FALSE | _TRUE
            prepared[name] = value.lower() in _TRUE if is_word else str(base.absolute() / value)
        elif isinstance(value, dict) and (section := _inner_model(model, name)):
            prepared[name] = _prepared(section, value, base)
    return prepared


def _files(model: type[BaseModel], prepared: Mapping[str, object]) -> Iterator[tuple[KeyPath, Path]]:
    """Yield each path in the prepared values that has to be a file, with its place."""
    for name, field in model.model_fields.items():
        value = prepared.get(name)
        if isinstance(value, str) and name.endswith(_FILE_SUFFIXES) and Path in _atoms(field.annotation):
            yield (name,), Path(value)
        elif isinstance(value, dict) and (section := _inner_model(model, name)):
            for inner, place in _files(section, value):
                yield (name, *inner), place
