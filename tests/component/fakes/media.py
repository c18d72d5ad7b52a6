"""Pictures, clips and streams of the fake: sent whole or in part, with what docs/api.md says of Range and ETag."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from aiohttp import ETag, hdrs, web

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a"
    "7190735b5d85b586909ea3abadab6780bcc9baa6c799a8aba4ffc0000b080008000801011100ffc4001f00000105010101010101000000000000000001020304"
    "05060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f024336272"
    "82090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
    "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda"
    "0008010100003f002bffd9"
)
"""A grey picture of 8 by 8 points."""
CLIP = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(number * 7 % 251 for number in range(256 * 1024 - 24))
"""What begins as an MP4 does, and is none."""
PACKETS = b"\x47\x40\x00\x10" + bytes(184)
"""The first of what a stream of MPEG-TS says."""
STREAM_TYPES = {
    "live.ts": "video/mp2t",
    "live.mp4": "video/mp4",
    "live.mjpeg": "multipart/x-mixed-replace;boundary=frame",
}
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")


async def send(request: web.Request, content: bytes, kind: str, name: str, *, is_fixed: bool) -> web.StreamResponse:
    """Answer with the content or the one part that is asked for; what is not fixed has no ETag."""
    tag = hashlib.sha256(content).hexdigest()[:24] if is_fixed else None
    headers = {hdrs.CACHE_CONTROL: "private, max-age=300" if is_fixed else "private, no-store", hdrs.ACCEPT_RANGES: "bytes"}
    if tag is not None:
        headers[hdrs.ETAG] = f'"{tag}"'
        if any(ETag(value=tag) == each or each.value == "*" for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_DISPOSITION] = f'inline; filename="{name}.{"jpg" if kind == "image/jpeg" else "mp4"}"'
    wanted = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "")) if request.method == "GET" else None
    condition = request.headers.get(hdrs.IF_RANGE)
    if wanted is None or (condition is not None and condition.strip('" ') != tag):
        return web.Response(body=content, content_type=kind, headers=headers)
    length = len(content)
    if wanted[3] is not None:
        first, last = max(0, length - int(wanted[3])), length - 1
    else:
        first, last = int(wanted[1]), min(int(wanted[2]), length - 1) if wanted[2] else length - 1
    if first > last:
        raise web.HTTPRequestRangeNotSatisfiable(headers={hdrs.CONTENT_RANGE: f"bytes */{length}"})
    headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{last}/{length}"
    return web.Response(body=content[first : last + 1], status=206, content_type=kind, headers=headers)


async def stream(
    request: web.Request, content: bytes, kind: str, ends: asyncio.Event, count: Callable[[int], None]
) -> web.StreamResponse:
    """Send a stream that goes on until it is ended, or its client goes."""
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: kind, hdrs.CACHE_CONTROL: "private, no-store"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    count(1)
    try:
        await response.write(content)
        await ends.wait()
        await response.write_eof()
    finally:
        count(-1)
    return response
