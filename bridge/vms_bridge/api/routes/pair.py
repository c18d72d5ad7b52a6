"""How a client and the bridge get to trust each other: pairing by a code, and the bridge's proof that it knows a token."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api import proof, route
from vms_bridge.api.context import caller_of, context_of, visit_of
from vms_bridge.api.models.tokens import Alive, Opened, Opening, OpeningBody, PairBody, Paired, Proof, ProofBody
from vms_bridge.api.pairing import OPEN_S
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.routes.tokens import grant_of, limits_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.api.proof import Binding

_LOGGER = logging.getLogger(__name__)
_ELSEWHERE = "it was asked by an address of which the bridge can't tell that it is its own"


def bound_to(request: web.Request) -> Binding:
    """Return what a proof to who asks is bound to. Raises Misdirected."""
    context = context_of(request)
    return proof.binding(context.hub.bridge_id, visit_of(request), context.config, context.certificates.fingerprint)


async def _prove(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, ProofBody)
    bound, nonce = bound_to(request), proof.make_nonce()
    key = proof.key_or_nobodys(context_of(request).hub.tokens.key(asked.token_id), asked.token_id)
    said = Proof(
        bridge_id=bound.bridge_id,
        host=bound.host,
        certificate=bound.certificate,
        nonce=nonce,
        mac=proof.mac(key, "token", bound, asked.nonce, nonce),
    )
    return reply(request, said)


async def _pair(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, PairBody)
    context, bound = context_of(request), bound_to(request)
    paired = await context.pairing.pair(context.hub, asked.name, bound, asked.nonce, asked.proof)
    _LOGGER.info("%s has paired: it has the token %s with the scope %s", asked.name, paired.token.id, paired.token.scope)
    said = Paired(
        bridge_id=bound.bridge_id,
        host=bound.host,
        certificate=bound.certificate,
        token_id=paired.token.id,
        scope=paired.token.scope,
        sealed=paired.sealed,
        mac=paired.mac,
        **limits_of(paired.token),
    )
    return reply(request, said)


async def _open(request: web.Request) -> web.StreamResponse:
    grant = grant_of(await route.body(request, OpeningBody))
    pairing = context_of(request).pairing
    code = pairing.open(grant)
    _LOGGER.info("%s has opened pairing", caller_of(request).principal)
    return reply(request, Opened(code=code, seconds=OPEN_S, opening=pairing.opening_id or ""))


async def _look(request: web.Request) -> web.StreamResponse:
    pairing = context_of(request).pairing
    left = pairing.seconds_left
    said = Opening(
        is_open=left > 0,
        seconds_left=round(left, 1),
        tries_left=pairing.tries_left,
        opening=pairing.opening_id,
        token_id=pairing.token_id,
    )
    return reply(request, said)


async def _close(request: web.Request) -> web.StreamResponse:
    context_of(request).pairing.close()
    return await _look(request)


async def _alive(request: web.Request) -> web.StreamResponse:
    ok = context_of(request).hub.state.problem is None
    return reply(request, Alive(ok=ok), status=200 if ok else 503)


_HOW = {200: Answer(meaning="how it is now", contents=(Opening,))}
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path="/healthz",
        name="get_healthz",
        subject="bridge",
        scope=None,
        reach=Reach.ALL,
        handler=_alive,
        summary="Whether the bridge is well",
        answers={
            200: Answer(meaning="it is well", contents=(Alive,)),
            503: Answer(meaning="it is not", contents=(Alive,)),
        },
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/proof",
        name="prove",
        subject="tokens",
        scope=None,
        reach=Reach.ALL,
        handler=_prove,
        summary="Have the bridge prove that it knows a token, before the client sends it",
        body=ProofBody,
        answers={200: Answer(meaning="the proof", contents=(Proof,))},
        refusals={421: _ELSEWHERE},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/pair",
        name="pair",
        subject="tokens",
        scope=None,
        reach=Reach.ALL,
        handler=_pair,
        summary="Get a token for a code, without saying either",
        body=PairBody,
        answers={200: Answer(meaning="the token, sealed", contents=(Paired,))},
        refusals={403: "the code is wrong, or pairing is closed", 421: _ELSEWHERE, 503: "the token can't be stored"},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/pair/opening",
        name="open_pairing",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_open,
        summary="Open pairing for one client, and get the code",
        body=OpeningBody,
        answers={200: Answer(meaning="the code", contents=(Opened,))},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/pair/opening",
        name="get_pairing",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_look,
        summary="Whether pairing is open",
        answers=_HOW,
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{BASE}/pair/opening",
        name="close_pairing",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_close,
        summary="Close pairing",
        answers=_HOW,
    ),
)
