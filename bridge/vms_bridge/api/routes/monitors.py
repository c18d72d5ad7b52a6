"""Monitors."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.monitors import Monitor, MonitorFilter, Monitors, Objects, Preset, Ptz, Watched, Zone
from vms_bridge.api.models.states import LastEvent, MonitorState
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.entities import monitor_rows, object_parts, offered, part_key
from vms_bridge.entities.states import monitor_body
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge import ptz
    from vms_bridge.views import MonitorView


async def _all(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, MonitorFilter)
    found = [
        monitor_of(view)
        for system in visible.systems(request.app[CONTEXT].hub, caller_of(request))
        if not asked.system or system.key in asked.system
        for view in system.monitors.values()
        if not asked.area or view.monitor.area in asked.area
    ]
    return reply(request, Monitors(monitors=tuple(found)))


async def _one(request: web.Request) -> web.StreamResponse:
    names = request.match_info
    view = visible.monitor(request.app[CONTEXT].hub, caller_of(request), names["system"], names["monitor"])
    return reply(request, monitor_of(view))


def monitor_of(view: MonitorView) -> Monitor:
    """Return what the API says of a monitor."""
    what, objects = view.monitor, view.objects
    return Monitor(
        system=view.system,
        key=view.key,
        name=what.name,
        area=what.area,
        model=what.model,
        width=what.width,
        height=what.height,
        zones=tuple(Zone(key=part_key(zone.id), name=zone.name, kind=zone.kind, points=zone.points) for zone in what.zones),
        modes=what.modes,
        capabilities=tuple(sorted(what.capabilities)),
        entities=tuple(row.key for row in offered(monitor_rows(what), what.capabilities, view)),
        ptz=_ptz_of(what.ptz),
        watched=tuple(
            Watched(key=key, label=part.watched.label, zone=part.watched.zone or None, name=part.watched.name)
            for key, part in object_parts(view).items()
        ),
        objects=None if objects is None else objects_of(view),
        last_event=None if view.last_event is None else LastEvent(asdict(view.last_event)),
        state=MonitorState(monitor_body(view)),
    )


def _ptz_of(able: ptz.Ptz | None) -> Ptz | None:
    if able is None:
        return None
    return Ptz(
        moves=able.moves,
        continuous=able.continuous,
        presets=tuple(Preset(number=number, label=label) for label, number in able.labels.items()),
        sets_presets=able.sets_presets,
    )


def objects_of(view: MonitorView) -> Objects | None:
    """Return what the API says of the objects that a monitor shows; None where nobody can tell."""
    counts = view.objects
    if counts is None:
        return None
    return Objects(labels=counts.labels, zones={part_key(zone): labels for zone, labels in counts.zones.items()})


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/monitors",
        name="list_monitors",
        subject="monitors",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_all,
        summary="Monitors, as they are now",
        query=MonitorFilter,
        answers={200: Answer(meaning="the monitors", contents=(Monitors,))},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/monitors/{{system}}/{{monitor}}",
        name="get_monitor",
        subject="monitors",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_one,
        summary="One monitor, as it is now",
        answers={200: Answer(meaning="the monitor", contents=(Monitor,))},
        refusals={404: "there is no such monitor"},
    ),
)
