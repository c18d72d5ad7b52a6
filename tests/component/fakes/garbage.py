"""Answers that no bridge gives, for every way in which a client must not be taken in by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.component.fakes.schemas import JsonObject

Kind = Literal["text", "html", "binary", "list", "empty", "nested", "huge", "wrong"]
HUGE_BYTES = 6 * 1024 * 1024
WRONG_FIELDS: JsonObject = {
    "bridge_id": 7,
    "name": [],
    "protocol": "one",
    "version": None,
    "instance": 3,
    "epoch": [],
    "nonce": 7,
    "mac": 7,
    "host": {},
    "certificate": 1,
    "sealed": "zz",
    "scope": 5,
    "token_id": [],
    "token": [],
    "systems": 7,
    "monitors": "all",
    "events": {},
    "next": [],
    "counts": 7,
    "claims": "none",
    "is_on": "yes",
    "url": 7,
    "path": [],
    "key": 7,
    "result": 9,
    "command": [],
    "commands": 7,
}
WRONG_HELLO: JsonObject = {
    "type": "hello",
    "bridge_id": 7,
    "version": [],
    "lowest_protocol": "1",
    "highest_protocol": None,
    "token": "yes",
    "nonce": 9,
}
WRONG_CHANGES: JsonObject = {
    "type": "changes",
    "seq": "one",
    "items": [
        7,
        None,
        {"what": 7},
        {"what": "system", "system": 7, "value": 3},
        {"what": "system", "system": "zm", "value": {"state": 7}},
        {"what": "monitor", "system": "zm", "monitor": None, "value": 3},
        {"what": "state", "system": "zm", "monitor": "1", "value": [1]},
        {"what": "event", "cursor": 5, "replayed": "no", "value": []},
        {"what": "bridge", "value": None},
        {"what": "notices", "value": 7},
        {"what": "synced"},
    ],
}


def body_of(kind: Kind) -> tuple[bytes, str]:  # noqa: PLR0911 - one line for each kind
    """Return an HTTP answer's body and content type."""
    match kind:
        case "text":
            return b"this is no JSON", "application/json"
        case "html":
            return b"<!doctype html><title>Router login</title>", "text/html"
        case "binary":
            return bytes(range(256)), "application/json"
        case "list":
            return b"[]", "application/json"
        case "empty":
            return b"{}", "application/json"
        case "nested":
            return b"[" * 100_000, "application/json"
        case "huge":
            return b'{"bridge_id": "' + b"x" * HUGE_BYTES + b'"}', "application/json"
        case "wrong":
            return json.dumps(WRONG_FIELDS).encode(), "application/json"


def frame_of(kind: Kind, *, is_first: bool) -> str | bytes:
    """Return a frame of a WebSocket, the first one, or one to who has subscribed."""
    match kind:
        case "wrong":
            return json.dumps(WRONG_HELLO if is_first else WRONG_CHANGES)
        case "binary":
            return bytes(range(256))
        case _:
            return body_of(kind)[0].decode()
