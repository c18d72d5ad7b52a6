"""How the command line comes in by the bridge's WebSocket (docs/websocket.md), and follows all that there is."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import secrets
import time
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.client import BASE, impostor, proof_lines, token_key
from vms_bridge.cli.ways import NO_API, ApiFailed
from vms_bridge.cli.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.cli.ways import Way

_PROTOCOL = 1
_WITHIN_S = 10.0
_SILENCE_S = 60.0
"""The bridge pings who says nothing after 30 s."""


class Following:
    """What comes over an open WebSocket."""

    def __init__(self, socket: WebSocket, place: str) -> None:
        self._socket, self._place = socket, place

    def items(self, within_s: float) -> list[dict[str, Any]]:
        """Return what is new, nothing where nothing comes in that time. Raises ApiFailed."""
        said = self._socket.receive(within_s)
        if said is None:
            if time.monotonic() - self._socket.heard_at > _SILENCE_S:
                raise ApiFailed(f"{self._place} does not answer", "what the bridge's log says may help")
            return []
        if not isinstance(said, dict):
            raise ApiFailed(f"{self._place} says what can't be understood", NO_API)
        if said.get("type") == "error":
            raise ApiFailed(str(said.get("text"))[:500], str(said.get("hint") or "")[:500])
        items = said.get("items", [])
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


@contextmanager
def following(way: Way, also: Mapping[str, object] = MappingProxyType({})) -> Iterator[Following]:
    """Come in, and ask for all that is current and for what changes, and for what `also` says. Raises ApiFailed."""
    token = way.token
    is_trusted = token is not None and isinstance(way.connection(_WITHIN_S), http.client.HTTPSConnection)
    headers = {"Authorization": f"Bearer {token}"} if is_trusted else {}
    socket = WebSocket.open(way, f"{BASE}/ws", headers)
    try:
        _come_in(socket, way, token)
        socket.send({"type": "subscribe", **also})
        yield Following(socket, way.place)
    finally:
        socket.close()


def _come_in(socket: WebSocket, way: Way, token: str | None) -> None:
    hello = _next(socket, way, "hello")
    lowest, highest = hello["lowest_protocol"], hello["highest_protocol"]
    if not lowest <= _PROTOCOL <= highest:
        raise ApiFailed(
            f"{way.place} speaks the protocols {lowest} to {highest}, and not {_PROTOCOL}", "use a vms-bridge of its version"
        )
    if not hello["token"]:
        socket.send({"type": "authenticate", "protocol": _PROTOCOL})
    elif token is None:
        raise ApiFailed(f"{way.place} asks for a token", NO_API)
    else:
        nonce, key = secrets.token_hex(32), token_key(token)
        token_id = token.split("_")[1] if token.count("_") > 1 else ""
        socket.send({"type": "authenticate", "protocol": _PROTOCOL, "token_id": token_id, "nonce": nonce})
        proof = str(_next(socket, way, "proof")["proof"])
        expected = hmac.new(key, proof_lines("websocket bridge", hello, socket.host, nonce), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof.encode(), expected.encode()):
            raise impostor(way)
        pad = hmac.new(key, proof_lines("websocket token", hello, socket.host, nonce), hashlib.sha512).digest()
        sealed = bytes(one ^ other for one, other in zip(token.encode(), pad, strict=False))
        socket.send({"type": "token", "sealed": sealed.hex()})
    _next(socket, way, "welcome")


def _next(socket: WebSocket, way: Way, kind: str) -> Any:  # noqa: ANN401 - JSON
    said = socket.receive(_WITHIN_S)
    if said is None:
        raise ApiFailed(f"{way.place} does not answer", "what the bridge's log says may help")
    if not isinstance(said, dict) or said.get("type") != kind:
        raise ApiFailed(f"{way.place} says what can't be understood", NO_API)
    return said
