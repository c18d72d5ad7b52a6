"""Answers in JSON: tagged by what they say, so that who has them already gets nothing, and compressed where that is worth it."""

from __future__ import annotations

from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import ETag, hdrs, web

from vms_bridge.entities.states import encode

if TYPE_CHECKING:
    from pydantic import BaseModel

_WORTH_BYTES = 1_024


def reply(request: web.Request, said: BaseModel, *, status: int = HTTPStatus.OK) -> web.StreamResponse:
    """Return the answer that says this."""
    return reply_raw(request, encode(said), status=status)


def reply_raw(
    request: web.Request, body: bytes, *, status: int = HTTPStatus.OK, content_type: str = "application/json"
) -> web.StreamResponse:
    """Return the answer with this JSON, or with something else that is small."""
    is_reading = request.method in {hdrs.METH_GET, hdrs.METH_HEAD}
    headers = {
        hdrs.CACHE_CONTROL: "private, no-cache" if is_reading else "no-store",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    # Weak: the same words in another coding are other bytes.
    tag = ETag(value=blake2b(body, digest_size=12).hexdigest(), is_weak=True)
    if is_reading and is_known(request, tag):
        answer = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        answer.etag = tag
        return answer
    answer = web.Response(body=body, status=status, headers=headers, content_type=content_type)
    if is_reading:
        answer.etag = tag
    if len(body) >= _WORTH_BYTES and content_type == "application/json" and takes_gzip(request):
        answer.enable_compression(web.ContentCoding.gzip)
    return answer


def is_known(request: web.Request, tag: ETag) -> bool:
    """Say whether whoever asks has it already (`If-None-Match`)."""
    known = request.if_none_match or ()
    return any(each.value in {tag.value, "*"} for each in known)


def takes_gzip(request: web.Request) -> bool:
    """Say whether whoever asks understands gzip."""
    for each in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        coding, _, quality = each.partition(";")
        if coding.strip().lower() == "gzip":
            return quality.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
