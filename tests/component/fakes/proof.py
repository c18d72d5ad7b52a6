"""HMACs of the bridge's side, written from docs/api.md anew: neither the bridge's own code nor the component's."""

from __future__ import annotations

import hashlib
import hmac

ROUNDS = 600_000
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def _said(purpose: str, bridge_id: str, host: str, certificate: str | None, nonces: tuple[str, ...]) -> bytes:
    return "\n".join(("vms-bridge proof 1", purpose, bridge_id, host, certificate or "-", *nonces)).encode()


def mac(key: bytes, purpose: str, bridge_id: str, host: str, certificate: str | None, *nonces: str) -> str:
    """Return an HMAC-SHA256 in hex."""
    return hmac.new(key, _said(purpose, bridge_id, host, certificate, nonces), hashlib.sha256).hexdigest()


def pad(key: bytes, purpose: str, bridge_id: str, host: str, certificate: str | None, *nonces: str) -> bytes:
    """Return what a text of up to 64 bytes is XORed with."""
    return hmac.new(key, _said(purpose, bridge_id, host, certificate, nonces), hashlib.sha512).digest()


def xor(text: bytes, by: bytes) -> bytes:
    """Return the text sealed, or the sealed text read."""
    return bytes(one ^ other for one, other in zip(text, by, strict=False))


def key_of_token(token: str) -> bytes:
    """Return what the bridge keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def key_of_code(code: str, bridge_id: str, nonce: str) -> bytes:
    """Return the key that is made of a pairing code. Takes a good part of a second."""
    meant = code.upper().translate(_MEANT)
    return hashlib.pbkdf2_hmac("sha256", meant.encode(), f"{bridge_id}\n{nonce}".encode(), ROUNDS)
