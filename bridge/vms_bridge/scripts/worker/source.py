"""Runs the top level of a script."""

from __future__ import annotations

import sys
import types


def run(text: str, file: str) -> BaseException | None:
    """Run the script, and return what it has raised."""
    module = types.ModuleType("__main__")
    module.__file__ = file
    sys.modules["__main__"] = module
    try:
        exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - that is what this process is for
    except SystemExit:
        return RuntimeError(
            "the script ends itself at its top level; it is to stay: its handlers are called when something happens"
        )
    except BaseException as error:  # noqa: BLE001 - whatever a script raises is told
        return error
    return None
