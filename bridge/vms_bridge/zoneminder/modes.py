"""What a monitor is to do, in the words of both generations: a function until 1.36, three modes since 1.37. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder.values import MonitorRow

COLUMNS = {"function": "Function", "capturing": "Capturing", "analysing": "Analysing", "recording": "Recording"}
"""Each mode's column."""
SETTINGS = {
    "max_fps": "MaxFPS",
    "alarm_max_fps": "AlarmMaxFPS",
    "analysis_max_fps": "AnalysisFPSLimit",
    "section_length": "SectionLength",
}
"""The column of each number that people change; a rate that is null is as one of 0."""
FUNCTIONS = {
    "None": ("None", "None", "None"),
    "Monitor": ("Always", "None", "None"),
    "Modect": ("Always", "Always", "OnMotion"),
    "Record": ("Always", "None", "Always"),
    "Mocord": ("Always", "Always", "Always"),
    "Nodect": ("Always", "None", "OnMotion"),
}
"""Each function as capturing, analysing and recording."""
ENUMS = {
    "capturing": ("None", "Ondemand", "Always"),
    "analysing": ("None", "Always"),
    "recording": ("None", "OnMotion", "Always"),
    "decoding": ("None", "Ondemand", "KeyFrames", "KeyFrames+Ondemand", "Always"),
}
DISARMED = {"Modect": "Monitor", "Mocord": "Record", "Nodect": "Monitor"}
_ARMED = {"Monitor": "Modect", "Record": "Mocord", "None": "Modect"}
_MODES = ("capturing", "analysing", "recording")


def armed_modes(row: MonitorRow, *, on: bool, restore: Mapping[str, str]) -> dict[str, str]:
    """Return the modes that (dis)arm this monitor and leave recording as it is where they can."""
    if row.capturing is not None:
        if not on:
            return {"analysing": "None"}
        modes = {"analysing": "Always"}
        if row.capturing == "None":
            wanted = restore.get("capturing", "")
            modes["capturing"] = "Always" if wanted in {"", "None"} else wanted
        return modes
    function = row.function or "None"
    if not on:
        return {"function": DISARMED.get(function, function)}
    wanted = restore.get("function", "")
    if wanted in DISARMED:
        return {"function": wanted}
    return {"function": function if function in DISARMED else _ARMED.get(function, "Modect")}


def columns_for(row: MonitorRow, wanted: Mapping[str, str], *, enabled: bool | None) -> dict[str, str]:
    """Return the columns that set these modes, said in either generation's words. Raises ValueError where there are none.

    `enabled` is the old generation's switch; in the new one what is not enabled does not capture.
    """
    return _modern(row, wanted, enabled=enabled) if row.capturing is not None else _old(row, wanted, enabled=enabled)


def _modern(row: MonitorRow, wanted: Mapping[str, str], *, enabled: bool | None) -> dict[str, str]:
    modes: dict[str, str] = {}
    if function := wanted.get("function"):
        modes = dict(zip(_MODES, _of_function(function), strict=True))
        if modes["capturing"] == "None":
            modes = {"capturing": "None"}
    modes |= {name: word for name, word in wanted.items() if name != "function"}
    for name, word in modes.items():
        if word not in ENUMS.get(name, ()):
            raise ValueError(f"{name} can't be {word!r}: it is one of {', '.join(ENUMS.get(name, ()))}")
    if enabled is False:
        modes["capturing"] = "None"
    elif enabled and modes.get("capturing", row.capturing) == "None":
        modes["capturing"] = "Always"
    return {name.capitalize(): word for name, word in modes.items()}


def _old(row: MonitorRow, wanted: Mapping[str, str], *, enabled: bool | None) -> dict[str, str]:
    if "decoding" in wanted:
        raise ValueError("this version has no mode of decoding: set the column DecodingEnabled, or Enabled before 1.36")
    found: dict[str, str] = {}
    modes = {name: word for name, word in wanted.items() if name in _MODES}
    if function := wanted.get("function"):
        _of_function(function)
        found["Function"] = function
    if modes:
        start = _of_function(found.get("Function") or row.function or "None")
        triple = tuple(modes.get(name, word) for name, word in zip(_MODES, start, strict=True))
        if triple[0] == "None":
            triple = FUNCTIONS["None"]
        fitting = next((name for name, words in FUNCTIONS.items() if words == triple), None)
        if fitting is None:
            said = ", ".join(f"{name} {word}" for name, word in zip(_MODES, triple, strict=True))
            raise ValueError(f"before 1.37 no function is {said}")
        found["Function"] = fitting
    if enabled is not None:
        found["Enabled"] = "1" if enabled else "0"
    return found


def _of_function(function: str) -> tuple[str, str, str]:
    if function not in FUNCTIONS:
        raise ValueError(f"there is no function {function!r}: it is one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[function]
