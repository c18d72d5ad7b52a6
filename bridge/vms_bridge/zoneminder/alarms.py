"""What zmu says when an alarm is forced, cancelled or suppressed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Callable


def alarm_path(monitor_id: str, command: str) -> str:
    """Return where zmu is asked: on, off, disable or status."""
    return f"monitors/alarm/id:{monitor_id}/command:{command}"


def alarm_refusal(raw: object, monitor_id: str, quoted: Callable[[str], str]) -> tuple[str, str] | None:
    """Return what went wrong and what to do about it; None where nothing did. HTTP's status does not tell."""
    answer = mapping(raw)
    said = f"{as_text(answer.get('status'))} {as_text(answer.get('output'))} {as_text(answer.get('error'))}"
    if "cannot handle alarms" in said:
        what = f"monitor {monitor_id} is in mode Monitor, in which ZoneMinder takes no alarms"
        return what, "set its function to Modect or Nodect"
    if "code" in answer or as_text(answer.get("status")) == "false":
        what = f"ZoneMinder's zmu failed for monitor {monitor_id} (code {quoted(as_text(answer.get('code'))) or '?'})"
        return what, "is the monitor's daemon running? A monitor that is switched off takes no alarms"
    return None
