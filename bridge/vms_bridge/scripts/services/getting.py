"""How pictures and clips are got for a script: from the hub, whole, in time, and no more than that."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from vms_bridge.errors import BrokeOff, VmsProtocolError
from vms_bridge.scripts.services.media import ENDINGS
from vms_bridge.scripts.services.refusals import TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.archive import OpenMedia
    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.media import Media, Medium
    from vms_bridge.scripts.services.table import Asker

_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100


async def got(media: Media, asker: Asker, opened: OpenMedia, name: str) -> Medium:
    """Read it to its end, and keep it for this worker; the name gets the ending of what it is.

    Raises VmsError for what is neither picture nor clip, or breaks off, and what `Media.add` raises.
    """
    content_type = opened.content_type.partition(";")[0].strip().lower()
    endings = ENDINGS.get(content_type)
    if endings is None:
        raise VmsProtocolError(
            f"the VMS has answered with {content_type[:40]!r}, which is no picture or clip",
            hint="its login page, or a page that says what is wrong? The VMS's own log may say",
        )
    return await media.add(asker, content_type, f"{file_name(name)}.{endings[0]}", _whole(opened))


def file_name(name: str) -> str:
    """Return what can be the name of a file on any machine: ids of events may be any text."""
    return _ODD.sub("_", name).strip("._")[:_LONGEST_NAME] or "picture"


@asynccontextmanager
async def in_time(clock: Clock, seconds: float, what: str) -> AsyncIterator[None]:
    """Have it done within that time. Raises TooSlow."""
    limit = None
    try:
        async with clock.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if limit is None or not limit.expired():
            raise
        raise TooSlow(
            f"{what} was not there within {seconds:g} s", hint="the VMS may be slow, or away; try again later"
        ) from None


async def _whole(opened: OpenMedia) -> AsyncIterator[bytes]:
    size = 0
    async for piece in opened.pieces():
        size += len(piece)
        yield piece
    if opened.length is not None and size != opened.length:
        raise BrokeOff(f"only {size} of {opened.length} bytes came", hint="try again")
