"""All that scripts can ask for: one list, so that a trial (`vms-bridge script test`) answers as the bridge does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.scripts.services import (
    archive,
    commands,
    detection,
    events,
    frames,
    handles,
    locks,
    logs,
    monitors,
    pictures,
    state,
    systems,
    timers,
    waits,
)
from vms_bridge.scripts.services.entities import EntityService
from vms_bridge.scripts.services.mqtt import MqttService
from vms_bridge.scripts.services.notify import NotifyService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.handles import Exporting
    from vms_bridge.scripts.services.http import HttpService
    from vms_bridge.scripts.services.media import Media
    from vms_bridge.scripts.services.table import ServiceRow
    from vms_bridge.scripts.store import ScriptStore
    from vms_bridge.scripts.triggers.dispatch import Dispatcher
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.values import Permissions
    from vms_bridge.views import HubView, MonitorKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What services work with."""

    hub: HubView
    clock: Clock
    site: Site
    dispatcher: Dispatcher
    media: Media
    frames: frames.Frames
    exports: Exporting
    http: HttpService
    store: ScriptStore
    written: state.Written
    """Is told what a script has had kept."""
    hears: Callable[[Permissions, MonitorKey], bool]
    """Says who may be told of what happens at a monitor, to its system (no key) or to the bridge (neither)."""
    tell: Callable[[str, str], None]
    """Writes a warning to the log of a script."""


def rows_of(parts: Parts) -> Sequence[ServiceRow]:
    """Return the rows of the table."""
    hub, clock, media = parts.hub, parts.clock, parts.media
    return (
        *monitors.rows(hub),
        *commands.rows(hub),
        *pictures.rows(hub, clock, media),
        *frames.rows(parts.frames),
        *handles.rows(media, parts.exports),
        *archive.rows(hub),
        *events.rows(hub),
        *detection.rows(hub, media),
        *systems.rows(hub, clock),
        *logs.rows(hub, clock),
        *parts.http.rows(),
        *MqttService(hub.messaging).rows(),
        *EntityService(hub.own_entities).rows(),
        *NotifyService(hub, media).rows(),
        *waits.rows(parts.dispatcher, clock, parts.site, parts.hears),
        *timers.rows(clock),
        *locks.rows(clock, parts.tell),
        *state.rows(parts.store, parts.written),
    )
