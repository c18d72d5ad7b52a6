"""The values that pass between the parts that run scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vms_bridge.views import MonitorKey


SCHEDULED = frozenset({"cron", "every", "sun"})
"""The kinds of what the clock calls for, and nothing that happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a script may do, as its header asks for it and an administrator has approved it.

    `monitors` are globs over `system/key`: whatever a script sees or does, it does with these. `commands` are the names of
    commands, or `*` for all of the level `control`. `http` are URLs, `mqtt` topics to publish to and `listen` topics to
    hear, both with MQTT's wildcards, `webhooks` names, `secrets` names of the configuration's.
    """

    monitors: tuple[str, ...] = ("*",)
    commands: tuple[str, ...] = ()
    http: tuple[str, ...] = ()
    mqtt: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    notify: bool = False
    entities: bool = False
    annotate: bool = False
    export: bool = False
    logs: bool = False
    detect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A script as it is in its file: `sha256` is that of its text, as hexadecimal digits."""

    name: str
    path: Path
    text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What calls a handler of a script, as the script declares it at its top level.

    `id` counts within the script. `filters` are those of the kind; who makes triggers of what a worker says has checked
    them. After an occurrence the handler is called `debounce_s` after the last of several, or only when things have
    been so `for_s` long; `once_per_s` drops what comes sooner. `concurrent`: it may be called while other handlers run.
    """

    id: int
    kind: str
    handler: str
    line: int
    filters: Mapping[str, Any] = field(default_factory=dict)
    debounce_s: float = 0.0
    for_s: float = 0.0
    once_per_s: float = 0.0
    timeout_s: float = 10.0
    concurrent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that has happened, of a kind that triggers can name: `what` is the JSON that a handler gets.

    `monitor` is by whose key it is seen by those scripts only that may see that monitor, `name` is the monitor's for people.
    `at_s` is when the change was made that it comes of, by the monotonic clock. An urgent one is never dropped before others.
    Two that are about the same have the same `subject`: a later one can undo an earlier one, for `for_s`.
    """

    kind: str
    what: Mapping[str, Any]
    data: bytes = b""
    monitor: MonitorKey | None = None
    name: str = ""
    subject: str = ""
    at_s: float = 0.0
    is_urgent: bool = False
