"""What of the world whoever asks may know of: the rest is not there for him, so that nobody can tell it from what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.errors import NotFound, RequestForbidden
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.api.access import Caller
    from vms_bridge.index import IndexedEvent
    from vms_bridge.views import HubView, MonitorView, SystemView

LONGEST_ID = 512


def systems(hub: HubView, caller: Caller) -> Iterator[SystemView]:
    """Yield the systems, each with those of its monitors that the caller may know of."""
    for key, view in hub.systems.items():
        if caller.knows(key):
            yield _shown(view, caller)


def system(hub: HubView, caller: Caller, key: str) -> SystemView:
    """Return a system, as for `systems`. Raises NotFound."""
    view = hub.system(key)
    if view is None or not caller.knows(key):
        raise NotFound(f"there is no system {key[:LONGEST_ID]!r}", hint="`systems` lists them")
    return _shown(view, caller)


def whole_system(hub: HubView, caller: Caller, key: str) -> SystemView:
    """Return a system to who may know all of it. Raises NotFound."""
    if not caller.sees(key):
        raise NotFound(f"there is no system {key[:LONGEST_ID]!r}", hint="or this token is limited to some of its monitors")
    return system(hub, caller, key)


def monitor(hub: HubView, caller: Caller, system_key: str, key: str) -> MonitorView:
    """Return a monitor. Raises NotFound."""
    view = hub.monitor(system_key, key)
    if view is None or not caller.sees(system_key, key):
        raise NotFound(
            f"there is no monitor {key[:LONGEST_ID]!r} of a system {system_key[:LONGEST_ID]!r}", hint="`monitors` lists them"
        )
    return view


async def event(hub: HubView, caller: Caller, public_id: str) -> IndexedEvent:
    """Return an event. Raises NotFound."""
    ref = EventRef.parse(public_id) if len(public_id) <= LONGEST_ID else None
    found = await hub.indexed(ref) if ref is not None and caller.knows(ref.system) else None
    if found is None or not caller.sees(found.ref.system, found.monitor):
        raise NotFound(f"there is no event {public_id[:LONGEST_ID]!r}", hint="it may never have been, or be gone from the VMS")
    return found


def everything(caller: Caller) -> None:
    """Let nobody pass whose token is limited: what comes is about the bridge as a whole. Raises RequestForbidden."""
    if caller.is_limited:
        raise RequestForbidden("this token is limited to some systems or monitors", hint="it takes one that is not")


def _shown(view: SystemView, caller: Caller) -> SystemView:
    if caller.sees(view.key):
        return view
    return replace(view, monitors={key: one for key, one in view.monitors.items() if caller.sees(view.key, key)})
