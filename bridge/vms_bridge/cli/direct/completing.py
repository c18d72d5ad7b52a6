"""What a shell completes from a VMS that is asked itself.

Whoever presses the tab key waits for it: one that does not answer at once completes nothing, and nothing is said of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from click.shell_completion import CompletionItem

from vms_bridge.cli.output import printable
from vms_bridge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import click

    from vms_bridge.cli.direct.session import Vms

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
    Words = Iterable[tuple[str, str]]

_Vms = TypeVar("_Vms", bound="Vms")
_PATIENCE_S = 2.0
"""With a login in it, which takes its time."""
_MOST = 200


def completer(source: Callable[[_Vms], Awaitable[Words]], at: Callable[[click.Context], _Vms]) -> Completer:
    """Return what completes by the words, each with what it stands for, that the VMS knows which is meant (`at`)."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = asyncio.run(_ask(source, at(context)))
        except Exception:  # noqa: BLE001  # a shell's prompt is no place for whatever is wrong
            return []
        return _items(found, incomplete)

    return complete


def systems_of(kind: str) -> Completer:
    """Return what completes the keys of the systems of this kind in the configuration."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            from vms_bridge.config import load  # noqa: PLC0415  # for who presses the key

            loaded = load(context.params["config"])
        except Exception:  # noqa: BLE001  # as above
            return []
        return _items([(key, each.name) for key, each in loaded.systems.items() if each.kind.name == kind], incomplete)

    return complete


async def _ask(source: Callable[[_Vms], Awaitable[Words]], vms: _Vms) -> list[tuple[str, str]]:
    async with SystemClock().timeout(_PATIENCE_S):
        await vms.__aenter__()
        try:
            return list(await source(vms))
        finally:
            await vms.__aexit__(None, None, None)


def _items(found: Words, incomplete: str) -> list[CompletionItem]:
    items = [
        CompletionItem(word, help=printable(meaning))
        for word, meaning in found
        if word.startswith(incomplete) and word.isprintable()
    ]
    return items[:_MOST]
