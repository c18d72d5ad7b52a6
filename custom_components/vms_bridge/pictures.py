"""Fetches pictures from a bridge: a few at a time, each bounded in size and time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs

from .client import path_of
from .const import LOGGER
from .errors import BridgeError

if TYPE_CHECKING:
    from .coordinator import VmsBridgeCoordinator

MOST_BYTES = 20 << 20
"""As large a picture as the bridge itself takes from a VMS."""
FETCH_S = 10.0
"""For so long, waiting for its turn included, a picture is waited for: Home Assistant gives up then as well."""
AT_A_TIME = 4
"""How many are fetched at a time: a dashboard of thirty cameras asks for all at once, and a bridge answers 16 for each system."""
_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture; with `etag` it is one that changes no more, by the name that the bridge has for these bytes."""

    content: bytes = field(repr=False)
    content_type: str
    etag: str | None = None


class Pictures:
    """The pictures of one bridge."""

    def __init__(self, coordinator: VmsBridgeCoordinator) -> None:
        self._coordinator = coordinator
        self._turn = asyncio.Semaphore(AT_A_TIME)

    async def fetch(self, *parts: str, known: Picture | None = None) -> Picture | None:
        """Return the picture at that path below `/api/v1/`, given in its parts; None where it can't be had now.

        Who has one from before says so by `known`, and gets that back where it is still the same.
        """
        etag = None if known is None else known.etag
        headers: dict[str, str] = {hdrs.ACCEPT: "image/*"}
        if etag is not None:
            headers[hdrs.IF_NONE_MATCH] = etag
        try:
            async with (
                asyncio.timeout(FETCH_S),
                self._turn,
                self._coordinator.client.media(path_of(*parts), headers=headers) as response,
            ):
                return known if response.status == 304 and etag is not None else await _picture(response)
        except (BridgeError, TimeoutError, aiohttp.ClientError) as error:
            LOGGER.debug("No picture by %s: %s", "/".join(parts), str(error) or "not in time")
            return None


async def _picture(response: aiohttp.ClientResponse) -> Picture | None:
    """Return the picture that is answered, None for what is none. Raises aiohttp.ClientError where it breaks off."""
    if response.status != 200 or response.content_type not in _TYPES:
        LOGGER.debug("No picture: the answer is %s, %s", response.status, response.content_type)
        return None
    content = await _whole(response)
    if not content:
        LOGGER.debug("No picture: it has more than %s bytes, or none", MOST_BYTES)
        return None
    return Picture(content, response.content_type, response.headers.get(hdrs.ETAG))


async def _whole(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the body, None where it is larger than a picture may be. Raises aiohttp.ClientError where it breaks off."""
    if (response.content_length or 0) > MOST_BYTES:
        return None
    content = bytearray()
    async for piece in response.content.iter_chunked(_PIECE_BYTES):
        content += piece
        if len(content) > MOST_BYTES:
            return None
    return bytes(content)
