"""Events, by search and by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.events import Event, EventPage, EventSearch
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.searching import BUSY, NO_INDEX, search_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.index import IndexedEvent
    from vms_bridge.views import HubView


async def _search(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, EventSearch)
    hub = request.app[CONTEXT].hub
    search = search_of(hub, caller_of(request), asked)
    if search is None:
        return reply(request, EventPage(events=(), next=None))
    page = await hub.search(search, asked.after, asked.limit)
    return reply(request, EventPage(events=tuple(event_of(hub, each) for each in page.events), next=page.after))


async def _one(request: web.Request) -> web.StreamResponse:
    hub = request.app[CONTEXT].hub
    return reply(request, event_of(hub, await visible.event(hub, caller_of(request), request.match_info["event"])))


def event_of(hub: HubView, indexed: IndexedEvent) -> Event:
    """Return what the API says of an event."""
    ref, event = indexed.ref, indexed.event
    monitor = hub.monitor(ref.system, indexed.monitor)
    return Event(
        id=ref.format(),
        system=ref.system,
        monitor=indexed.monitor,
        monitor_name=None if monitor is None else monitor.monitor.name,
        kind=event.kind,
        label=event.labels[0] if event.labels else None,
        labels=event.labels,
        score=event.score,
        zones=event.zones,
        plates=indexed.plates,
        faces=indexed.faces,
        text=indexed.text,
        cause=event.cause,
        notes=event.notes,
        start=event.start,
        end=event.end,
        duration=event.duration_s,
        end_reason=event.end_reason,
        alarm_frames=event.alarm_frames,
        max_score=event.max_score,
        archived=event.archived,
        locked=event.locked,
        tags=event.tags,
        direction=event.direction,
        snapshot_ready=event.snapshot_ready,
        clip_ready=event.clip_ready,
    )


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/events",
        name="search_events",
        subject="events",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_search,
        summary="Search the events that the VMSs have, page by page",
        description=(
            "It is answered from the bridge's own index, without asking a VMS. The newest ones come first; `next` of a page is "
            "`after` of the next one, which stays in place whatever happens meanwhile."
        ),
        query=EventSearch,
        answers={200: Answer(meaning="a page of events", contents=(EventPage,))},
        refusals={503: BUSY},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/events/{{event}}",
        name="get_event",
        subject="events",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_one,
        summary="One event, as it is now",
        answers={200: Answer(meaning="the event", contents=(Event,))},
        refusals={404: "there is no such event", 502: NO_INDEX, 503: BUSY, 504: NO_INDEX},
    ),
)
