"""What people may choose for an entry, and what counts where they have chosen nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry

CONF_LIVE = "live"
CONF_PREFER = "prefer"
PREFER_H264 = "h264"
PREFER_MJPEG = "mjpeg"

CONF_EVENTS = "events"
CONF_NOTIFY_OLD_S = "notify_old_s"
DEFAULT_NOTIFY_OLD_S = 60
LEAST_NOTIFY_OLD_S = 0
MOST_NOTIFY_OLD_S = 3_600

CONF_NOTIFY = "notify"
CONF_TARGETS = "targets"
_MOST_TARGETS = 100


def prefers_mjpeg(entry: ConfigEntry[Any]) -> bool:
    """Say whether live video is to be single pictures also where the bridge has H.264 or H.265."""
    return _section(entry, CONF_LIVE).get(CONF_PREFER) == PREFER_MJPEG


def notify_old_s(entry: ConfigEntry[Any]) -> float:
    """Return how old an event that is told after an interruption may be to fire all the same, in seconds."""
    said = _section(entry, CONF_EVENTS).get(CONF_NOTIFY_OLD_S)
    if isinstance(said, bool) or not isinstance(said, int | float):
        return DEFAULT_NOTIFY_OLD_S
    return min(max(said, LEAST_NOTIFY_OLD_S), MOST_NOTIFY_OLD_S)


def notify_targets(entry: ConfigEntry[Any]) -> tuple[str, ...]:
    """Return by which notify entities and actions the bridge's scripts may tell people something: none where none is ticked."""
    said = _section(entry, CONF_NOTIFY).get(CONF_TARGETS)
    if not isinstance(said, list):
        return ()
    return tuple(dict.fromkeys(each for each in said[:_MOST_TARGETS] if isinstance(each, str) and each.startswith("notify.")))


def _section(entry: ConfigEntry[Any], name: str) -> Mapping[str, Any]:
    section = entry.options.get(name)
    return section if isinstance(section, Mapping) else {}
