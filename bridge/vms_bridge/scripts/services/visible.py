"""What of the world a script sees: the rest is not there for it, so that it can't tell it from what is not."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from vms_bridge.errors import NotFound
from vms_bridge.model import EventRef
from vms_bridge.scripts.permissions import sees, sees_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.index import IndexedEvent
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView, MonitorView, SystemView

LONGEST_NAME = 512
_MOST_TOLD = 10
"""How many names an error lists at most."""


def monitors(hub: HubView, asker: Asker) -> Iterator[MonitorView]:
    """Yield the monitors that it sees."""
    for system in hub.systems.values():
        for view in system.monitors.values():
            if sees(asker.permissions, (view.system, view.key)):
                yield view


def monitor(hub: HubView, asker: Asker, said: str) -> MonitorView:
    """Return the monitor of this name: `system/key`, or its key or name where only one that it sees has it. Raises NotFound."""
    system_key, _, key = said.partition("/")
    exact = hub.monitor(system_key, key)
    if exact is not None and sees(asker.permissions, (system_key, key)):
        return exact
    shown = list(monitors(hub, asker))
    found = [view for view in shown if view.key == said]
    found = found or [view for view in shown if view.monitor.name.casefold() == said.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(f"{said[:LONGEST_NAME]!r} can be several monitors", hint=f"say which: {_listed(found)}")
    near = get_close_matches(said.casefold(), {view.monitor.name.casefold(): view for view in shown}, n=1)
    meant = next((view for view in shown if near and view.monitor.name.casefold() == near[0]), None)
    if meant is not None:
        hint = f"is {meant.monitor.name!r} ({meant.system}/{meant.key}) meant?"
        raise NotFound(f"there is no monitor {said[:LONGEST_NAME]!r}", hint=hint)
    hint = f"this script sees {_listed(shown)}" if shown else "this script sees none: `monitors=` in its header says which"
    raise NotFound(f"there is no monitor {said[:LONGEST_NAME]!r}", hint=hint)


def system(hub: HubView, asker: Asker, key: str) -> SystemView:
    """Return a system of which it sees a monitor at least. Raises NotFound."""
    view = hub.system(key)
    if view is None or not sees_any(asker.permissions, ((key, one) for one in view.monitors)):
        raise _no_system(hub, asker, key)
    return view


def whole_system(hub: HubView, asker: Asker, key: str) -> SystemView:
    """Return a system of which it sees all monitors. Raises NotFound."""
    view = system(hub, asker, key)
    if not all(sees(asker.permissions, (key, one)) for one in view.monitors):
        raise NotFound(f"this script does not see all of system {key!r}", hint=f'its header needs monitors=["{key}/*"] for that')
    return view


async def event(hub: HubView, asker: Asker, public_id: str) -> IndexedEvent:
    """Return an event of a monitor that it sees. Raises NotFound."""
    ref = EventRef.parse(public_id) if len(public_id) <= LONGEST_NAME else None
    is_near = ref is not None and any(view.system == ref.system for view in monitors(hub, asker))
    found = await hub.indexed(ref) if ref is not None and is_near else None
    if found is None or not sees(asker.permissions, (found.ref.system, found.monitor)):
        raise NotFound(f"there is no event {public_id[:LONGEST_NAME]!r}", hint="it may never have been, or be gone from the VMS")
    return found


def _no_system(hub: HubView, asker: Asker, key: str) -> NotFound:
    seen = list(dict.fromkeys(view.system for view in monitors(hub, asker)))
    hint = f"this script sees {', '.join(seen)}" if seen else "this script sees none: `monitors=` in its header says which"
    return NotFound(f"there is no system {key[:LONGEST_NAME]!r}", hint=hint)


def _listed(views: list[MonitorView]) -> str:
    names = [f"{view.system}/{view.key}" for view in views[:_MOST_TOLD]]
    more = len(views) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
