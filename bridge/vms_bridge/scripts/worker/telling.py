"""Says what went wrong in a script, with the author's lines: of tracebacks, only their frames and the one it came from."""

from __future__ import annotations

import linecache
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import vms_bridge
from vms_bridge import script
from vms_bridge.script.checks import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TEXT = 2_000
MOST_TRACEBACK = 8_000
_OURS = str(Path(vms_bridge.__file__).parent)
_WRONG_WORD = re.compile(r"^(?:(\w+)\.)?(\w+)\(\) got an unexpected keyword argument '(\w+)'$")
"""Newer Pythons say themselves what may be meant."""
_WITHOUT_PARENTHESES = re.compile(r"^On\.(\w+)\(\) takes 1 positional argument but 2 were given")
_OUR_ERRORS = "vms_bridge.script.errors."
_NO_FILES = (
    "a script has no files, programs or connections of its own: keep things in `state`, and ask `http`, `mqtt` or the monitors"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What went wrong: in short, at length, and in which line of the script (0: in none)."""

    text: str
    traceback: str
    line: int

    def said(self, *, cancelled: bool = False) -> dict[str, Any]:
        """Return it as the bridge is told."""
        return {"text": self.text, "traceback": self.traceback, "line": self.line, "cancelled": cancelled}


def remember(file: str, text: str) -> None:
    """Have the lines of the script shown in tracebacks."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def trouble(error: BaseException, file: str) -> Trouble:
    """Describe what was raised. Never raises, whatever the error's own methods do."""
    try:
        return _described(error, file)
    except BaseException as worse:  # noqa: BLE001 - it may be out of memory or stack, or run the script's own __str__
        return Trouble(text=f"{type(error).__name__}, which can't be described: {type(worse).__name__}", traceback="", line=0)


def _described(error: BaseException, file: str) -> Trouble:
    found = traceback.TracebackException.from_exception(error, compact=True)
    line = _line_of(error, found, file)
    _shorten(found, file)
    text = "".join(found.format_exception_only()).strip().replace(_OUR_ERRORS, "")
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}, in line {error.lineno}"
    elif isinstance(error, PermissionError) or type(error).__name__ == "gaierror":
        text = f"{text}: {_NO_FILES}"
    elif isinstance(error, TypeError):
        text += about_call(str(error))
    elif isinstance(error, RuntimeError) and "no running event loop" in text:
        text = f"{text}: begin tasks in a handler, such as an `async def` below `@on.startup`"
    whole = "".join(found.format(chain=True)).replace(_OUR_ERRORS, "")
    return Trouble(text=cut(text, MOST_TEXT), traceback=cut(whole, MOST_TRACEBACK), line=line)


def about_call(text: str) -> str:
    """Return what to add to Python's words about a call of the API that is none: what it takes."""
    wrong = _WRONG_WORD.search(text)
    if wrong is not None:
        owner, name, word = wrong.groups()
        called = getattr(getattr(script, owner, None) if owner else script, name, None)
        if not isinstance(called, FunctionType):
            return ""
        code = called.__code__
        return suggestion(word, code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    bare = _WITHOUT_PARENTHESES.search(text)
    return f": write @on.{bare[1]}(), with parentheses, and what you want of it by name" if bare is not None else ""


def cut(text: str, most: int) -> str:
    """Return the text, without its middle where it is longer; without what is no Unicode."""
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(clean) <= most:
        return clean
    half = most // 2 - 10
    return f"{clean[:half]}\n ... \n{clean[-half:]}"


def _line_of(error: BaseException, found: traceback.TracebackException, file: str) -> int:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno or 0
    lines = [frame.lineno or 0 for frame in found.stack if frame.filename == file]
    return lines[-1] if lines else 0


def _shorten(found: traceback.TracebackException, file: str) -> None:
    for each in _all(found):
        last = len(each.stack) - 1
        kept = [
            frame
            for number, frame in enumerate(each.stack)
            if frame.filename == file or (number == last and not frame.filename.startswith((_OURS, "<")))
        ]
        each.stack = traceback.StackSummary.from_list(kept)


def _all(found: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting, seen = [found], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__, *(each.exceptions or ())) if other is not None]
