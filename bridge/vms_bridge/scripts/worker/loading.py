"""Loads what a script may need while that can still be done, and says afterwards what can't be loaded any more."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, tzinfo
from importlib import import_module
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

NEEDED = (
    *("_strptime", "concurrent.futures.thread", "copy", "difflib", "linecache", "logging", "queue", "string", "traceback"),
    *(
        "encodings.ascii",
        "encodings.latin_1",
        "encodings.utf_8",
        "encodings.utf_8_sig",
        "encodings.cp1252",
        "encodings.idna",
        "encodings.punycode",
    ),
    *("encodings.unicode_escape", "encodings.raw_unicode_escape", "encodings.utf_16", "unicodedata"),
    *("asyncio.runners", "asyncio.taskgroups", "asyncio.timeouts", "asyncio.queues", "collections.abc", "contextlib", "json"),
    *("datetime", "zoneinfo", "dataclasses", "enum", "functools", "itertools", "math", "re", "time", "typing", "types"),
)
"""What asyncio, tracebacks, times and texts load only when they are first used, and what nearly every script imports."""
MOST = 200


def load(modules: Iterable[object]) -> dict[str, str]:
    """Load what is always needed, and these; return why some could not be."""
    for needed in NEEDED:
        import_module(needed)
    failed: dict[str, str] = {}
    for name in list(modules)[:MOST]:
        try:
            import_module(str(name))
        except Exception as error:  # noqa: BLE001 - a module may raise anything, and the script is told when it imports it
            failed[str(name)] = f"{type(error).__name__}: {error}"[:300]
    return failed


def own_time_zone(name: str) -> tzinfo:
    """Make that the local time zone of this process, and return it; UTC where the system does not know it."""
    try:
        zone: tzinfo = ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        zone = UTC
    os.environ["TZ"] = name if zone is not UTC else "UTC0"
    time.tzset()
    with suppress(OSError):
        time.localtime()
    return zone


def refuse_other_imports(failed: dict[str, str]) -> None:
    """From now on say why something can't be imported, instead of looking for it on a disk that can't be read."""
    kept = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") in {"BuiltinImporter", "FrozenImporter"}]
    sys.meta_path[:] = [*kept, Refusing(failed)]
    sys.path[:] = []


class Refusing:
    """The last that an import asks. Says what there is to do."""

    def __init__(self, failed: dict[str, str]) -> None:
        self._failed = failed

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """Raise ImportError. What the standard library looks for only to do without it, it does without."""
        if name in self._failed:
            raise ImportError(f"{name} can't be loaded here: {self._failed[name]}", name=name)
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            hint = f"write `import {name}` at the top level of the script, so that it is loaded before the script is locked in"
            if top == "ssl":
                hint = "a script makes no connections of its own; use http and mqtt of vms_bridge.script"
            raise ModuleNotFoundError(f"{name} was not loaded: {hint}", name=name)
        hint = "a script has the standard library and vms_bridge.script; an administrator can add modules with `scripts.modules`"
        raise ModuleNotFoundError(f"there is no module {name} for scripts: {hint}", name=name)
