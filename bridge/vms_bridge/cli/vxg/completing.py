"""What a shell completes from a VXG: its channels and groups, and which ones are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.cli.direct.completing import completer, systems_of
from vms_bridge.cli.vxg.place import Place, vxg_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from vms_bridge.vxg import Vxg


def _at(context: click.Context) -> Vxg:
    return vxg_at(Place._make(context.params.get(name) for name in Place._fields), context.obj)


async def _channels(vxg: Vxg) -> Iterable[tuple[str, str]]:
    return [(str(row.id), row.name) for row in await vxg.channels.list()]


async def _groups(vxg: Vxg) -> Iterable[tuple[str, str]]:
    return [(str(row.id), row.name) for row in await vxg.groups.list()]


systems = systems_of("vxg")
channels, groups = completer(_channels, _at), completer(_groups, _at)
