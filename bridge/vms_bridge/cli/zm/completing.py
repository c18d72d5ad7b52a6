"""What a shell completes from a ZoneMinder: its monitors, run states and settings, and which ones are configured.

Nobody is asked for a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.cli.direct.completing import completer, systems_of
from vms_bridge.cli.zm.place import Place, zoneminder_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from vms_bridge.zoneminder import ZoneMinder


def _at(context: click.Context) -> ZoneMinder:
    place = Place._make(context.params.get(name) for name in Place._fields)
    return zoneminder_at(place, context.obj, may_ask=False)


async def _monitors(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.id, row.name) for row in await zm.monitors.list()]


async def _states(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.name, "active" if row.is_active else "") for row in await zm.states.list()]


async def _configs(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.name, "") for row in await zm.configs.list()]


systems = systems_of("zoneminder")
monitors, states, configs = completer(_monitors, _at), completer(_states, _at), completer(_configs, _at)
