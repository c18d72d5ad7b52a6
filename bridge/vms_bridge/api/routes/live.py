"""What a monitor sees from now on: as MPEG-TS, as fragments of MP4, or picture by picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.watching import watch
from vms_bridge.archive import LiveForm, LiveStream
from vms_bridge.links import LinkKind
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.api.route import Handler

_REFUSALS = {
    404: "there is no such monitor, or no such video of it",
    502: "the VMS or the camera gives no video",
    503: "too much is looked at already",
    504: "the VMS does not answer in time",
}


def _handler(form: LiveForm, content: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        context, names = request.app[CONTEXT], request.match_info
        view = visible.monitor(context.hub, caller_of(request), names["system"], names["monitor"])
        ref = LiveStream(monitor=view.key, form=form)
        return await watch(request, lambda: context.hub.media(view.system, ref), context.clock, content_type=content)

    return handler


def _route(form: LiveForm, name: str, content: str, summary: str, description: str) -> Route:
    return Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/media/monitors/{{system}}/{{monitor}}/live.{form}",
        name=name,
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        link=LinkKind.STREAM,
        handler=_handler(form, content),
        summary=summary,
        description=description,
        answers={200: Answer(meaning="the video, without an end", contents=(content,))},
        refusals=_REFUSALS,
    )


_HANDED_ON = (
    "The pictures are those of the camera, H.264 or H.265, none made anew. The answer ends when the camera changes its codec."
)
ROUTES = (
    _route(LiveForm.MPEG_TS, "watch_mpeg_ts", "video/mp2t", "Live video as MPEG-TS", _HANDED_ON),
    _route(LiveForm.MP4, "watch_mp4", "video/mp4", "Live video as MP4, in fragments", _HANDED_ON),
    _route(
        LiveForm.MJPEG,
        "watch_mjpeg",
        "multipart/x-mixed-replace",
        "Live video picture by picture",
        "For what can't be had otherwise: it takes most of the network, and nothing can be made of it but looking at it.",
    ),
)
