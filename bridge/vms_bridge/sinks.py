"""What a kind of sink is, and which ones there are: those in this package, and those that other packages offer.

A sink is a listener (`views.Sink`): it reads the hub's views, receives changes, follows events and submits commands. It
knows nothing of any VMS, and of no other sink. What is configured for it is a section of its own in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import ConfigError
from vms_bridge.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.links import MessageLinks
    from vms_bridge.views import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAddress:
    """Where clients reach the bridge's API, which versions of its protocol it speaks, and by which certificate they know it.

    `fingerprint` is the SHA-256 of the certificate in hexadecimal digits, None where the API has none of its own.
    """

    url: str
    lowest_protocol: int
    highest_protocol: int
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeIdentity:
    """Who the bridge is to the world, and where it is at home.

    `previous_instance` is a name that it had before, `data_dir` where it keeps its state: a sink may have a file or socket there.
    `api` is where clients reach its API, if it has one.
    """

    instance: str
    name: str
    version: str
    previous_instance: str | None = None
    data_dir: Path | None = None
    api: ApiAddress | None = None


def _no_api(_settings: BaseModel) -> ApiAddress | None:
    return None


def _no_links(_settings: BaseModel) -> MessageLinks | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a sink's check gets to know: which bridge it would listen to, and how long it may try."""

    bridge: BridgeIdentity
    clock: Clock
    limit_s: float
    is_at_work: Callable[[], bool]
    """Say whether a bridge with this configuration's `data_dir` runs now. Blocking."""
    kept: Callable[[str], str | None]
    """Return what this sink has kept last under a key (`HubView.keep`). Blocking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkKind:
    """A kind of sink: its name, its section in the configuration and the model of that, how to make and how to check one.

    `name` is in logs and, where the sink `is_durable`, in the store: it then has an outbox of event messages that wait
    until it confirms them (`HubView.undelivered`). Any sink can follow the history. `remedy` says, for people, what to write
    where the section as a whole is wrong.

    `config` is a pydantic model as that of a backend (`backends.base.BackendKind`). `create` only makes the sink, anew
    whenever the one before has failed. `check` tries what `run` would do and changes nothing that lasts; it ends within the
    trial's time and never raises. `address` is for the one sink that is the bridge's API: where clients reach it by these
    settings (None: nowhere, or that can't be said), and `message_links` how event messages are given links to it (None: they
    are not). Other sinks announce the one, and hand on the other.

    A third party offers one through the entry point group `vms_bridge.sinks`, whose name is that of the section.
    """

    name: str
    section: str
    config: type[BaseModel]
    create: Callable[[BaseModel, BridgeIdentity, Clock], Sink]
    is_durable: bool
    check: Callable[[BaseModel, Trial], Awaitable[Sequence[Finding]]]
    remedy: str
    address: Callable[[BaseModel], ApiAddress | None] = _no_api
    message_links: Callable[[BaseModel], MessageLinks | None] = _no_links
    ends_first: bool = False
    """Whether it is ended before all others when the bridge stops: it still needs them to say goodbye."""


SINKS: Registry[SinkKind] = Registry(
    "sink with a section",
    built_in={
        "detection": "vms_bridge.detect.kind",
        "event_log": "vms_bridge.event_log.kind",
        "http": "vms_bridge.api.kind",
        "mqtt": "vms_bridge.mqtt.kind",
        "scripts": "vms_bridge.scripts.kind",
    },
    group="vms_bridge.sinks",
)
"""By the section of the configuration."""
sections = SINKS.names


def load_sink_kind(section: str) -> SinkKind:
    """Import the kind of sink that has this section, and nothing of the others. Raises ConfigError where there is none."""
    kind = SINKS.load(section)
    if kind.section != section:
        raise ConfigError(f"the sink {kind.name} has a section {kind.section!r}, and not {section!r}")
    return kind
