"""The catalogue of entities."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs

from vms_bridge.api.models.catalogue import Catalogue, Entity
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.entities import CATALOGUE
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.entities import Entity as Row


async def _catalogue(request: web.Request) -> web.StreamResponse:
    return reply(request, catalogue())


@cache
def catalogue() -> Catalogue:
    """Return what the API says of the catalogue."""
    return Catalogue.model_validate({str(scope): [_entity(row) for row in rows] for scope, rows in CATALOGUE.items()})


def _entity(row: Row[Any]) -> Entity:
    unit, divisor = row.display_unit or (None, None)
    return Entity(
        key=row.key,
        platform=row.platform,
        name=row.name,
        device_class=row.device_class,
        state_class=row.state_class,
        unit=row.unit,
        display_unit=unit,
        display_divisor=divisor,
        category=row.category,
        icon=row.icon,
        options=tuple(str(option) for option in row.options),
        enabled=row.enabled,
        always=row.always,
        lasts=row.lasts,
        type=row.json,
        source=row.source,
        field=row.field,
        part_of=row.part_of,
        attributes=row.attributes,
        command=row.command,
        mode=row.mode,
        needs=tuple(sorted(row.needs)),
        meaning=row.meaning,
    )


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/catalogue",
        name="get_catalogue",
        subject="catalogue",
        scope=Scope.READ,
        reach=Reach.ALL,
        handler=_catalogue,
        summary="Every entity that there can be, and where its value is",
        answers={200: Answer(meaning="the catalogue", contents=(Catalogue,))},
    ),
)
