"""Who comes in by a WebSocket: the bridge proves that it knows the client's token before the client sends it, sealed.

On the bridge's own socket nobody has to say who he is, nor does who has shown a token with the request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.api import proof
from vms_bridge.api.access import token_by, welcome
from vms_bridge.api.context import caller_of, context_of, visit_of
from vms_bridge.api.limits import neighbourhood
from vms_bridge.api.models.info import PROTOCOLS
from vms_bridge.api.websocket import telling
from vms_bridge.api.websocket.closing import CloseCode, Closing
from vms_bridge.api.websocket.said import MOST_BYTES_BEFORE, read_first, read_token
from vms_bridge.errors import Misdirected, Unauthenticated, in_words
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.api.access import Caller
    from vms_bridge.api.websocket.said import Authenticate
    from vms_bridge.api.websocket.socket import Socket

_LOGGER = logging.getLogger(__name__)
WITHIN_S = 10.0
OF_BRIDGE = "websocket bridge"
OF_CLIENT = "websocket token"
"""What the two HMACs are for, as stands in them."""


async def greet(socket: Socket, request: web.Request) -> Caller:
    """Say hello, and return who comes in. Raises Closing."""
    context = context_of(request)
    try:
        async with context.clock.timeout(WITHIN_S) as limit:
            return await _greet(socket, request)
    except TimeoutError:
        if not limit.expired():
            raise
        raise Closing(CloseCode.LATE, f"nobody has said who it is within {WITHIN_S:g} s") from None


async def _greet(socket: Socket, request: web.Request) -> Caller:
    context = context_of(request)
    caller, nonce = _known(request), proof.make_nonce()
    hello = telling.Hello(bridge_id=context.hub.bridge_id, version=context.bridge.version, token=caller is None, nonce=nonce)
    await socket.send(telling.message(hello))
    said = read_first(await socket.receive(MOST_BYTES_BEFORE))
    if not PROTOCOLS.lowest <= said.protocol <= PROTOCOLS.highest:
        raise Closing(CloseCode.UNKNOWN_PROTOCOL, f"the bridge speaks protocols {PROTOCOLS.lowest} to {PROTOCOLS.highest}")
    if caller is None:
        caller = await _authenticate(socket, request, said, nonce)
    if not caller.scope.includes(Scope.READ):
        raise Closing(CloseCode.UNAUTHENTICATED, f"a token of the scope {caller.scope} is not for this")
    await socket.send(telling.welcome(caller, context.hub.epoch))
    return caller


async def _authenticate(socket: Socket, request: web.Request, said: Authenticate, nonce: str) -> Caller:
    context, visit = context_of(request), visit_of(request)
    if said.token_id is None or said.nonce is None:
        raise Closing(CloseCode.INVALID, "token_id and nonce are missing")
    try:
        bound = proof.binding(context.hub.bridge_id, visit, context.config, context.certificates.fingerprint)
    except Misdirected as error:
        raise Closing(CloseCode.MISDIRECTED, in_words(error)) from None
    key = proof.key_or_nobodys(context.hub.tokens.key(said.token_id), said.token_id)
    nonces = said.nonce, nonce
    await socket.send(telling.message(telling.Proof(proof=proof.mac(key, OF_BRIDGE, bound, *nonces))))
    sealed = read_token(await socket.receive(MOST_BYTES_BEFORE)).sealed
    text = proof.unseal(key, OF_CLIENT, bound, *nonces, sealed=sealed)
    token = None if text is None else token_by(text, context.hub)
    if token is None or token.id != said.token_id:
        wait_s = context.rates.wrong.take(neighbourhood(visit.address))
        _LOGGER.debug("somebody at %s came with a token that is not known", visit.address)
        hint = f"; wait {wait_s:.0f} s before the next try" if wait_s else ""
        raise Closing(CloseCode.UNAUTHENTICATED, f"the token is not known, or no more{hint}")
    return welcome(request, token)


def _known(request: web.Request) -> Caller | None:
    try:
        return caller_of(request)
    except Unauthenticated:
        return None
