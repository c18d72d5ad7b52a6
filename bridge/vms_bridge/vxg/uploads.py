"""Video that was recorded elsewhere, put into a channel's archive."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vms_bridge.errors import ConfigError, VmsProtocolError
from vms_bridge.vxg.fields import mapping, written
from vms_bridge.vxg.refusals import WrongValue
from vms_bridge.vxg.rows import url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from os import PathLike

    from vms_bridge.downloads import Progress
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH = "/api/v4/storage/records/upload/"
_PIECE_BYTES = 256 * 1024
_SLOWEST_BYTES_PER_S = 32 * 1024
_PATIENCE_S = 60.0


class Uploads:
    """What is sent to VXG."""

    def __init__(self, session: Session, media: Media) -> None:
        self._session, self._media = session, media

    async def recording(
        self,
        channel: ChannelRow | int,
        path: str | PathLike[str],
        time: datetime,
        duration_s: float,
        progress: Progress | None = None,
    ) -> None:
        """Put an MP4 into the archive, as recorded at this time. Raises ConfigError, WrongValue, MediaUnavailable or VmsError.

        VXG is told the duration in whole seconds, and a second at least.
        """
        if not 0 < duration_s <= 86_400:
            raise WrongValue(f"a recording of {duration_s:g} s can't be meant")
        file = await asyncio.to_thread(_opened, Path(path))
        try:
            size = await asyncio.to_thread(_size, file)
            if not size:
                raise WrongValue(f"{path} is empty")
            body = [{"time": written(time), "duration": max(1, round(duration_s)), "size": size}]
            answer = mapping(await self._session.ask_of(channel, "POST", _PATH, body=body))
            urls = answer.get("urls")
            where = url(urls[0]) if isinstance(urls, list) and urls else None
            if where is None:
                raise VmsProtocolError("VXG does not say where the recording is to be sent")
            pieces = _pieces(file, size, progress)
            await self._media.put(where, pieces, size, "video/mp4", _PATIENCE_S + size / _SLOWEST_BYTES_PER_S)
        finally:
            await asyncio.to_thread(file.close)


async def _pieces(file: BinaryIO, size: int, progress: Progress | None) -> AsyncIterator[bytes]:
    sent = 0
    while sent < size and (piece := await asyncio.to_thread(file.read, min(_PIECE_BYTES, size - sent))):
        yield piece
        sent += len(piece)
        if progress is not None:
            progress(sent, size)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}", hint="is it there, and may you read it?") from None


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2) - file.seek(0)
