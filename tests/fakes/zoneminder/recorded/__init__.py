"""Answers of a real ZoneMinder 1.38.4, and the rows in them as templates for the fake's own.

`http-1.38.4.json`: by name what was asked, and what came: status, content type, body (null: nothing). Tag 1.38.4 built from
source, MariaDB 10.11, PHP 8.2.36, Apache 2.4; five monitors with H.264 over RTP. Struck out: tokens (`TOKEN`), the
login hash (`HASH`). The server's zone was UTC, in the events of 2026-11-27 America/New_York. The `viewer-*` answers went
to a user with Monitors, Events and Stream: View, who may not see monitor 2. `library-1.38.4.json` is more of the same, some
of it whole, for `replay`; of an event's 58 frames six are left. They hold data only, nothing of ZoneMinder's code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
EXCHANGES: dict[str, dict[str, Any]] = json.loads((_HERE / "http-1.38.4.json").read_text())
MORE: dict[str, dict[str, Any]] = json.loads((_HERE / "library-1.38.4.json").read_text())


def body(name: str) -> Any:  # noqa: ANN401 (JSON)
    """Return what came in answer."""
    return EXCHANGES[name]["body"]


_FIRST = body("monitor-1")["monitor"]
MONITOR: dict[str, Any] = _FIRST["Monitor"]
STATUS: dict[str, Any] = _FIRST["Monitor_Status"]
SUMMARY: dict[str, Any] = _FIRST["Event_Summary"]
OTHERS: dict[str, dict[str, Any]] = {name: _FIRST[name] for name in ("Manufacturer", "CameraModel")}
EVENT: dict[str, Any] = body("events-closed-motion")["events"][0]["Event"]
ZONE: dict[str, Any] = body("zones")["zones"][0]["Zone"]
STORAGE: dict[str, Any] = body("storage")["storage"][0]["Storage"]
