"""What a route is: one row says all about it, and the router, the OpenAPI document, docs and tests derive from the rows.

`query` and `body` read what is asked by it; a mistake in that is told with the field and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args, get_origin

from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from vms_bridge.api.connections import Door
from vms_bridge.api.context import caller_of, query_of
from vms_bridge.errors import RequestForbidden, RequestInvalid
from vms_bridge.foreign import LONGEST, MOST_MISTAKES, mistakes_in, read_json
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multidict import MultiMapping

    from vms_bridge.links import LinkKind

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Content: TypeAlias = type[BaseModel] | str
"""What an answer may have: JSON as this model says, or something of this media type."""

_Model = TypeVar("_Model", bound=BaseModel)

BASE = "/api/v1"
JSON = "application/json"
_QUERY = "the query can't be understood"
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way in which a route answers; `contents` are what it may have, by the request's `Accept`."""

    meaning: str
    contents: tuple[Content, ...] = ()


class Reach(StrEnum):
    """What a token that is limited to some systems or monitors gets by a route."""

    ALL = "all"
    """The same as any other: it says nothing of systems."""
    OWN = "own"
    """What is its own; the rest is left out."""
    NAMED = "named"
    """What is named, if that is its own: the rest is not found."""
    NONE = "none"
    """Nothing: it is about the bridge as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """One thing that can be asked of the API. A row equals itself only.

    `name` is its `operationId`, `subject` what it belongs to in the document. `scope` is what a token needs at least (None: no
    token at all), `reach` what a limited one gets; the handler is not reached without. What takes the scope `hook` is a receiver
    of what comes from outside: whose level is the receiver's may call it too, which the hub decides. GET answers HEAD too.
    `link` is for a GET that links can open, without a token: what such a link opens.
    """

    method: str
    path: str
    name: str
    subject: str
    scope: Scope | None
    reach: Reach = Reach.NONE
    link: LinkKind | None = None
    handler: Handler
    admits: Callable[[web.Request], None] | None = None
    """Raises what else stands against who asks, before any of the body is read."""
    summary: str
    description: str = ""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    most_bytes: int = 0
    """How large its body may be, where that is more than the configuration says of any."""
    answers: Mapping[int, Answer]
    refusals: Mapping[int, str] = field(default_factory=dict)
    """The statuses by which it refuses beside those that any route has, each with what it means."""
    doors: frozenset[Door] = frozenset({Door.API, Door.SOCKET})
    """By which ways it is to be had."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what stands in its path."""
        return tuple(_PARAMETER.findall(self.path))


TABLE: web.AppKey[dict[tuple[str, str], Route]] = web.AppKey("TABLE", dict)


def add_routes(app: web.Application, routes: Sequence[Route]) -> None:
    """Have the application answer these."""
    app[TABLE] = {(method, route.path): route for route in routes for method in _methods(route)}
    for path in dict.fromkeys(route.path for route in routes):
        resource = app.router.add_resource(path)
        for route in routes:
            if route.path == path:
                for method in _methods(route):
                    resource.add_route(method, route.handler)


def route_of(request: web.Request) -> Route | None:
    """Return which row answers the request, None where none does."""
    resource = request.match_info.route.resource
    return None if resource is None else request.app[TABLE].get((request.method, resource.canonical))


def admit(request: web.Request, route: Route) -> None:
    """Let only those pass who may use the route. Raises Unauthenticated, RequestForbidden, RequestInvalid."""
    if route.scope is not None:
        caller = caller_of(request)
        if route.scope is not Scope.HOOK and not caller.scope.includes(route.scope):
            raise RequestForbidden("this token may not", hint=f"it takes one with the scope {route.scope}")
        if route.reach is Reach.NONE and caller.is_limited:
            raise RequestForbidden("this token is limited to some systems or monitors", hint="it takes one that is not")
    if route.admits is not None:
        route.admits(request)
    if route.query is None and (said := query_of(request)):
        raise RequestInvalid(_QUERY, mistakes=_each(said, "this takes no query"))


def query(request: web.Request, model: type[_Model]) -> _Model:
    """Return what the query says. Raises RequestInvalid."""
    return read_query(query_of(request), model)


def read_query(said: MultiMapping[str], model: type[_Model]) -> _Model:
    """Return what a query says that is not the request's own. Raises RequestInvalid."""
    many = {name for name, one in model.model_fields.items() if _is_list(one.annotation)}
    twice = sorted({name for name in said if name not in many and len(said.getall(name)) > 1})
    if twice:
        raise RequestInvalid(_QUERY, mistakes=_each(twice, "it is said twice"))
    values: dict[str, Any] = {name: said.getall(name) if name in many else said[name] for name in said}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RequestInvalid(_QUERY, mistakes=mistakes_in(error)) from None


async def body(request: web.Request, model: type[_Model]) -> _Model:
    """Return what the body says in JSON. Raises RequestInvalid, and aiohttp's own error for one that is too large."""
    if request.content_type != JSON:
        raise web.HTTPUnsupportedMediaType
    return read_json(await request.read(), model)


def _methods(route: Route) -> Iterable[str]:
    return (route.method, hdrs.METH_HEAD) if route.method == hdrs.METH_GET else (route.method,)


def _each(names: Iterable[str], reason: str) -> list[tuple[str, str]]:
    return [(name[:LONGEST], reason) for name in islice(names, MOST_MISTAKES)]


def _is_list(annotation: object) -> bool:
    """Say whether a field of a query takes several values."""
    return any(get_origin(one) in {tuple, frozenset, list} for one in (annotation, *get_args(annotation)))
