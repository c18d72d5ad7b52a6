"""Reads a YAML file into plain values, each with its line, and resolves `!env NAME` and `!file PATH`.

Every scalar stays text (or None): the models decide what is a number, so that `name: No`, `password: 0123` and a monitor
called 007 mean what they say. Foreign text never enters a message, since any of it may be a password.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from vms_bridge.errors import ConfigError, InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyPath = tuple[str, ...]
"""Where a value is: the keys that lead to it, and the positions in lists."""

FILE_BYTES = 1_000_000
SECRET_BYTES = 16_384
_NODES = 20_000
_DEPTH = 32
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Remark:
    """What the person who wrote the file should know, though it works, and what to do about it."""

    text: str
    hint: str

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says; `broken` are paths whose value could not be had, `secrets` the values of `!env` and `!file`."""

    values: dict[str, object] = field(repr=False)
    lines: Mapping[KeyPath, int]
    mistakes: tuple[ConfigError, ...]
    broken: frozenset[KeyPath]
    secrets: Mapping[KeyPath, str] = field(repr=False)
    remarks: tuple[Remark, ...]

    def line(self, path: KeyPath) -> int | None:
        """Return the line of this path, or of what it would be in."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)


def read_document(path: Path, environ: Mapping[str, str]) -> Document:
    """Read the file at `path`. Raises InvalidConfig where there is nothing to go on with; lesser mistakes are in the result."""
    name = str(path)
    text = _text(path)
    try:
        loader = _Composer(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise InvalidConfig([_syntax_mistake(name, text, error)]) from None
    if root is None:
        hint = "start from examples/vms-bridge.example.yaml"
        raise InvalidConfig([ConfigError("the file is empty", file=name, line=1, hint=hint)])
    if not isinstance(root, yaml.MappingNode):
        hint = "the file consists of `key: value` lines, as in examples/vms-bridge.example.yaml"
        line = root.start_mark.line + 1
        raise InvalidConfig([ConfigError("the file is not a mapping of keys to values", file=name, line=line, hint=hint)])
    return _Resolver(path, text, environ).document(root)


def _text(path: Path) -> str:
    """Return the file's text, without a byte order mark."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        hint = "name it with --config FILE, or start from examples/vms-bridge.example.yaml"
        raise InvalidConfig([ConfigError("there is no such file", file=str(path), hint=hint)]) from None
    except IsADirectoryError:
        raise InvalidConfig([ConfigError("this is a directory", file=str(path), hint="name the file in it")]) from None
    except OSError as error:
        hint = "the user that runs the bridge must be able to read it"
        raise InvalidConfig([ConfigError(f"can't be read: {error.strerror}", file=str(path), hint=hint)]) from None
    if len(raw) > FILE_BYTES:
        raise InvalidConfig([ConfigError("is larger than 1 MB", file=str(path), hint="is this the configuration at all?")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidConfig(
            [ConfigError("this line is not UTF-8", file=str(path), line=line, hint="save the file as UTF-8")]
        ) from None


def exposed(place: Path, what: str, mode: int) -> list[Remark]:
    """Return what is to be said where others can read a secret file of this mode, or put another in its place."""
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        who = "everybody on this machine" if mode & stat.S_IWOTH else "its group"
        return [Remark(f"{who} can change {what} {place}", f"chmod 600 {place}")]
    if mode & stat.S_IROTH:
        return [Remark(f"everybody on this machine can read {what} {place}", f"chmod 600 {place}")]
    return []


class _Composer(yaml.SafeLoader):
    """PyYAML's composer, bounded in depth and number of nodes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        if self._depth > _DEPTH or self._nodes > _NODES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it untyped
            raise yaml.composer.ComposerError(None, None, "too deep or too large", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


_SYNTAX = (
    # part of PyYAML's problem or context, what to say, the remedy
    ("too deep", "nests too deep or has too many values", "a configuration is at most 32 levels deep, 20,000 values long"),
    ("'\\t'", "a tab can't be used for indentation", "use spaces"),
    ("cannot start any token", "a value can't start with this character", "put the value in quotes"),
    (
        "mapping values are not allowed",
        "`: ` is not expected here",
        "put a text with `: ` in it in quotes, or mend the indentation",
    ),
    ("could not find expected ':'", "`:` is missing after a key", "write `key: value`"),
    ("quoted scalar", "a quotation mark is opened but not closed, or what follows it does not belong there", "close it"),
    ("flow sequence", "a list that starts with `[` is not well formed", "separate its values by `,` and close it by `]`"),
    (
        "flow mapping",
        "a mapping that starts with `{` is not well formed",
        "separate its `key: value` pairs by `, ` and close it by `}`",
    ),
    ("undefined alias", "`*` refers to an anchor that is not there", "put a text that starts with `*` in quotes"),
    ("duplicate anchor", "an anchor (`&`) is defined twice", "put a text that starts with `&` in quotes"),
    ("scanning an", "`*` or `&` is not followed by a name", "put a text that starts with it in quotes"),
    ("a tag", "`!` is not followed by a tag", "use `!env NAME` or `!file PATH`, and put a text that starts with `!` in quotes"),
    ("single document", "there is a second document after `---`", "write everything in one"),
    ("block", "the indentation does not fit the lines above", "indent the keys of one section by the same number of spaces"),
)


def _syntax_mistake(name: str, text: str, error: yaml.YAMLError) -> ConfigError:
    """Say in our words what PyYAML found; its own quote the file, and a password may be in it."""
    if isinstance(error, yaml.reader.ReaderError):
        where = text.count("\n", 0, error.position) + 1
        return ConfigError("a control character is not allowed", file=name, line=where, hint="remove it")
    problem = context = ""
    line = None
    if isinstance(error, yaml.MarkedYAMLError):
        problem, context = error.problem or "", error.context or ""
        begins_earlier = error.context_mark and "block" not in context and "document" not in context
        mark = error.context_mark if begins_earlier else error.problem_mark
        line = mark.line + 1 if mark else None
    said = ((message, hint) for part, message, hint in _SYNTAX if part in problem or part in context)
    message, hint = next(said, ("this is not valid YAML", "mend this line or the one before"))
    return ConfigError(message, file=name, line=line, hint=hint)


class _Resolver:
    """Turns nodes into values; used once."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self._path, self._text, self._environ = path, text, environ
        self._lines: dict[KeyPath, int] = {}
        self._mistakes: list[ConfigError] = []
        self._broken: set[KeyPath] = set()
        self._secrets: dict[KeyPath, str] = {}
        self._remarks: list[Remark] = []
        self._values = 0

    def document(self, root: yaml.MappingNode) -> Document:
        """Return everything that the tree says."""
        self._lines[()] = root.start_mark.line + 1
        return Document(
            values=self._mapping(root, ()),
            lines=self._lines,
            mistakes=tuple(self._mistakes),
            broken=frozenset(self._broken),
            secrets=self._secrets,
            remarks=tuple(self._remarks),
        )

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._mistake("a key is a simple text", path, line=line, hint="put it in quotes")
                continue
            if self._is_rest(key_node, value_node):
                hint = "put a text with `,` in it in quotes"
                self._mistake("`:` and a value are missing after a `,`", path, line=line, hint=hint)
                continue
            key = key_node.value
            inner = (*path, key)
            if key in values:
                self._mistake(f"is here a second time, after line {self._lines[inner]}", inner, line=line, hint="keep one")
                continue
            self._lines[inner] = line
            values[key] = self._value(value_node, inner)
        return values

    def _is_rest(self, key: yaml.ScalarNode, value: yaml.Node) -> bool:
        """Say whether a key has no `:`, as `two` in `{password: one,two}`: the rest of a secret, so it must not be named."""
        between = slice(key.end_mark.index, value.start_mark.index)
        return between.start <= between.stop and ":" not in self._text[between]  # an alias has the place of its anchor

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        self._values += 1
        if self._values > _NODES or len(path) > _DEPTH:  # aliases multiply what they refer to, or refer to themselves
            line = node.start_mark.line + 1
            message, hint = "anchors and aliases make this too large", "write out what they refer to"
            raise InvalidConfig([ConfigError(message, file=str(self._path), line=line, key=".".join(path[:2]), hint=hint)])
        if node.tag in {"!env", "!file"}:
            return self._tagged(node, path)
        if node.tag.startswith("!"):
            hint = "use `!env NAME` or `!file PATH`, and put a text that starts with `!` in quotes"
            return self._unresolved("has an unknown tag", path, hint)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, str(index))) for index, item in enumerate(node.value)]
        text: str = node.value
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return None if is_plain and text in _NULLS else text

    def _item(self, node: yaml.Node, path: KeyPath) -> object:
        self._lines[path] = node.start_mark.line + 1
        return self._value(node, path)

    def _tagged(self, node: yaml.Node, path: KeyPath) -> str:
        name = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
        if not name:
            return self._unresolved(f"{node.tag} names nothing", path, "write `!env NAME` or `!file PATH`")
        secret = self._environment(name, path) if node.tag == "!env" else self._file(name, path)
        if path not in self._broken:
            self._secrets[path] = secret
        return secret

    def _environment(self, name: str, path: KeyPath) -> str:
        if not (secret := self._environ.get(name)):
            state = "not set" if secret is None else "empty"
            hint = f"set {name} for the user that runs the bridge, in a systemd unit by EnvironmentFile="
            return self._unresolved(f"the environment variable {name} is {state}", path, hint)
        return secret

    def _file(self, name: str, path: KeyPath) -> str:
        """Return the secret in a file: in systemd's credentials, else beside the configuration."""
        place = self._path.parent / name
        try:
            if (credentials := self._environ.get("CREDENTIALS_DIRECTORY")) and (Path(credentials) / name).is_file():
                place = Path(credentials) / name
            return self._secret_in(place, path)
        except OSError as error:
            reason = error.strerror
        except ValueError:
            reason = "the path is not one"
        return self._unresolved(f"the file {place} can't be read: {reason}", path, "check its path and its owner")

    def _secret_in(self, place: Path, path: KeyPath) -> str:
        mode = place.stat().st_mode
        if not stat.S_ISREG(mode):
            return self._unresolved(f"{place} is not a file", path, "name a file that holds the secret and nothing else")
        with place.open("rb") as file:
            raw = file.read(SECRET_BYTES + 1)
        try:
            secret = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            secret = ""
        if not secret or len(raw) > SECRET_BYTES:
            hint = "it holds the secret and nothing else, as UTF-8 text"
            return self._unresolved(f"the file {place} is empty, too large or not text", path, hint)
        self._remarks += exposed(place, "the secret in", mode)
        return secret

    def _unresolved(self, message: str, path: KeyPath, hint: str) -> str:
        self._broken.add(path)
        self._mistake(message, path, line=self._lines.get(path), hint=hint)
        return _UNRESOLVED

    def _mistake(self, message: str, path: KeyPath, *, line: int | None, hint: str) -> None:
        key = ".".join(path) or None
        self._mistakes.append(ConfigError(message, file=str(self._path), line=line, key=key, hint=hint))
