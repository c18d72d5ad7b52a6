"""What a monitor sees from now on: as MPEG-TS, as fragments of MP4, or picture by picture; and which of these there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.monitors import LiveVideo
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.watching import watch
from vms_bridge.archive import LiveForm, LiveStream
from vms_bridge.errors import MediaUnavailable
from vms_bridge.links import LinkKind
from vms_bridge.model import Capability
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from vms_bridge.api.route import Handler
    from vms_bridge.views import HubView, MonitorView

_REFUSALS = {
    404: "there is no such monitor, or no such video of it",
    502: "the VMS or the camera gives no video",
    503: "too much is looked at already",
    504: "the VMS does not answer in time",
}


async def _forms(request: web.Request) -> web.StreamResponse:
    context, names = request.app[CONTEXT], request.match_info
    view = visible.monitor(context.hub, caller_of(request), names["system"], names["monitor"])
    return reply(request, LiveVideo(forms=tuple(await _forms_of(context.hub, view))))


async def _forms_of(hub: HubView, view: MonitorView) -> Sequence[LiveForm]:
    if Capability.LIVE_STREAM not in view.monitor.capabilities:
        return ()
    try:
        return await hub.live_forms(view.system, view.key)
    except MediaUnavailable:
        return ()


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
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/media/monitors/{{system}}/{{monitor}}/live",
        name="get_live_forms",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_forms,
        summary="In which forms there is live video",
        description=(
            "It is found out without a look at the video, so that opening it may fail all the same. MPEG-TS and MP4 take a "
            "source of H.264 or H.265."
        ),
        answers={200: Answer(meaning="the forms; none where there is no live video", contents=(LiveVideo,))},
        refusals={404: "there is no such monitor", 502: "the VMS can't be asked", 504: "the VMS does not answer in time"},
    ),
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
