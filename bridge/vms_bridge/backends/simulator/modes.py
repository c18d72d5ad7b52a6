"""What a simulated camera's modes make it do: two ways of saying it, as VMSs have them, and one camera without any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a camera does: deliver pictures, look for motion, record always, record motion."""

    captures: bool = True
    analyses: bool = False
    records_always: bool = False
    records_motion: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A way of saying it: the modes with their legal values, and what each run state sets them to."""

    modes: Mapping[str, tuple[str, ...]]
    run_states: Mapping[str, Mapping[str, str]]
    unarmed: Mapping[str, str]


RUN_STATES = ("Away", "Home", "Night")
"""Away: everything detects. Home: capturing-style cameras do not. Night: function-style cameras record all the time too."""

_FUNCTION = Style(
    modes={"function": ("None", "Monitor", "Modect", "Record", "Mocord")},
    run_states={"Away": {"function": "Modect"}, "Home": {"function": "Modect"}, "Night": {"function": "Mocord"}},
    unarmed={"function": "Monitor"},
)
_CAPTURING = Style(
    modes={"capturing": ("None", "Always"), "analysing": ("None", "Always"), "recording": ("None", "OnMotion", "Always")},
    run_states={
        "Away": {"capturing": "Always", "analysing": "Always", "recording": "OnMotion"},
        "Home": {"capturing": "Always", "analysing": "None", "recording": "None"},
        "Night": {"capturing": "Always", "analysing": "Always", "recording": "OnMotion"},
    },
    unarmed={"capturing": "Always", "analysing": "None", "recording": "None"},
)
_NONE = Style(modes={}, run_states={}, unarmed={})
_FUNCTIONS = {
    "None": Behaviour(captures=False),
    "Monitor": Behaviour(),
    "Modect": Behaviour(analyses=True, records_motion=True),
    "Record": Behaviour(records_always=True),
    "Mocord": Behaviour(analyses=True, records_always=True),
}
ALWAYS = _FUNCTIONS["Mocord"]
"""What a camera without modes does: record continuously, and look for motion."""


def style_of(camera: int) -> Style:
    """Return how this camera's modes are said: the first in one way, the second in the other, the third has none."""
    return (_FUNCTION, _CAPTURING, _NONE)[(camera - 1) % 3]


def behaviour(modes: Mapping[str, str]) -> Behaviour:
    """Return what these modes make a camera do."""
    if not modes:
        return ALWAYS
    if "function" in modes:
        return _FUNCTIONS[modes["function"]]
    captures = modes["capturing"] != "None"
    return Behaviour(
        captures=captures,
        analyses=captures and modes["analysing"] == "Always",
        records_always=captures and modes["recording"] == "Always",
        records_motion=captures and modes["recording"] == "OnMotion",
    )
