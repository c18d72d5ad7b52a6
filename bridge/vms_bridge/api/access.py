"""Who asks, and how far he may go: by a token, or as admin through the unix socket."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from aiohttp import hdrs, web
from multidict import MultiDict

from vms_bridge.api.connections import Door, connection_of
from vms_bridge.api.limits import neighbourhood
from vms_bridge.commands import Level, Origin
from vms_bridge.errors import RequestInvalid, TooManyRequests, Unauthenticated
from vms_bridge.links import AUTH
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.tokens import Scope, Token, digest_of, id_in

if TYPE_CHECKING:
    from multidict import MultiMapping

    from vms_bridge.api.connections import OpenedLink
    from vms_bridge.api.limits import Rates
    from vms_bridge.api.visits import Visit
    from vms_bridge.index import Search
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_Key = TypeVar("_Key")
_SCHEME = "bearer"
_TOLD_S = 600.0
"""For so long after the last time it is told that somebody comes with wrong tokens."""
_HOW = "write `Authorization: Bearer` and a token: `vms-bridge token create` makes one, and so does pairing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who was let in: by his `token`, by a link, or as a process of the bridge's user or root by its `uid`.

    Who comes by a link has the token of who made it, if that still counts, and `link_key` is the id of the key that signed it.
    """

    door: Door
    scope: Scope
    token: Token | None = None
    uid: int | None = None
    link_key: str | None = None

    @property
    def level(self) -> Level:
        """How far his commands may go."""
        return self.scope.level or Level.READ

    @property
    def origin(self) -> Origin:
        """Where his commands come from."""
        return Origin(door=self.door, principal=self.principal, token=None if self.token is None else self.token.id)

    @property
    def principal(self) -> str:
        """Who he is, for the hub's memory of requests and for the log."""
        if self.link_key is not None:
            return f"link by key {self.link_key}"
        return f"token {self.token.id}" if self.token is not None else f"uid {self.uid}"

    @property
    def is_limited(self) -> bool:
        """Whether he may know of some systems or monitors only."""
        return self.token is not None and self.token.is_limited

    def sees(self, system: str, monitor: str | None = None) -> bool:
        """Say whether he may know of, and command, this monitor or, without one, the whole of the system."""
        return self.token is None or self.token.sees(system, monitor)

    def knows(self, system: str) -> bool:
        """Say whether he may know of this system, be it for one of its monitors only."""
        return self.token is None or self.token.knows(system)

    def limit(self, search: Search) -> Search:
        """Return the search with what he may know of as a limit; where that leaves nothing, one of the limits is empty."""
        if self.token is None:
            return search
        return replace(
            search,
            systems=_both(search.systems, self.token.systems),
            monitors=_both(search.monitors, self.token.monitors),
        )


_CALLER: web.RequestKey[Caller] = web.RequestKey("_CALLER", Caller)


def caller_of(request: web.Request) -> Caller:
    """Return who asks. Raises Unauthenticated where nobody was let in."""
    caller: Caller | None = request.get(_CALLER)
    if caller is None:
        raise Unauthenticated("there is no token with the request", hint=_HOW)
    return caller


def came_by_link(request: web.Request) -> bool:
    """Say whether whoever asks was let in by a link."""
    caller: Caller | None = request.get(_CALLER)
    return caller is not None and caller.door is Door.LINK


def query_of(request: web.Request) -> MultiMapping[str]:
    """Return what the request's query says, without the signature of the link by which it was let in."""
    if not came_by_link(request):
        return request.query
    return MultiDict((name, value) for name, value in request.query.items() if name != AUTH)


def authenticate(request: web.Request, visit: Visit, hub: HubView, rates: Rates) -> Caller | None:
    """Let in who comes by the socket or with a token, and return him; None: he says nothing of who he is.

    Raises Unauthenticated for a token that is not, or no more, known, and TooManyRequests for too many of them.
    """
    if visit.door is Door.SOCKET:
        return _let_in(request, Caller(door=visit.door, scope=Scope.ADMIN, uid=visit.uid))
    said = request.headers.getall(hdrs.AUTHORIZATION, [])
    if not said:
        return None
    scheme, _, text = said[0].strip().partition(" ")
    if len(said) > 1 or scheme.lower() != _SCHEME:
        raise RequestInvalid("Authorization is said otherwise than can be understood", hint=_HOW)
    token = token_by(text.strip(), hub)
    if token is None:
        wait_s = rates.wrong.take(neighbourhood(visit.address))
        _LOGGER.debug("somebody at %s came with a token that is not known", visit.address)
        if wait_s:
            _tell_of(visit, hub, rates)
            raise TooManyRequests("too many wrong tokens have come from this address", retry_after_s=wait_s)
        raise Unauthenticated("the token is not known, or no more", hint=_HOW)
    return welcome(request, token)


def _tell_of(visit: Visit, hub: HubView, rates: Rates) -> None:
    """Give notice that somebody comes with wrong tokens again and again, for as long as that goes on."""
    if rates.told.take(""):
        return
    notice = Notice(
        id=NoticeKind.LOGIN_FAILED,
        kind=NoticeKind.LOGIN_FAILED,
        since=rates.clock.now(),
        text="somebody comes to the API with tokens that are not known, again and again",
        hint=f"last from {neighbourhood(visit.address)}: is it a client whose token was revoked?",
    )
    with suppress(TooManyRequests):
        hub.tell_notice(notice, _TOLD_S)


def knock(request: web.Request, visit: Visit, hub: HubView, rates: Rates) -> None:
    """Count a call of a receiver before the secret in it is looked at. Raises TooManyRequests.

    By address, and by the token that it names where there is such a one: so whoever forges secrets elsewhere takes nothing from
    its holder, and who names tokens that there are not has the little that strangers have.
    """
    said = request.headers.getall(hdrs.AUTHORIZATION, [])
    if visit.door is Door.SOCKET or not said:
        return
    place, token_id = neighbourhood(visit.address), id_in(said[0].strip().partition(" ")[2].strip())
    is_known = token_id is not None and hub.tokens.holds(token_id)
    wait_s = rates.hooks.take(f"{token_id} {place}") if is_known else rates.strangers.take(place)
    if wait_s:
        raise TooManyRequests("receivers were called too often from this address", retry_after_s=wait_s)


def token_by(text: str, hub: HubView) -> Token | None:
    """Return the token that has this text, if its time is not over."""
    return None if id_in(text) is None else hub.tokens.find(digest_of(text))


def welcome(request: web.Request, token: Token) -> Caller:
    """Let in whoever has shown this token, and return him: his connection is bound to it until the request ends."""
    connection = connection_of(request)
    connection.token_id = token.id
    return _let_in(request, Caller(door=connection.door, scope=token.scope, token=token))


def welcome_by_link(request: web.Request, caller: Caller, link: OpenedLink) -> Caller:
    """Let in whoever comes by a link, and return him: he is served as long as that is good."""
    connection_of(request).link = link
    return _let_in(request, caller)


def say_goodbye(request: web.Request) -> None:
    """Let the connection be bound no more to what its request came by."""
    connection = connection_of(request)
    connection.token_id = connection.link = None


def _let_in(request: web.Request, caller: Caller) -> Caller:
    connection_of(request).is_known = True
    request[_CALLER] = caller
    return caller


def _both(some: frozenset[_Key] | None, others: frozenset[_Key] | None) -> frozenset[_Key] | None:
    """Return what is in both, where None is everything."""
    if some is None or others is None:
        return others if some is None else some
    return some & others
