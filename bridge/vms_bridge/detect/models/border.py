"""The border to OpenVINO: whatever it raises becomes one of our errors, in a line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from vms_bridge.errors import BridgeError, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 300


@contextmanager
def border(what: str, hint: str) -> Iterator[None]:
    """Within it what goes wrong raises ModelRefused: `what` it was, OpenVINO's own words, and the hint."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            hint = "allow more, as in `runtime: {memory_mb: 4096}`, or take a smaller model"
            raise ModelRefused(f"{what}: it takes more memory than there is", hint=hint) from error
        words = _gist(str(error))
        raise ModelRefused(f"{what}{': ' if words else ''}{words}", hint=hint) from error


def _gist(text: str) -> str:
    """Return what OpenVINO says beneath the places in its source."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    said = [
        line
        for line in lines
        if line and not line.startswith(("Exception from src", "Check '", "While validating", "[ GENERAL_ERROR ]"))
    ]
    return (said or [line for line in lines if line] or [""])[-1 if said else 0][:_LONGEST]
