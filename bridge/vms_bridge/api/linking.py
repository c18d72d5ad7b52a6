"""Links: lets in who comes by one, and makes them. What may be opened by a link, and how long, is said by the route's row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from aiohttp import hdrs
from multidict import MultiDict

from vms_bridge.api import visible
from vms_bridge.api.access import Caller, welcome_by_link
from vms_bridge.api.connections import Door, OpenedLink
from vms_bridge.api.context import context_of, visit_of
from vms_bridge.api.limits import neighbourhood
from vms_bridge.api.models.links import NoQuery
from vms_bridge.api.route import read_query, route_of
from vms_bridge.errors import BodyInvalid, LinkRefused, MediaBusy, NotFound, RequestInvalid, TooManyRequests
from vms_bridge.links import AUTH, KeyPurpose, LinkKind, address_of, target_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from vms_bridge.api.context import Context
    from vms_bridge.api.models.links import LinkBody
    from vms_bridge.api.route import Route
    from vms_bridge.api.visits import Visit
    from vms_bridge.index import IndexedEvent
    from vms_bridge.links import Terms

_OF_EVENT = frozenset({LinkKind.PICTURE, LinkKind.CLIP})
_LIFE = timedelta(days=1)
"""How long a link is good that has to carry a time, where nobody says how long."""
_MOST_AT_A_TIME = 8
"""How often a link is open at a time, so that one who has it takes not all that may be read of a system."""
_PROBE_BYTES = 1_024
_PROBE = re.compile(r"bytes=0-([0-9]{1,4})")
_PREVIEW = re.compile(
    r"bot\b|crawler|spider|preview|facebookexternalhit|whatsapp/|slack-imgproxy|embedly|iframely", re.IGNORECASE
)
"""In whose `User-Agent` this stands looks at links by himself, before any person does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a link can be made to: a route, and what stands in its path and query."""

    route: Route
    names: Mapping[str, str]
    query: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Return it in the form that is signed."""
        return target_of(self.route.path, self.names, self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLink:
    """A link: the path that opens it at this API, and on which terms."""

    path: str
    terms: Terms


async def by_link(request: web.Request) -> Caller | None:
    """Let in who comes by a link, and return him; None: he shows none. Raises LinkRefused or TooManyRequests, and StoreError.

    Whatever is wrong with it, the answer is the same: it tells neither what there is nor why it is not to be had.
    """
    route, signatures = route_of(request), request.query.getall(AUTH, [])
    if route is None or route.link is None or not signatures:
        return None
    context = context_of(request)
    query = tuple((name, value) for name, value in request.query.items() if name != AUTH)
    target = Target(route=route, names=dict(request.match_info), query=query)
    terms = context.hub.links.read(signatures[0], target.text) if len(signatures) == 1 else None
    if terms is None:
        _slow_down(request, context)
    if terms is None or not _is_good(context, route.link, terms):
        raise _refusal()
    _bound(request, context)
    token = None if terms.token is None else context.hub.tokens.get(terms.token)
    caller = Caller(door=Door.LINK, scope=Scope.READ, token=token, link_key=terms.key)
    try:
        is_open = await _is_young(context, await _see(context, caller, target)) and await _may_use(request, route, context, terms)
    except NotFound:
        is_open = False
    if not is_open:
        raise _refusal()
    _check_room(context, target)  # nothing is waited for between this and what counts it as open
    return welcome_by_link(request, caller, OpenedLink(target=target.text, is_good=lambda: _still_holds(context, terms)))


async def make_link(context: Context, caller: Caller, table: Iterable[Route], asked: LinkBody) -> MadeLink:
    """Make a link to what the caller may see himself; by a token it is good as long as that is, by the socket without one.

    Raises BodyInvalid, NotFound, LinkKeyRefused and StoreError.
    """
    target = _target(table, asked.path)
    await _see(context, caller, target)
    is_of_event = target.route.link in _OF_EVENT
    token = None if caller.token is None else caller.token.id
    ends_by_itself = is_of_event or (target.route.link is LinkKind.STREAM and token is not None)
    life = None if asked.life is None else timedelta(seconds=asked.life)
    if life is None and (asked.uses is not None or not ends_by_itself):
        life = context.config.life if is_of_event else _LIFE
    until = None if life is None else (context.clock.now() + life).replace(microsecond=0) + timedelta(seconds=1)
    links = context.hub.links
    terms, signature = await links.sign(target.text, key=asked.key, token=token, until=until, uses=asked.uses)
    return MadeLink(path=address_of(target.text, signature), terms=terms)


def _target(table: Iterable[Route], path: str) -> Target:
    """Return what the path of a GET names. Raises BodyInvalid where no link can be made to it."""
    plain, _, said = path.partition("?")
    parts = plain.split("/")
    for route in table:
        names = None if route.link is None else _names(route.path.split("/"), parts)
        if names is None:
            continue
        query = tuple(parse_qsl(said, keep_blank_values=True))
        _check_query(route, query)
        return Target(route=route, names=names, query=query)
    raise BodyInvalid("the body can't be understood", mistakes=[("path", "no link can be made to that: docs/api.md has a table")])


def _names(template: list[str], parts: list[str]) -> dict[str, str] | None:
    """Return what stands in a path where the template has names; None where it is not such a path."""
    if len(template) != len(parts):
        return None
    names = {}
    for pattern, part in zip(template, parts, strict=True):
        if pattern.startswith("{"):
            names[pattern[1:-1]] = unquote(part)
        elif pattern != part:
            return None
    return names if all(names.values()) else None


def _check_query(route: Route, query: tuple[tuple[str, str], ...]) -> None:
    """Raise BodyInvalid for a query that the route would refuse."""
    if route.query is None and not query:
        return
    try:
        read_query(MultiDict(query), route.query or NoQuery)
    except RequestInvalid as error:
        reasons = [f"{field}: {reason}" if field else reason for field, reason in error.mistakes]
        raise BodyInvalid("the body can't be understood", mistakes=[("path", reason) for reason in reasons]) from None


async def _see(context: Context, caller: Caller, target: Target) -> IndexedEvent | None:
    """Return the event that is named, if one is. Raises NotFound for what the caller may not see, or what there is not."""
    names = target.names
    if "event" in names:
        return await visible.event(context.hub, caller, names["event"])
    visible.monitor(context.hub, caller, names["system"], names["monitor"])
    return None


def _is_good(context: Context, kind: LinkKind, terms: Terms) -> bool:
    """Say whether whoever signed may sign this, and who made it may still see anything."""
    key = context.hub.links.key(terms.key)
    if key is None or (key.purpose is KeyPurpose.MESSAGES and kind not in context.config.linked):
        return False
    return terms.token is None or context.hub.tokens.get(terms.token) is not None


def _still_holds(context: Context, terms: Terms) -> bool:
    """Say whether what is served by a link may go on."""
    is_over = terms.until is not None and terms.until <= context.clock.now()
    has_token = terms.token is None or context.hub.tokens.holds(terms.token)
    return not is_over and has_token and context.hub.links.key(terms.key) is not None


async def _is_young(context: Context, found: IndexedEvent | None) -> bool:
    """Say whether the event, if there is one, is not too old: by its end, or by when it was told of where it has none."""
    if found is None:
        return True
    now, event = context.clock.now(), found.event
    age = now - event.end if event.end is not None else await context.hub.since_told(found.ref)
    if age is None and event.start is not None:
        age = now - event.start
    return age is not None and age < context.config.life


async def _may_use(request: web.Request, route: Route, context: Context, terms: Terms) -> bool:
    """Say whether it may be used once more, and count that: not for who only looks what is there. Raises StoreError."""
    if terms.uses is None:
        return True
    if request.method == hdrs.METH_HEAD or _is_probe(request, route):
        return context.hub.links.has_use(terms)
    return not _is_preview(request) and await context.hub.links.use(terms)


def _is_probe(request: web.Request, route: Route) -> bool:
    """Say whether a player only asks how long a clip is, and of which kind: by so few of its first bytes nobody sees anything.

    Not where all of it may be sent all the same: a stream has no parts, and `If-Range` may ask for the whole.
    """
    part = route.answers.get(HTTPStatus.PARTIAL_CONTENT)
    if part is None or "video/mp4" not in part.contents or hdrs.IF_RANGE in request.headers:
        return False
    found = _PROBE.fullmatch(request.headers.get(hdrs.RANGE, "").strip())
    return found is not None and int(found[1]) < _PROBE_BYTES


def _is_preview(request: web.Request) -> bool:
    """Say whether a program looks at it by itself: the messenger by which the link is sent, or a browser in advance."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"))
    is_ahead = any(word in purpose.lower() for purpose in purposes for word in ("prefetch", "preview", "prerender"))
    return is_ahead or _PREVIEW.search(request.headers.get(hdrs.USER_AGENT, "")) is not None


def _refusal() -> LinkRefused:
    return LinkRefused("this link is not good, or not any more", hint="ask whoever gave it for another")


def _slow_down(request: web.Request, context: Context) -> None:
    """Raise TooManyRequests for who has come with too many signatures that are none."""
    wait_s = context.rates.wrong.take(neighbourhood(visit_of(request).address))
    if wait_s:
        raise TooManyRequests("too many wrong tokens and links have come from this address", retry_after_s=wait_s)


def _bound(request: web.Request, context: Context) -> None:
    """Raise TooManyRequests for who asks too often."""
    wait_s = context.rates.by_link.take(neighbourhood(visit_of(request).address))
    if wait_s:
        raise TooManyRequests("that was asked too often", hint="ask less often", retry_after_s=wait_s)


def _check_room(context: Context, target: Target) -> None:
    """Raise MediaBusy where a link is open too often."""
    is_open = sum(one.link is not None and one.link.target == target.text for one in context.connections)
    if is_open >= _MOST_AT_A_TIME and target.route.link is not LinkKind.STREAM:
        raise MediaBusy("this link is opened too often at a time", hint="try again in a moment")


def link_url(context: Context, visit: Visit, path: str) -> str | None:
    """Return the whole address of a path: the public one, or as whoever asks has called the API; None: it has none."""
    config = context.config
    if config.public_url is not None:
        return f"{config.public_url}{path}"
    if visit.door is Door.SOCKET:
        return None if config.url is None else f"{config.url}{path}"
    return f"{'http' if config.tls is None else 'https'}://{visit.host}{path}"
