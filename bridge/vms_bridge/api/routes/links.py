"""Links: making them, for whoever may see what they open; and the keys that sign them, for those who may let people in."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api import route
from vms_bridge.api.context import caller_of, context_of, visit_of
from vms_bridge.api.linking import link_url, make_link
from vms_bridge.api.models.links import Key, KeyBody, Keys, Link, LinkBody
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, TABLE, Answer, Reach, Route
from vms_bridge.errors import NotFound
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.links import LinkKey

_LOGGER = logging.getLogger(__name__)


async def _create(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, LinkBody)
    context, caller = context_of(request), caller_of(request)
    made = await make_link(context, caller, request.app[TABLE].values(), asked)
    terms = made.terms
    said = Link(
        url=link_url(context, visit_of(request), made.path),
        path=made.path,
        key=terms.key,
        token=terms.token,
        until=terms.until,
        uses=None if terms.uses is None else terms.uses.most,
    )
    return reply(request, said, status=HTTPStatus.CREATED)


async def _list(request: web.Request) -> web.StreamResponse:
    return reply(request, Keys(keys=tuple(_told(key) for key in context_of(request).hub.links.all())))


async def _create_key(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, KeyBody)
    key = await context_of(request).hub.links.create_key(asked.name)
    _LOGGER.info("%s has made the key %s (%s) for links", caller_of(request).principal, key.id, key.name)
    return reply(request, _told(key), status=HTTPStatus.CREATED)


async def _revoke(request: web.Request) -> web.StreamResponse:
    key_id = request.match_info["key"]
    if not await context_of(request).hub.links.revoke_key(key_id):
        raise NotFound("there is no such key for links", hint="`links/keys` lists them")
    _LOGGER.info("%s has revoked the key %s, and all links that it has signed", caller_of(request).principal, key_id)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _told(key: LinkKey) -> Key:
    return Key(id=key.id, name=key.name, purpose=key.purpose, created=key.created)


_FAILED = "the keys can't be read or kept"
ROUTES = (
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/links",
        name="create_link",
        subject="links",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_create,
        summary="Make a link that opens one thing without a token",
        description="It gives no more than whoever asks for it may see, and is good no longer than his token.",
        body=LinkBody,
        answers={201: Answer(meaning="the link", contents=(Link,))},
        refusals={404: "there is no such event or monitor", 503: _FAILED},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/links/keys",
        name="list_link_keys",
        subject="links",
        scope=Scope.ADMIN,
        handler=_list,
        summary="All keys that sign links, without their secrets",
        answers={200: Answer(meaning="the keys", contents=(Keys,))},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/links/keys",
        name="create_link_key",
        subject="links",
        scope=Scope.ADMIN,
        handler=_create_key,
        summary="Make a key for links that name it, to be revoked without the others",
        body=KeyBody,
        answers={201: Answer(meaning="the key", contents=(Key,))},
        refusals={503: _FAILED},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{BASE}/links/keys/{{key}}",
        name="revoke_link_key",
        subject="links",
        scope=Scope.ADMIN,
        handler=_revoke,
        summary="Make a key, and every link that it has signed, good for nothing",
        description="What is served by such a link ends within a second.",
        answers={204: Answer(meaning="they are good for nothing any more")},
        refusals={404: "there is no such key", 503: "the keys can't be kept: after a restart it may be good again"},
    ),
)
