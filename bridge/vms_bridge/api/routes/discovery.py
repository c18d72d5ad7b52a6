"""Whether Home Assistant is told of devices by MQTT, and who has them otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.discovery import Claim, ClaimBody, Discovery, DiscoveryBody
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Route
from vms_bridge.api.routes.commands import RUNNER
from vms_bridge.commands import AckResult, Command, Target
from vms_bridge.commands.bridge import ClaimDevices, ReleaseDevices, SetDiscovery
from vms_bridge.errors import CommandForbidden, CommandRejected, RequestForbidden
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from vms_bridge.api.access import Caller
    from vms_bridge.commands import Action
    from vms_bridge.views import Claim as HubClaim


async def _look(request: web.Request) -> web.StreamResponse:
    context, caller = request.app[CONTEXT], caller_of(request)
    claims, now = context.hub.state.claims, context.clock.now()
    return reply(request, Discovery(is_on=not claims, claims=tuple(_told(claim, caller, now) for claim in claims)))


def _told(claim: HubClaim, caller: Caller, now: datetime) -> Claim:
    """Return what is told of a claim: which tokens there are is for an admin to know."""
    return Claim(
        holder=claim.holder,
        since=claim.since,
        seen=claim.seen,
        is_stale=claim.is_stale(now),
        is_own=claim.token is not None and caller.token is not None and claim.token == caller.token.id,
        token=claim.token if caller.scope.includes(Scope.ADMIN) else None,
    )


async def _set(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, DiscoveryBody)
    return await _command(request, "discovery", SetDiscovery(on=asked.is_on))


async def _claim(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, ClaimBody)
    return await _command(request, "claim_devices", ClaimDevices(holder=asked.holder))


async def _release(request: web.Request) -> web.StreamResponse:
    return await _command(request, "release_devices", ReleaseDevices(holder=request.match_info["holder"]))


async def _command(request: web.Request, name: str, action: Action) -> web.StreamResponse:
    """Have the hub do it, and answer with how it is then. Raises what it is refused by."""
    caller = caller_of(request)
    ack = await request.app[RUNNER].run(
        Command(target=Target(), action=action, name=name, origin=caller.origin, level=caller.level)
    )
    if ack.code == CommandForbidden.code:
        raise RequestForbidden("this token may not", hint=ack.hint or "")
    if ack.result not in {AckResult.APPLIED, AckResult.UNCHANGED}:
        raise CommandRejected(ack.hint or f"it was {ack.result}")
    return await _look(request)


_ANSWERS = {200: Answer(meaning="how it is now", contents=(Discovery,))}
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/discovery",
        name="get_discovery",
        subject="discovery",
        scope=Scope.READ,
        handler=_look,
        summary="Whether devices are announced by MQTT, and who claims them",
        answers=_ANSWERS,
    ),
    Route(
        method=hdrs.METH_PUT,
        path=f"{BASE}/discovery",
        name="set_discovery",
        subject="discovery",
        scope=Scope.ADMIN,
        handler=_set,
        summary="Turn discovery off by hand, or take that back",
        body=DiscoveryBody,
        answers=_ANSWERS,
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/discovery/claims",
        name="claim_devices",
        subject="discovery",
        scope=Scope.CONTROL,
        handler=_claim,
        summary="Say that somebody has the devices by another way than MQTT discovery",
        description=(
            "Discovery is off while anybody claims the devices. A claim that is repeated is seen anew; one that was not seen for "
            "a week is said to be stale. It is the token's own: of another token for the same holder there is another claim. "
            "Where a token is no more, what it has claimed becomes that of the next one which claims for that holder."
        ),
        body=ClaimBody,
        answers=_ANSWERS,
        refusals={409: "that can't be claimed: there are too many claims, in all or by this token, or the name is no name"},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{BASE}/discovery/claims/{{holder}}",
        name="release_devices",
        subject="discovery",
        scope=Scope.CONTROL,
        handler=_release,
        summary="Say that it has them no more",
        description="An admin drops whatever was claimed for that holder, others what they have claimed themselves.",
        answers=_ANSWERS,
        refusals={409: "another token has claimed that, or a person: set discovery instead"},
    ),
)
