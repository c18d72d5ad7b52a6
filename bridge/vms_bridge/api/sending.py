"""Sends a picture or clip, or a part of it, as it comes from a VMS: nothing is held whole, and nothing is made up.

A VMS may hang, break off or lie about a length. What has begun then ends with its connection, so that nobody takes half a clip
for a whole one. Types that a browser would run are never handed on.
"""

from __future__ import annotations

import logging
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import ETag, hdrs, web

from vms_bridge.api import ranges
from vms_bridge.api.replies import is_known
from vms_bridge.errors import BridgeError, MediaBusy, MediaUnavailable, NoSuchEvent, VmsProtocolError, in_words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.archive import ByteRange, OpenMedia
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/mp2t": "ts",
    "video/mpeg": "mpg",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
"""What a VMS may answer with, and how such a file's name ends."""
WRITE_BYTES = 256 * 1024
STALLED_S = 60.0
"""Who takes nothing of a clip for so long is let go: there is room for a few at a time only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A picture or clip that can be sent: `open` opens it, or a part of it, as `HubView.media` does.

    `name` is what a file of it is called, without its ending; `headers` say more about it. `version` says which bytes these are,
    beside their length, as far as the VMS changes them no more (None: it may): who has them already gets nothing.
    """

    open: Callable[[ByteRange | None], AbstractAsyncContextManager[OpenMedia]]
    name: str
    version: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


async def send(request: web.Request, item: Item, clock: Clock) -> web.StreamResponse:
    """Answer with the item, or with the part of it that is asked for. Raises BridgeError as long as nothing is sent."""
    spans = ranges.parse(request.headers.get(hdrs.RANGE)) if request.method == hdrs.METH_GET else ()
    guess = spans[0].asked if len(spans) == 1 else None
    async with AsyncExitStack() as stack:
        opened = await _open(item, guess, stack)
        answer = _Answer.of(request, item, opened, spans)
        is_far = guess is None and answer.part is not None and answer.part.first > 0
        if answer.status is not HTTPStatus.NOT_MODIFIED and (is_far or not answer.is_within(opened)):
            await stack.aclose()
            opened = await stack.enter_async_context(item.open(answer.part))
            if not answer.is_within(opened):
                raise VmsProtocolError("the VMS has not given the part that was asked for")
        return await _Sending(request, clock, item).send(answer, opened)


