"""What a pydantic model says of each place in its values: of sections, lists and mappings, and of what may be one of several.

pydantic names the place of an error by keys and positions and, at each union, by the type that it has tried. The file has keys
and positions only, so both are followed step by step here. Of the types in a union only the one that was meant is believed:
a mapping is checked by the model that it resembles most, and gets no message of what all the others would want of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import EllipsisType, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from vms_bridge.config.file import KeyPath

_IN_A_KEY = "[key]"  # how pydantic says that an error is about a mapping's key
_UNIONS = ("union[", "tagged-union[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the file an error is; what the model says of the option there, or of the one that it is in.

    `options` are those that there are where the last key is, `tags` the values of the option that says which of several
    models is meant. `is_key`: it is the key itself that is wrong. Not `is_meant`: the error is one of another type of a union.
    """

    path: KeyPath
    field: FieldInfo | None = None
    description: str = ""
    options: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_key: bool = False
    is_meant: bool = True


def members(annotation: object) -> list[object]:
    """Return the types that an annotation leaves open, without None: unions taken apart, names and notes taken off."""
    if hasattr(annotation, "__value__"):  # type X = ...
        return members(annotation.__value__)
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return members(annotation.model_fields["root"].annotation)
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [member for part in get_args(annotation) for member in members(part)]
    return [] if annotation is None or annotation is NoneType else [annotation]


def inside(member: object, part: str | int) -> object:
    """Return the annotation of what has this key or position within a value of that type; `object` where that is not known."""
    arguments: tuple[object, ...] = get_args(member)
    if _is_model(member):
        field = _options(member).get(str(part))
        return object if field is None else field.annotation
    if _is_mapping(member):
        return arguments[1] if len(arguments) == 2 else object
    if not _is_list(member) or not arguments:
        return object
    if get_origin(member) is tuple and not isinstance(arguments[-1], EllipsisType):
        return arguments[part] if isinstance(part, int) and part < len(arguments) else object
    return arguments[0]


def meant(choice: Sequence[object], value: object) -> list[object]:
    """Return those of the types that whoever wrote this value can have meant; all of them where none fits."""
    fitting: list[object]
    if len(choice) == 1:  # which is asked for every mistake: a file may have thousands
        return list(choice)
    if value is None:
        fitting = []
    elif isinstance(value, dict):
        fitting = [member for member in choice if _is_mapping(member)]
        models = [member for member in choice if _is_model(member)]
        likeness = [_likeness(model, models, value) for model in models]
        if models and (not fitting or max(likeness) > 0):
            fitting = [models[likeness.index(max(likeness))]]
    elif isinstance(value, list):
        fitting = [member for member in choice if _is_list(member)]
    else:
        fitting = [member for member in choice if not (_is_model(member) or _is_mapping(member) or _is_list(member))]
    return fitting or list(choice)


def locate(model: type[BaseModel], values: Mapping[str, object], error: ErrorDetails) -> Place:
    """Return where in the values an error of this model is."""
    follower = _Follower(model, values)
    for left, part in enumerate(error["loc"], 1 - len(error["loc"])):
        follower.follow(part, is_missing=left == 0 and error["type"] == "missing")
    return follower.place(error)


