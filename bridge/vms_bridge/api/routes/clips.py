"""Clips of any time of a monitor, over several events; and of events that were recorded as single pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.clips import ClipContent, ClipGap, ClipPart, ClipQuery
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.sending import Item, send
from vms_bridge.archive import ClipRange
from vms_bridge.links import LinkKind
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aiohttp import web

    from vms_bridge import archive
    from vms_bridge.archive import MadeClip

_MOST_TOLD = 40
"""How many gaps a header lists at most: it may not grow over what clients and proxies take."""
_PATH = f"{BASE}/media/monitors/{{system}}/{{monitor}}/clip"


async def _clip(request: web.Request) -> web.StreamResponse:
    asked = _asked(request)
    async with request.app[CONTEXT].hub.clip(asked) as made:
        name = f"{asked.system}-{asked.monitor}-{asked.since:%Y%m%dT%H%M%SZ}"
        return await send_made(request, made, name)


async def _content(request: web.Request) -> web.StreamResponse:
    async with request.app[CONTEXT].hub.clip(_asked(request)) as made:
        return reply(request, told(made.content))


async def send_made(request: web.Request, made: MadeClip, name: str) -> web.StreamResponse:
    """Answer with a clip that was made, or with the part of it that is asked for."""
    content = made.content
    item = Item(open=made.open, name=name, version=content.version if content.is_settled else None, headers=headers(content))
    return await send(request, item, request.app[CONTEXT].clock)


def headers(content: archive.ClipContent) -> Mapping[str, str]:
    """Return what headers say of a clip: `Clip-Gaps` lists intervals as ISO 8601 writes them, and how many more there are."""
    listed = [f"{_moment(gap.start)}/{_moment(gap.end)};{gap.reason}" for gap in content.gaps[:_MOST_TOLD]]
    more = len(content.gaps) - len(listed)
    found = {
        "Clip-Start": _moment(content.parts[0].start),
        "Clip-End": _moment(content.parts[-1].end),
        "Clip-Duration": f"{content.duration_s:.3f}",
    }
    if listed:
        found["Clip-Gaps"] = ", ".join([*listed, *([f"...;{more}"] if more else [])])
    return found


def told(content: archive.ClipContent) -> ClipContent:
    """Return what the API says of a clip."""
    return ClipContent(
        start=content.parts[0].start,
        end=content.parts[-1].end,
        duration=content.duration_s,
        parts=tuple(ClipPart(event=one.event.format(), start=one.start, end=one.end, at=one.at_s) for one in content.parts),
        gaps=tuple(ClipGap(start=one.start, end=one.end, reason=str(one.reason)) for one in content.gaps),
        bytes=content.length,
        codec=content.codec,
        width=content.width,
        height=content.height,
        encoded=content.is_encoded,
        settled=content.is_settled,
    )


def _asked(request: web.Request) -> ClipRange:
    """Return what is asked for. Raises RequestInvalid, and NotFound for a monitor that whoever asks may not know of."""
    query, names = route.query(request, ClipQuery), request.match_info
    view = visible.monitor(request.app[CONTEXT].hub, caller_of(request), names["system"], names["monitor"])
    return ClipRange(system=view.system, monitor=view.key, since=query.since, until=query.until, encode=query.encode)


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1_000:03d}Z"


REFUSALS: Mapping[int, str] = {
    404: "there is no such monitor, nothing was recorded in that time, or this bridge makes no clips",
    416: "it has no such part",
    422: "no clip is made of that: too long, too large, or what was recorded does not fit together",
    502: "the VMS does not answer, or what it gives can't be read",
    503: "too many clips are being made, too much is asked of the VMS at a time, or the index can't be read",
    504: "the VMS does not answer in time",
    507: "there is no room to make it in",
}


def _refusals(*without: int) -> dict[int, str]:
    return {status: why for status, why in REFUSALS.items() if status not in without}


_CLIP = ("video/mp4",)
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=_PATH,
        name="get_range_clip",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        link=LinkKind.TIMED,
        handler=_clip,
        summary="A time of a monitor, as a clip",
        description="Over several events; what is not there is left out, and the header `Clip-Gaps` lists it.",
        query=ClipQuery,
        answers={
            200: Answer(meaning="the clip", contents=_CLIP),
            206: Answer(meaning="the part that was asked for", contents=_CLIP),
            304: Answer(meaning="the same as whoever asks has already"),
        },
        refusals=_refusals(),
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{_PATH}/content",
        name="get_range_clip_content",
        subject="media",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_content,
        summary="What is in a clip of a time",
        description="It is made for that, if it is not there yet.",
        query=ClipQuery,
        answers={200: Answer(meaning="what is in it", contents=(ClipContent,)), 304: Answer(meaning="the same as before")},
        refusals=_refusals(416),
    ),
)
