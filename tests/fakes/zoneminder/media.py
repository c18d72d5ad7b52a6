"""The fake's index.php: pictures and clips of events, as 1.36's image.php and view_video.php give them, faults included."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.fakes.zoneminder.world import FakeEvent, World

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100 + b"\xff\xd9"
ANNOTATED = b"\xff\xd8\xff\xe0" + b"with a box around it" * 50 + b"\xff\xd9"
ERROR_PAGE = "<!DOCTYPE html><html><body>You do not have permissions to access this resource.</body></html>"
"""What a view answers to a user who may not see it: HTTP 200."""
_CLIP_BYTES = 300_000
_AT_ONCE = 64 * 1024
_ASLEEP_S = 0.002
"""As exact as the loop's clock is."""
_RANGE = re.compile(r"bytes=\s*(\d+)-(\d*)", re.IGNORECASE)


def clip_of(event: FakeEvent) -> bytes:
    """Return what the event's video is made of, unless a test has given it one."""
    if isinstance(event.clip, bytes):
        return event.clip
    head = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    return head + (b"%08d" % event.id) * ((_CLIP_BYTES - len(head)) // 8)


def image(world: World, event: FakeEvent, frame: str, snapshot: bytes, content_type: str) -> web.StreamResponse:
    """Answer as image.php does."""
    missing = web.Response(status=404, content_type="text/html", charset="UTF-8")
    if frame == "objdetect_jpg":
        return web.Response(body=ANNOTATED, content_type="image/jpeg") if event.is_annotated else missing
    if frame.isdecimal():
        if int(frame) > (event.frames or 0):
            # Up to 1.36 a frame that there is none of is an answer without a word.
            return missing if world.personality.modern_modes else web.Response(content_type="text/html", charset="UTF-8")
        return web.Response(body=frame_of(event, int(frame)), content_type="image/jpeg")
    if frame == "alarm" and not event.alarm_frames:
        return missing
    if not world.has_picture(event):
        return missing
    return web.Response(body=snapshot, content_type=content_type)


def frame_of(event: FakeEvent, number: int) -> bytes:
    """Return the picture of that frame."""
    return b"\xff\xd8\xff\xe0" + b"frame %d of event %d" % (number, event.id) + b"\xff\xd9"


async def film(request: web.Request, running: dict[str, asyncio.Event], picture: bytes, every_s: float) -> web.StreamResponse:
    """Answer as zms does, until it is told to end; who goes away leaves it behind."""
    ended = running[request.query.get("connkey", "")] = asyncio.Event()
    response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=ZoneMinderFrame"})
    await response.prepare(request)
    head = f"--ZoneMinderFrame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
    with suppress(ConnectionError):
        while not ended.is_set():
            await response.write(head + picture + b"\r\n\r\n")
            await asyncio.sleep(every_s)
    return response


async def video(
    request: web.Request, event: FakeEvent, fault: str, bytes_per_s: float | None = None, *, cut: int | None = None
) -> web.StreamResponse:
    """Answer as view_video.php does: it looks at the range with an expression, and believes what it finds.

    A clip that is a file is given no faster than that; any other may break off after so many bytes.
    """
    if event.is_jpegs:
        # Its path is then that of a folder, which can be opened, has a size, and holds nothing to read.
        return await _lying(request, 4096, b"")
    file = event.clip if isinstance(event.clip, Path) else None
    size = file.stat().st_size if file is not None else len(clip_of(event))
    begin, end = 0, size - 1
    found = None if fault == "ignores-range" else _RANGE.match(request.headers.get("Range", ""))
    if found is not None:
        begin = int(found[1])
        if found[2] not in {"", "0"}:
            end = int(found[2])
    length = end - begin + 1
    if fault == "416":
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "Content-Length": str(length)}
    headers["Content-Disposition"] = f'inline; filename="{event.id}-video.mp4"'
    is_part = begin > 0 or end < size - 1
    if is_part:
        shift = 1 if fault == "another-part" else 0
        headers["Content-Range"] = f"bytes {begin + shift}-{end + shift}/{size}"
    if fault == "packed":
        headers["Content-Encoding"] = "br"
    if length < 0:
        return await _raw(request, f"HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n\r\n".encode())
    response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
    await response.prepare(request)
    if file is not None:
        with suppress(ConnectionError):  # whoever asked has had enough
            await _give_file(response, file, begin, length, bytes_per_s)
    else:
        await _give(request, response, clip_of(event)[begin : begin + length][:cut], length, fault)
    return response


async def _give_file(response: web.StreamResponse, file: Path, begin: int, length: int, bytes_per_s: float | None) -> None:
    loop = asyncio.get_running_loop()
    with file.open("rb") as opened:
        opened.seek(begin)
        left, began = length, loop.time()
        while left and (piece := opened.read(min(_AT_ONCE, left))):
            await response.write(piece)
            left -= len(piece)
            if bytes_per_s and (ahead_s := began + (length - left) / bytes_per_s - loop.time()) > _ASLEEP_S:
                await asyncio.sleep(ahead_s)


async def _give(request: web.Request, response: web.StreamResponse, body: bytes, promised: int, fault: str) -> None:
    if fault == "hangs":
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(3600)
    if fault == "short":
        body = body[: len(body) // 2]
    await response.write(body)
    if len(body) < promised and request.transport is not None:
        request.transport.close()
    if fault == "long" and request.transport is not None:
        request.transport.write(b"and more than was promised" * 100)


async def _lying(request: web.Request, promised: int, body: bytes) -> web.StreamResponse:
    """Promise more than there is, and hang up."""
    response = web.StreamResponse(headers={"Content-Type": "video/mp4", "Content-Length": str(promised)})
    await response.prepare(request)
    await response.write(body)
    if request.transport is not None:
        request.transport.close()
    return response


async def _raw(request: web.Request, answer: bytes) -> web.StreamResponse:
    """Say something that a proper server would not."""
    if request.transport is not None:
        request.transport.write(answer)
        request.transport.close()
    response = web.StreamResponse()
    response.force_close()
    return response
