"""Pictures and clips, as the VMSs have them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.events import PictureQuery
from vms_bridge.api.replies import reply_raw
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.routes.clips import REFUSALS as CLIP_REFUSALS
from vms_bridge.api.routes.clips import send_made
from vms_bridge.api.sending import EXTENSIONS, Item, send
from vms_bridge.archive import EventClip, EventFrame, FrameKind
from vms_bridge.entities import object_parts
from vms_bridge.errors import MediaUnavailable, NotFound
from vms_bridge.links import LinkKind
from vms_bridge.model import LivePicture
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.archive import MediaRef
    from vms_bridge.index import IndexedEvent


async def _picture(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, PictureQuery)
    event = await _event(request)
    frame = asked.number or asked.time or asked.frame or FrameKind.BEST
    return await _send(request, event.ref.system, EventFrame(event=event.ref, frame=frame), event.ref.format(), event)


async def _clip(request: web.Request) -> web.StreamResponse:
    event = await _event(request)
    clip, name = EventClip(event=event.ref), event.ref.format()
    if event.event.is_over and not event.event.clip_ready:
        async with AsyncExitStack() as stack:
            try:
                made = await stack.enter_async_context(request.app[CONTEXT].hub.clip(clip))
            except MediaUnavailable as refusal:
                if type(refusal) is not MediaUnavailable:
                    raise  # where it is that, the VMS may have a clip of its own
            else:
                return await send_made(request, made, name)
    return await _send(request, event.ref.system, clip, name, event)


async def _live(request: web.Request) -> web.StreamResponse:
    names = request.match_info
    view = visible.monitor(request.app[CONTEXT].hub, caller_of(request), names["system"], names["monitor"])
    return await _send(request, view.system, LivePicture(monitor=view.key), f"{view.system}-{view.key}-live", None)


async def _object(request: web.Request) -> web.StreamResponse:
    names, hub = request.match_info, request.app[CONTEXT].hub
    view = visible.monitor(hub, caller_of(request), names["system"], names["monitor"])
    part = object_parts(view).get(names["object"])
    jpeg = None if part is None else hub.object_picture((view.system, view.key), part.watched)
    if jpeg is None:
        raise NotFound(f"there is no picture of that at {view.system}/{view.key}", hint="its state says of what there is one")
    return reply_raw(request, jpeg, content_type="image/jpeg")


async def _event(request: web.Request) -> IndexedEvent:
    return await visible.event(request.app[CONTEXT].hub, caller_of(request), request.match_info["event"])


async def _send(request: web.Request, system: str, ref: MediaRef, name: str, event: IndexedEvent | None) -> web.StreamResponse:
    context = request.app[CONTEXT]
    version = f"{ref} {event.event}" if event is not None and event.event.is_over else None
    return await send(
        request,
        Item(open=lambda part: context.hub.media(system, ref, part), name=name, version=version),
        context.clock,
    )


_PICTURES = tuple(kind for kind in EXTENSIONS if kind.startswith("image/"))
_CLIPS = tuple(kind for kind in EXTENSIONS if kind.startswith("video/"))
_REFUSALS = {
    404: "there is no such event or monitor, or it has no such picture or clip",
    416: "it has no such part",
    502: "the VMS does not answer, or not with a picture or clip",
    503: "too much is asked of the VMS at a time, or the index can't be read",
    504: "the VMS does not answer in time",
}
_KNOWN = Answer(meaning="the same as whoever asks has already")
PICTURE, CLIP = f"{BASE}/media/events/{{event}}/picture", f"{BASE}/media/events/{{event}}/clip"
LIVE = f"{BASE}/media/monitors/{{system}}/{{monitor}}/picture"
OBJECT = f"{BASE}/media/monitors/{{system}}/{{monitor}}/objects/{{object}}/picture"
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=PICTURE,
        name="get_event_picture",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        link=LinkKind.PICTURE,
        handler=_picture,
        summary="A picture of an event",
        query=PictureQuery,
        answers={
            200: Answer(meaning="the picture", contents=_PICTURES),
            206: Answer(meaning="the part that was asked for", contents=_PICTURES),
            304: _KNOWN,
        },
        refusals=_REFUSALS,
    ),
    Route(
        method=hdrs.METH_GET,
        path=CLIP,
        name="get_event_clip",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        link=LinkKind.CLIP,
        handler=_clip,
        summary="All of an event, as a clip",
        description="Of one that is still open, what there is so far. Of one that was recorded as single pictures it is made.",
        answers={
            200: Answer(meaning="the clip", contents=_CLIPS),
            206: Answer(meaning="the part that was asked for", contents=_CLIPS),
            304: _KNOWN,
        },
        refusals=_REFUSALS | {status: CLIP_REFUSALS[status] for status in (422, 507)},
    ),
    Route(
        method=hdrs.METH_GET,
        path=LIVE,
        name="get_live_picture",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        link=LinkKind.TIMED,
        handler=_live,
        summary="What a monitor sees now",
        answers={
            200: Answer(meaning="the picture", contents=_PICTURES),
            206: Answer(meaning="the part that was asked for", contents=_PICTURES),
        },
        refusals=_REFUSALS,
    ),
    Route(
        method=hdrs.METH_GET,
        path=OBJECT,
        name="get_object_picture",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_object,
        summary="The best picture of something that is looked for",
        description="What of, and since when there is another one, the monitor's state says.",
        answers={200: Answer(meaning="the picture", contents=("image/jpeg",)), 304: _KNOWN},
        refusals={404: "there is no such monitor, or no picture of that"},
    ),
)
