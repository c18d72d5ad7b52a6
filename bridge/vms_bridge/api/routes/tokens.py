"""Tokens: who may come in, for those who may say so; and for each what his own is good for."""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypedDict

from aiohttp import hdrs, web

from vms_bridge.api import route
from vms_bridge.api.access import say_goodbye
from vms_bridge.api.context import caller_of, context_of
from vms_bridge.api.models.tokens import GrantBody, NewToken, Self, Token, TokenBody, Tokens
from vms_bridge.api.pairing import Grant
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.errors import NotFound
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.tokens import Token as Known

_LOGGER = logging.getLogger(__name__)


class _Limits(TypedDict):
    systems: tuple[str, ...] | None
    monitors: tuple[str, ...] | None


def limits_of(token: Known | Grant | None) -> _Limits:
    """Return what something is limited to, in the API's words."""
    systems, monitors = (None, None) if token is None else (token.systems, token.monitors)
    return {
        "systems": None if systems is None else tuple(sorted(systems)),
        "monitors": None if monitors is None else tuple(sorted(f"{system}/{key}" for system, key in monitors)),
    }


def grant_of(asked: GrantBody) -> Grant:
    """Return what is asked for, in the bridge's words."""
    pairs = (each.partition("/") for each in asked.monitors or ())
    return Grant(
        scope=asked.scope,
        systems=None if asked.systems is None else frozenset(asked.systems),
        monitors=None if asked.monitors is None else frozenset((system, key) for system, _, key in pairs),
    )


def _told(token: Known) -> Token:
    return Token(
        id=token.id,
        name=token.name,
        scope=token.scope,
        created=token.created,
        receiver=None if token.receiver is None else "/".join(token.receiver),
        expires=token.expires,
        used=token.used,
        **limits_of(token),
    )


async def _list(request: web.Request) -> web.StreamResponse:
    return reply(request, Tokens(tokens=tuple(_told(token) for token in context_of(request).hub.tokens.all())))


async def _create(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, TokenBody)
    grant, life = grant_of(asked), None if asked.life is None else timedelta(seconds=asked.life)
    tokens = context_of(request).hub.tokens
    receiver = None if asked.receiver is None else asked.receiver.partition("/")[::2]
    token, text = await tokens.create(
        asked.name, grant.scope, systems=grant.systems, monitors=grant.monitors, receiver=receiver, life=life
    )
    _LOGGER.info(
        "%s has made the token %s (%s) with the scope %s", caller_of(request).principal, token.id, token.name, token.scope
    )
    return reply(request, NewToken(token=text, **_told(token).model_dump()), status=HTTPStatus.CREATED)


async def _self(request: web.Request) -> web.StreamResponse:
    caller = caller_of(request)
    token = None if caller.token is None else _told(caller.token)
    return reply(request, Self(door=caller.door, scope=caller.scope, token=token, **limits_of(caller.token)))


async def _revoke(request: web.Request) -> web.StreamResponse:
    return await _revoked(request, request.match_info["token"])


async def _revoke_self(request: web.Request) -> web.StreamResponse:
    token = caller_of(request).token
    return await _revoked(request, "" if token is None else token.id)


async def _revoked(request: web.Request, token_id: str) -> web.StreamResponse:
    say_goodbye(request)  # who gives his own up is told so, however long the disk takes
    if not token_id or not await context_of(request).hub.tokens.revoke(token_id):
        raise NotFound("there is no such token", hint="`tokens` lists them")
    _LOGGER.info("%s has revoked the token %s", caller_of(request).principal, token_id)
    return web.Response(status=HTTPStatus.NO_CONTENT)


_GONE = {204: Answer(meaning="it is good for nothing any more")}
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/tokens",
        name="list_tokens",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_list,
        summary="All tokens, without their texts",
        answers={200: Answer(meaning="the tokens", contents=(Tokens,))},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/tokens",
        name="create_token",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_create,
        summary="Make a token",
        description="Its text is in the answer, and can't be asked for again.",
        body=TokenBody,
        answers={201: Answer(meaning="the token, with its text", contents=(NewToken,))},
        refusals={503: "it can't be stored"},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/tokens/self",
        name="get_self",
        subject="tokens",
        scope=Scope.READ,
        reach=Reach.ALL,
        handler=_self,
        summary="Who asks, and how far he may go",
        answers={200: Answer(meaning="who it is", contents=(Self,))},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{BASE}/tokens/self",
        name="revoke_self",
        subject="tokens",
        scope=Scope.READ,
        reach=Reach.ALL,
        handler=_revoke_self,
        summary="Give one's own token up",
        answers=_GONE,
        refusals={404: "whoever asks has none", 503: "the store failed: after a restart it may be good again"},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{BASE}/tokens/{{token}}",
        name="revoke_token",
        subject="tokens",
        scope=Scope.ADMIN,
        handler=_revoke,
        summary="Make a token good for nothing",
        description="What is served by it ends within a second.",
        answers=_GONE,
        refusals={404: "there is no such token", 503: "the store failed: after a restart it may be good again"},
    ),
)
