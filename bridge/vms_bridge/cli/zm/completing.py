"""What a shell completes from a ZoneMinder: its monitors, run states and settings, and which ones are configured.

Whoever presses the tab key waits for it: a ZoneMinder that does not answer at once completes nothing, nothing is said of it, and
nobody is asked for a password.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from vms_bridge.cli.output import printable
from vms_bridge.cli.zm.place import Place, zoneminder_at
from vms_bridge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import click

    from vms_bridge.zoneminder import ZoneMinder

    Source = Callable[[ZoneMinder], Awaitable[Iterable[tuple[str, str]]]]
    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_PATIENCE_S = 2.0
"""With a login in it, which ZoneMinder takes its time for."""
_MOST = 200


def completer(source: Source) -> Completer:
    """Return what completes by the words, each with what it stands for, that the ZoneMinder which is meant knows."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            place = Place._make(context.params.get(name) for name in Place._fields)
            found = asyncio.run(_ask(source, zoneminder_at(place, context.obj, may_ask=False)))
        except Exception:  # noqa: BLE001  # a shell's prompt is no place for whatever is wrong
            return []
        return _items(found, incomplete)

    return complete


def systems(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the keys of the systems of the configuration."""
    try:
        from vms_bridge.backends.zoneminder.config import ZoneMinderConfig  # noqa: PLC0415  # for who presses the key
        from vms_bridge.config import load  # noqa: PLC0415

        loaded = load(context.params["config"])
    except Exception:  # noqa: BLE001  # as above
        return []
    return _items(
        [(key, each.name) for key, each in loaded.systems.items() if isinstance(each.settings, ZoneMinderConfig)], incomplete
    )


async def _ask(source: Source, zm: ZoneMinder) -> list[tuple[str, str]]:
    async with SystemClock().timeout(_PATIENCE_S), zm:
        return list(await source(zm))


def _items(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    items = [
        CompletionItem(word, help=printable(meaning))
        for word, meaning in found
        if word.startswith(incomplete) and word.isprintable()
    ]
    return items[:_MOST]


async def _monitors(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.id, row.name) for row in await zm.monitors.list()]


async def _states(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.name, "active" if row.is_active else "") for row in await zm.states.list()]


async def _configs(zm: ZoneMinder) -> Iterable[tuple[str, str]]:
    return [(row.name, "") for row in await zm.configs.list()]


monitors, states, configs = completer(_monitors), completer(_states), completer(_configs)
