"""The fake's camera control: the table of control types, the page with the presets' names, and `request=control`.

As the real one does, it checks nothing: any word is handed on, and only the log tells of one that the camera's module has not.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.zoneminder.world import FakeMonitor

DENIED = {"result": "Error", "message": "Unrecognised action or insufficient permissions"}
_QUOTED, _TAG = re.compile(r"['\"\\]"), re.compile(r"<[^>]*>?")
"""What PHP's addslashes and strip_tags are about."""
_LENSES = ("Zoom", "Focus", "Iris", "Gain", "White")


def row(number: int, name: str, protocol: str, **said: object) -> dict[str, Any]:
    """Return a row of `Controls` with all its columns, which are 0 or null where nothing else is said."""
    columns: dict[str, Any] = {"Id": number, "Name": name, "Type": "Ffmpeg", "Protocol": protocol}
    columns |= dict.fromkeys(("CanWake", "CanSleep", "CanReset", "CanReboot"), 0)
    for lens in _LENSES:
        columns |= dict.fromkeys((f"Can{lens}", f"CanAuto{lens}", *(f"Can{lens}{way}" for way in ("Abs", "Rel", "Con"))), 0)
        columns |= dict.fromkeys((f"Min{lens}Range", f"Max{lens}Range", f"Min{lens}Step", f"Max{lens}Step"))
        columns |= {f"Has{lens}Speed": 0, f"Min{lens}Speed": None, f"Max{lens}Speed": None}
    columns |= dict.fromkeys(("HasPresets", "NumPresets", "HasHomePreset", "CanSetPresets"), 0)
    columns |= dict.fromkeys((f"CanMove{way}" for way in ("", "Diag", "Map", "Abs", "Rel", "Con")), 0)
    for axis in ("Pan", "Tilt"):
        columns |= {f"Can{axis}": 0, f"Min{axis}Range": None, f"Max{axis}Range": None, f"Min{axis}Step": None}
        columns |= {f"Max{axis}Step": None, f"Has{axis}Speed": 0, f"Min{axis}Speed": None, f"Max{axis}Speed": None}
        columns |= {f"HasTurbo{axis}": 0, f"Turbo{axis}Speed": None}
    return columns | {"CanAutoScan": 0, "NumScanPaths": 0} | said


AMCREST = row(
    40, "Amcrest HTTP API", "Amcrest_HTTP",
    CanReset=1, CanZoom=1, CanZoomCon=1, HasPresets=1, NumPresets=5, CanMove=1, CanMoveCon=1, CanPan=1, CanTilt=1,
)  # fmt: skip
"""As 1.36 brings it along: it moves until it is stopped, and has no home."""
AXIS = row(
    4, "Axis API v2", "AxisV2",
    CanZoom=1, CanZoomRel=1, MinZoomRange=0, MaxZoomRange=9999, MinZoomStep=10, MaxZoomStep=2500,
    CanFocus=1, CanAutoFocus=1, CanFocusRel=1, CanIris=1, CanAutoIris=1, CanIrisRel=1,
    HasPresets=1, NumPresets=12, HasHomePreset=1, CanSetPresets=1,
    CanMove=1, CanMoveDiag=1, CanMoveMap=1, CanMoveRel=1,
    CanPan=1, MinPanRange=-360, MaxPanRange=360, MinPanStep=1, MaxPanStep=90,
    CanTilt=1, MinTiltRange=-360, MaxTiltRange=360, MinTiltStep=1, MaxTiltStep=90,
)  # fmt: skip
"""As 1.36 brings it along: it moves by steps, and can be given presets."""


def page(item: FakeMonitor, control: Mapping[str, Any]) -> str:
    """Return the control page as far as it shows presets."""
    buttons = "".join(
        f'<button type="button" class="ptzNumBtn" title="{html.escape(item.presets.get(number, ""))}"'
        f' data-on-click="controlCmd" value="presetGoto{number}"/>{number}</button>\n'
        for number in range(1, int(control["NumPresets"]) + 1)
    )
    return f'<!DOCTYPE html><html><body><div class="presetControls">{buttons}</div></body></html>'


def obey(item: FakeMonitor, query: Mapping[str, str], *, edits: bool) -> dict[str, str]:
    """Do what the page is asked for; `edits`: the user may set presets."""
    said = {name: value for name, value in query.items() if name not in {"view", "request", "id", "token"}}
    if not said.get("control"):
        return {"result": "Error", "message": "No command received"}
    if said["control"] == "presetSet" and edits:
        number, label = int(said.get("preset", "0")), said.get("newLabel", "")
        item.presets.pop(number, None)
        if label:
            item.presets[number] = _TAG.sub("", _QUOTED.sub(r"\\\g<0>", label))
    item.orders.append(said)
    return {"result": "Ok", "message": "Success"}