class _Follower:
    """Follows the parts of an error's place through a model and the values; used once."""

    def __init__(self, model: type[BaseModel], values: Mapping[str, object]) -> None:
        self._choice: list[object] = [model]
        self._value: object = values
        self._path: list[str] = []
        self._field: FieldInfo | None = None
        self._description = ""
        self._options: tuple[str, ...] = ()
        self._is_key = False
        self._is_meant = True

    def follow(self, part: str | int, *, is_missing: bool = False) -> None:
        """Take one step: to what has this key or position, or to one of several types."""
        is_there = _has(self._value, part)
        if part == _IN_A_KEY and not is_there:
            self._is_key = True
        elif len(self._choice) > 1 and ((called := _called(self._choice, str(part))) or not is_there):
            wanted = meant(self._choice, self._value)
            self._is_meant = self._is_meant and (not called or any(member in wanted for member in called))
            self._choice = called or self._choice
        else:
            self._enter(part, is_there=is_there, is_missing=is_missing)

    def place(self, error: ErrorDetails) -> Place:
        """Return where this has led to."""
        tags: tuple[str, ...] = ()
        if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
            name = re.match(r"'(\w+)'", str(error.get("ctx", {}).get("discriminator")))
            models = [member for member in self._choice if _is_model(member)]
            if name and models:
                fields = [field for model in models if (field := _options(model).get(name[1]))]
                tags = tuple(dict.fromkeys(tag for field in fields for tag in _tags(field)))
                self._choice = [models[0]]
                self._enter(name[1], is_there=_has(self._value, name[1]))
                self._description = next((field.description for field in fields if field.description), "")
        return Place(
            path=tuple(self._path),
            field=self._field,
            description=self._description,
            options=self._options,
            tags=tags,
            is_key=self._is_key,
            is_meant=self._is_meant,
        )

    def _enter(self, part: str | int, *, is_there: bool, is_missing: bool = False) -> None:
        member = next(iter(meant(self._choice, self._value)), object)
        options = _options(member) if _is_model(member) else {}
        if not (is_there or is_missing or part in options or isinstance(part, int)):
            return  # a word of pydantic's, and not the file's
        field = options.get(str(part))
        self._options = tuple(options)
        if field is not None:  # what is in a list or mapping has no other description than that of the whole
            self._field, self._description = field, field.description or ""
        self._path.append(str(part))
        self._choice = members(inside(member, part))
        self._value = self._value[part] if is_there else None  # type: ignore[index]  # it is a dict or a list


def _is_model(member: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _is_mapping(member: object) -> bool:
    kind = get_origin(member) or member
    return isinstance(kind, type) and issubclass(kind, Mapping)


def _is_list(member: object) -> bool:
    """Say whether it is written as a list: lists themselves, tuples and sets."""
    kind = get_origin(member) or member
    return isinstance(kind, type) and issubclass(kind, Collection) and not issubclass(kind, Mapping | str | bytes | BaseModel)


def _options(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by their names in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _tags(field: FieldInfo | None) -> list[str]:
    """Return the words that an option can be, where it can be nothing else."""
    choice = members(field.annotation) if field else []
    words = [getattr(word, "value", word) for member in choice for word in get_args(member)]
    is_tag = all(get_origin(member) is Literal for member in choice) and all(isinstance(word, str) for word in words)
    return words if is_tag else []


def _likeness(model: type[BaseModel], models: Sequence[type[BaseModel]], values: Mapping[str, object]) -> float:
    """Return how much a mapping looks like this one of the models: by its keys, also misspelt ones, unless it names another."""
    options = _options(model)
    for key, value in values.items():
        others = [tag for other in models if other is not model for tag in _tags(_options(other).get(key))]
        if value in others and (tags := _tags(options.get(key))) and value not in tags:
            return -1.0
    return sum(1.0 if key in options else 0.5 if get_close_matches(key, options, n=1) else 0.0 for key in values)


def _called(choice: Sequence[object], label: str) -> list[object]:
    """Return the types that pydantic means by this word, where it says which of a union it has tried."""
    tagged: list[object] = [member for member in choice if _is_model(member) and label in _all_tags(member)]
    if tagged:
        return tagged
    begins = {index: at for index, member in enumerate(choice) if (at := _begin(member, label)) is not None}
    first = min(begins.values(), default=0)
    return [choice[index] for index, at in begins.items() if at == first or label.startswith(_UNIONS)]


def _all_tags(model: type[BaseModel]) -> set[str]:
    return {tag for field in model.model_fields.values() for tag in _tags(field)}


def _begin(member: object, label: str) -> int | None:
    """Return where in the word a type's name begins: `list[Camera]` is a list first, and not a Camera."""
    kind = get_origin(member) or member
    name = "literal" if kind is Literal else getattr(kind, "__name__", "")
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", label) if name else None
    return found.start() if found else None


def _has(value: object, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)
