"""Public keys: how systems and monitors are named in topics, ids and URLs, whatever the VMS calls them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTANCE_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")
MONITOR_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,48}")
RESERVED_SYSTEMS = frozenset({"status", "info", "health", "event", "ack", "replay", "group", "panel", "script"})
RESERVED_MONITORS = frozenset({"set", "state", "event"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRule:
    """What the configuration says of one monitor; None keeps what the VMS says."""

    key: str | None = None
    name: str | None = None
    area: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRules:
    """Which monitors of a system to show, and how: patterns (`*`, `?`) match a monitor's id or name."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    monitors: Mapping[str, MonitorRule] = field(default_factory=dict)

    def shows(self, monitor_id: str, name: str) -> bool:
        """Say whether this monitor is wanted."""

        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(monitor_id, pattern) or fnmatchcase(name, pattern) for pattern in patterns)

        if not self.monitors.get(monitor_id, MonitorRule()).enabled or matches(self.exclude):
            return False
        return not self.include or matches(self.include)

    def key_of(self, monitor_id: str) -> str:
        """Return the public key of the monitor with this id."""
        return self.monitors.get(monitor_id, MonitorRule()).key or monitor_key(monitor_id)


def is_monitor_key(key: str) -> bool:
    """Say whether this can stand for a monitor in a topic."""
    return MONITOR_PATTERN.fullmatch(key) is not None and key not in RESERVED_MONITORS


def monitor_key(monitor_id: str) -> str:
    """Return the VMS's id where a topic can contain it, else a slug of it with 8 hex digits of its hash."""
    if is_monitor_key(monitor_id):
        return monitor_id
    ascii_only = unicodedata.normalize("NFKD", monitor_id).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[:32] or "monitor"
    return f"{slug}_{blake2b(monitor_id.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
