"""What a script calls and its header does not ask for: found where the source says outright what is meant."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.permissions import level_for, require_flag, require_listen, require_publish, require_url, require_webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vms_bridge.scripts.trying.lint_names import Names
    from vms_bridge.scripts.values import Permissions

    Missing = tuple[int, str, str, bool]

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "trigger": ("alarm", "trigger"),
    "end_alarm": ("end_alarm",),
    "arm": ("armed", "arm"),
    "disarm": ("armed", "arm"),
    "preset": ("preset",),
    "run_state": ("run_state",),
}
"""Methods of the API that no other object is likely to have, and the commands that they give."""
FLAGS: Mapping[str, str] = {"annotate": "annotate", "export": "export"}
"""Methods likewise, and the permission that each needs as a whole."""
_HTTP = frozenset({"get", "post", "put", "patch", "delete", "head", "request"})
_PLACEHOLDER = "x"


def missing(tree: ast.Module, names: Names, permissions: Permissions) -> Iterator[Missing]:
    """Yield line, what is missing, what to do, and whether that is sure."""
    for call, path in names.calls(tree):
        yield from _of_api(call, path, permissions)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not names.of_api(node.func):
            yield from _of_method(node, node.func.attr, permissions)


def _of_api(call: ast.Call, path: str, permissions: Permissions) -> Iterator[Missing]:
    of, _, name = path.rpartition(".")
    if of == "http" and name in _HTTP:
        text = _text(call, "url", 1 if name == "request" else 0)
        if text is not None and "/" in text.partition("://")[2]:
            yield from _check(call, lambda: require_url(permissions, text), is_sure=_is_literal(call, "url", 0))
    elif path == "mqtt.publish":
        topic = _text(call, "topic", 0)
        if topic is not None:
            yield from _check(call, lambda: require_publish(permissions, topic), is_sure=_is_literal(call, "topic", 0))
    elif path == "on.mqtt":
        topics = _text(call, "topic", 0)
        if topics is not None:
            yield from _check(call, lambda: require_listen(permissions, topics))
    elif path == "on.webhook":
        hook = _text(call, "name", 0)
        if hook is not None:
            yield from _check(call, lambda: require_webhook(permissions, hook))
    elif (flag := _flag(path)) is not None:
        yield from _check(call, lambda: require_flag(permissions, flag))


def _flag(path: str) -> str | None:
    first = path.partition(".")[0]
    if first in {"notify", "detect"}:
        return first
    if first in {"entity", "entities"}:
        return "entities"
    return "logs" if path in {"logs", "bridge.logs"} else None


def _of_method(call: ast.Call, name: str, permissions: Permissions) -> Iterator[Missing]:
    if name == "command":
        command = _text(call, "name", 0)
        if command is not None:
            yield from _check(call, lambda: level_for(permissions, command), is_sure=False)
    elif name in COMMANDS:
        yield from _check(call, lambda: level_for(permissions, *COMMANDS[name]), is_sure=False)
    elif name in FLAGS:
        yield from _check(call, lambda: require_flag(permissions, FLAGS[name]), is_sure=False)


def _check(call: ast.Call, check: Callable[[], object], *, is_sure: bool = True) -> Iterator[Missing]:
    try:
        check()
    except PermissionMissing as error:
        yield call.lineno, str(error), error.hint, is_sure


def _text(call: ast.Call, word: str, place: int) -> str | None:
    """Return a text that a call is given, of an f-string with something in the place of what is not known yet."""
    node = next((keyword.value for keyword in call.keywords if keyword.arg == word), None)
    if node is None and len(call.args) > place:
        node = call.args[place]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        parts = [str(part.value) if isinstance(part, ast.Constant) else _PLACEHOLDER for part in node.values]
        return "".join(parts)
    return None


def _is_literal(call: ast.Call, word: str, place: int) -> bool:
    node = next((keyword.value for keyword in call.keywords if keyword.arg == word), None)
    return isinstance(node if node is not None else (call.args[place] if len(call.args) > place else None), ast.Constant)