async def _open(item: Item, guess: ByteRange | None, stack: AsyncExitStack) -> OpenMedia:
    """Open the part that is probably meant, or else the whole: which part there is shows by its length."""
    if guess is not None:
        try:
            return await stack.enter_async_context(item.open(guess))
        except (NoSuchEvent, MediaBusy):
            raise
        except MediaUnavailable:
            pass  # perhaps it has no such part
    return await stack.enter_async_context(item.open(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is to be sent: `part` of something that has `length` bytes (None: the whole, and it is not known how many)."""

    status: HTTPStatus
    content_type: str
    part: ByteRange | None
    length: int | None
    tag: ETag | None

    @classmethod
    def of(cls, request: web.Request, item: Item, opened: OpenMedia, spans: Sequence[ranges.Span]) -> _Answer:
        """Work it out. Raises RangeUnsatisfiable, and VmsProtocolError for what is no picture or clip."""
        content_type = opened.content_type.partition(";")[0].strip().lower()
        if content_type not in EXTENSIONS:
            raise VmsProtocolError(
                f"the VMS has answered with {content_type!r}, which is no picture or clip",
                hint="its login page, or a page that says what is wrong? The VMS's own log may say",
            )
        length = opened.length
        tag = _tag(item, length)
        status, part = HTTPStatus.OK, None
        if tag is not None and is_known(request, tag):
            status = HTTPStatus.NOT_MODIFIED
        elif length is not None and _is_still_meant(request, tag):
            part = ranges.resolve(spans, length)
            status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
        return cls(status=status, content_type=content_type, part=part, length=length, tag=tag)

    @property
    def bytes(self) -> int | None:
        """How many bytes are sent; None: that is not known."""
        if self.part is None or self.part.last is None:
            return self.length
        return self.part.last - self.part.first + 1

    def is_within(self, opened: OpenMedia) -> bool:
        """Say whether it can be taken from what is open."""
        if opened.part is None:
            return True
        return self.part is not None and opened.part.first == self.part.first and opened.part.last in {self.part.last, None}


class _Sending:
    """One answer on its way."""

    def __init__(self, request: web.Request, clock: Clock, item: Item) -> None:
        self._request, self._clock, self._item = request, clock, item

    async def send(self, answer: _Answer, opened: OpenMedia) -> web.StreamResponse:
        """Send it, beginning once the VMS has given something."""
        response = self._response(answer)
        if answer.status is HTTPStatus.NOT_MODIFIED or self._request.method == hdrs.METH_HEAD:
            await response.prepare(self._request)
            return response
        pieces = _cut(opened.pieces(), 0 if opened.part is not None or answer.part is None else answer.part.first, answer.bytes)
        try:
            first = await anext(pieces, b"")
            if not first and answer.bytes != 0:
                raise VmsProtocolError("the VMS has given nothing")
            await response.prepare(self._request)
            await self._pass_on(response, first, pieces, answer.bytes)
        finally:
            await pieces.aclose()
        return response

    async def _pass_on(
        self, response: web.StreamResponse, first: bytes, pieces: AsyncIterator[bytes], expected: int | None
    ) -> None:
        """Send what comes; where it does not come to its end, neither does the answer."""
        sent = 0
        try:
            sent += await self._write(response, first)
            async for piece in pieces:
                sent += await self._write(response, piece)
        except BridgeError as error:
            self._break_off(response, in_words(error))
        except TimeoutError:
            self._break_off(response, f"whoever asked for it has taken nothing for {STALLED_S:g} s")
        else:
            if expected is not None and sent < expected:
                self._break_off(response, f"the VMS has given {sent} of {expected} bytes")

    async def _write(self, response: web.StreamResponse, piece: bytes) -> int:
        """Write a piece no faster than it is taken. Raises TimeoutError, and ConnectionError where nobody takes it any more."""
        for start in range(0, len(piece), WRITE_BYTES):
            async with self._clock.timeout(STALLED_S):
                await response.write(piece[start : start + WRITE_BYTES])
        return len(piece)

    def _break_off(self, response: web.StreamResponse, why: str) -> None:
        """End the connection at once: without its end, what was sent can't be taken for the whole."""
        _LOGGER.info("%s was broken off: %s", self._item.name, why)
        response.force_close()
        if self._request.transport is not None:
            self._request.transport.abort()

    def _response(self, answer: _Answer) -> web.StreamResponse:
        is_fixed = answer.tag is not None
        response = web.StreamResponse(
            status=answer.status,
            headers={
                **self._item.headers,
                hdrs.CACHE_CONTROL: "private, max-age=300" if is_fixed else "private, no-store",
            },
        )
        response.etag = answer.tag
        if answer.status is HTTPStatus.NOT_MODIFIED:
            return response
        response.content_type = answer.content_type
        name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', self._item.name)[:100]}.{EXTENSIONS[answer.content_type]}"
        response.headers[hdrs.CONTENT_DISPOSITION] = f'inline; filename="{name}"'
        response.headers[hdrs.ACCEPT_RANGES] = "none" if answer.length is None else "bytes"
        if answer.part is not None:
            response.headers[hdrs.CONTENT_RANGE] = f"bytes {answer.part.first}-{answer.part.last}/{answer.length}"
        response.content_length = answer.bytes
        return response


async def _cut(pieces: AsyncIterator[bytes], skip: int, most: int | None) -> AsyncGenerator[bytes, None]:
    """Yield what is behind the first bytes, and no more than that; nothing is read behind it."""
    left = most
    async for whole in pieces:
        piece = whole[skip:]
        skip = max(0, skip - len(whole))
        if left is not None:
            piece = piece[:left]
            left -= len(piece)
        if piece:
            yield piece
        if left == 0:
            return


def _tag(item: Item, length: int | None) -> ETag | None:
    if item.version is None or length is None:
        return None
    return ETag(value=blake2b(f"{item.name} {item.version} {length}".encode(), digest_size=12).hexdigest())


def _is_still_meant(request: web.Request, tag: ETag | None) -> bool:
    """Say whether the part is asked for of these bytes, and not of others from before (`If-Range`)."""
    said = request.headers.get(hdrs.IF_RANGE)
    return said is None or (tag is not None and said.strip() == f'"{tag.value}"')
