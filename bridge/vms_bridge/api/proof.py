"""How the bridge proves that it knows a token, or a pairing code, before it is told: HMACs over both sides' nonces.

An address that was learnt by discovery is an offer, and whoever answers there may be anybody. So a client asks first for a
proof which only who knows the token's SHA-256 can make. It covers what the client believes of the connection, the host that
it has named and the certificate that it sees, so that nobody in between can have the bridge make it for him.
docs/api.md describes it to the byte, for clients.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.api.connections import Door
from vms_bridge.api.visits import is_own
from vms_bridge.errors import Misdirected

if TYPE_CHECKING:
    from vms_bridge.api.config import HttpConfig
    from vms_bridge.api.visits import Visit

NONCE_BYTES = 32
_DOMAIN = "vms-bridge proof 1"
_NOBODY = secrets.token_bytes(32)
"""By this the bridge seems to prove itself to who asks for a token that there is not: so nobody learns which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What both sides have to agree on: the bridge, the host that the client has named, the certificate that it sees."""

    bridge_id: str
    host: str
    certificate: str | None = None


def binding(bridge_id: str, visit: Visit, config: HttpConfig, certificate: str | None) -> Binding:
    """Return what a proof to this visitor is bound to, the `certificate` only where he sees that one, and not a proxy's.

    Raises Misdirected for a host that may as well be another's address.
    """
    if not is_own(visit, config):
        raise Misdirected(
            "the bridge proves itself only by an address of its own, and can't tell whether this one is",
            hint=f"if it is, add {visit.named} to http.allowed_hosts, or set http.public_url",
        )
    is_seen = visit.door is Door.API and not visit.is_forwarded
    return Binding(bridge_id=bridge_id, host=visit.host, certificate=certificate if is_seen else None)


def make_nonce() -> str:
    """Return a nonce of the bridge's, in hex."""
    return secrets.token_hex(NONCE_BYTES)


def mac(key: bytes, purpose: str, bound: Binding, *nonces: str) -> str:
    """Return an HMAC-SHA256 in hex, by which who knows the key proves it; `nonces` are those of the client and of the bridge."""
    return hmac.new(key, _said(purpose, bound, nonces), hashlib.sha256).hexdigest()


def seal(key: bytes, purpose: str, bound: Binding, *nonces: str, text: str) -> str:
    """Return a text of up to 64 bytes in hex so that only who knows the key can read it; a nonce is used for one text only.

    It is XORed with an HMAC-SHA512. `unseal` is the same again.
    """
    return _xor(text.encode(), hmac.new(key, _said(purpose, bound, nonces), hashlib.sha512).digest()).hex()


def unseal(key: bytes, purpose: str, bound: Binding, *nonces: str, sealed: str) -> str | None:
    """Return the text that was sealed, None where that is none; whether it is the right one has to be found out otherwise."""
    try:
        raw = bytes.fromhex(sealed)
        return _xor(raw, hmac.new(key, _said(purpose, bound, nonces), hashlib.sha512).digest()).decode()
    except ValueError:
        return None


def key_or_nobodys(key: bytes | None, token_id: str) -> bytes:
    """Return the key or, where there is none, one of which nobody can tell that it is nobody's."""
    nobodys = hmac.new(_NOBODY, token_id.encode(), hashlib.sha256).digest()
    return nobodys if key is None else key


def _said(purpose: str, bound: Binding, nonces: tuple[str, ...]) -> bytes:
    """Return what an HMAC is over: lines that can't be mistaken for each other, for none of them can hold an end of line."""
    return "\n".join((_DOMAIN, purpose, bound.bridge_id, bound.host, bound.certificate or "-", *nonces)).encode()


def _xor(text: bytes, pad: bytes) -> bytes:
    if len(text) > len(pad):
        raise ValueError("the text is longer than what it can be sealed with")
    return bytes(one ^ other for one, other in zip(text, pad, strict=False))
