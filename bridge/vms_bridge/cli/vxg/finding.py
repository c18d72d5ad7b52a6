"""What a word on the command line stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import click

from vms_bridge.cli.direct.finding import NotFoundThere
from vms_bridge.cli.vxg.completing import channels, groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.vxg import ChannelRow, GroupRow, Vxg

_Row = TypeVar("_Row", "ChannelRow", "GroupRow")
_SHOWN = 20
_FEW = 8
_ID = re.compile(r"[1-9][0-9]{0,17}")
CHANNEL = click.argument("channel", metavar="ID|NAME", shell_complete=channels)
CHANNELS = click.argument("channels", nargs=-1, metavar="[ID|NAME]...", shell_complete=channels)
SOME_CHANNELS = click.argument("channels", nargs=-1, required=True, metavar="ID|NAME...", shell_complete=channels)
GROUP = click.argument("group", metavar="GROUP", shell_complete=groups)


async def the_channel(vxg: Vxg, word: str) -> ChannelRow:
    """Return the channel with this id or, where there is none, of this name. Raises NotFoundThere and VmsError."""
    return (await the_channels(vxg, (word,)))[0]


async def the_channels(vxg: Vxg, words: Sequence[str]) -> tuple[ChannelRow, ...]:
    """Return the channels with these ids or of these names, each once. Raises NotFoundThere and VmsError."""
    found = await _by_ids(vxg, words)
    if found is None:
        rows = await vxg.channels.list()
        found = [_named(rows, word, "channel") for word in words]
    return tuple({row.id: row for row in found}.values())


async def the_group(vxg: Vxg, word: str) -> GroupRow:
    """Return the group with this id or, where there is none, of this name. Raises NotFoundThere and VmsError."""
    return _named(await vxg.groups.list(), word, "group")


async def _by_ids(vxg: Vxg, words: Sequence[str]) -> list[ChannelRow] | None:
    """Return some few channels by their ids, without a list of all; None where that is how they are found. Raises VmsError."""
    from vms_bridge.vxg import NotThere, WrongValue  # noqa: PLC0415  # --help has no use for the library

    if len(words) > _FEW or not all(_ID.fullmatch(word) for word in words):
        return None
    try:
        return [await vxg.channels.get(int(word)) for word in words]
    except (NotThere, WrongValue):
        return None


def _named(rows: Iterable[_Row], word: str, what: str) -> _Row:
    by_id = [row for row in rows if str(row.id) == word]
    found = by_id or [row for row in rows if row.name == word]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{row.id} {row.name}" for row in (found or list(rows))[:_SHOWN])
    if found:
        raise NotFoundThere(f"there are {len(found)} {what}s {word!r}", hint=f"name it by its id: {known}")
    raise NotFoundThere(f"there is no {what} {word!r}", hint=f"there are: {known}" if known else "there are none at all")
