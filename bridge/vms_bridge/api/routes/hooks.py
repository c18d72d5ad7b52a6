"""Receivers: what comes from outside, by whoever has the token for it, is handed to the part of the bridge that it is for."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api.connections import Door
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.hooks import HookBody, Receiver, Receivers
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, JSON, Answer, Reach, Route
from vms_bridge.errors import RequestForbidden
from vms_bridge.receivers import nobody_receives
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.commands import Level
    from vms_bridge.receivers import Listed


async def _list(request: web.Request) -> web.StreamResponse:
    caller = caller_of(request)
    shown = (_told(each) for each in request.app[CONTEXT].hub.receivers.all() if caller.sees(each.system))
    return reply(request, Receivers(receivers=tuple(shown)))


def _told(listed: Listed) -> Receiver:
    receiver = listed.receiver
    return Receiver(
        system=listed.system,
        name=receiver.name,
        meaning=receiver.meaning,
        level=receiver.level,
        most_bytes=receiver.most_bytes,
        rate=receiver.rate,
        burst=receiver.burst,
        within=receiver.within_s,
        body=dict(listed.schema),
    )


async def _receive(request: web.Request) -> web.StreamResponse:
    system, name = request.match_info["system"], request.match_info["name"]
    level = _level(request)
    if request.content_type != JSON:
        raise web.HTTPUnsupportedMediaType
    await request.app[CONTEXT].hub.receivers.deliver(system, name, await request.read(), level=level)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _admit(request: web.Request) -> None:
    _level(request)


def _level(request: web.Request) -> Level | None:
    """Return how far somebody's calls go, None of who is bound to this receiver. Raises RequestForbidden or NotFound."""
    caller, system, name = caller_of(request), request.match_info["system"], request.match_info["name"]
    if caller.scope is Scope.HOOK:
        if caller.token is None or caller.token.receiver != (system, name):
            raise RequestForbidden("this token is for another receiver", hint="make one for it: each is for one alone")
        return None
    if not caller.sees(system):
        raise nobody_receives(system, name)
    return caller.level


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/hooks",
        name="list_receivers",
        subject="hooks",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_list,
        summary="Which receivers there are, and what each takes",
        description="A token that is limited to some monitors sees none: a receiver is a system's.",
        answers={200: Answer(meaning="the receivers", contents=(Receivers,))},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/hooks/{{system}}/{{name}}",
        name="call_receiver",
        subject="hooks",
        scope=Scope.HOOK,
        reach=Reach.NAMED,
        handler=_receive,
        admits=_admit,
        summary="Hand something to a receiver",
        description=(
            "What it takes is in its `body` by `list_receivers`; the answer comes once it has received it. A token with the "
            "scope `hook` is bound to one receiver; one with another scope is good for those of its level."
        ),
        body=HookBody,
        answers={204: Answer(meaning="it was received")},
        refusals={
            404: "nobody receives under this name now",
            409: "the receiver refuses it",
            502: "the receiver failed, or the VMS that it asks",
            503: "the receiver has too much to do",
            504: "the receiver was not done in time",
        },
        doors=frozenset(Door),
    ),
)
