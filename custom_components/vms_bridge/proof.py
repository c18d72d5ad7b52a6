"""How a bridge proves that it knows a token, or a pairing code, before it is told (docs/api.md, to the byte).

An address that was learnt by discovery is an offer, and whoever answers there may be anybody. All HMACs are bound to what the
client itself knows and sees of the connection. Nothing here waits, but `key_of_code` takes a good part of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BadAddress, Impostor, TooNew, TooOld

if TYPE_CHECKING:
    from yarl import URL

PROTOCOL = 1
"""The protocol that this component speaks."""
ROUNDS = 600_000
"""Of PBKDF2. No other number is taken from anybody."""
NO_CERTIFICATE = "-"
_DOMAIN = "vms-bridge proof 1"
_NONCE_BYTES = 32
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a proof is bound to: the bridge, the host as it is sent as `Host`, and the SHA-256 of the certificate that is seen."""

    bridge_id: str
    host: str
    certificate: str = NO_CERTIFICATE
    """In hex; `-` without TLS, and behind a proxy whose certificate was verified."""


def make_nonce() -> str:
    """Return a new nonce, in hex."""
    return secrets.token_hex(_NONCE_BYTES)


def token_id(token: str) -> str:
    """Return the id in a token; empty where it is none."""
    return token.split("_")[1] if token.count("_") > 1 else ""


def key_of_token(token: str) -> bytes:
    """Return what the bridge keeps of a token, by which it proves itself."""
    return hashlib.sha256(token.encode()).digest()


def key_of_code(code: str, bridge_id: str, nonce: str, rounds: int = ROUNDS) -> bytes:
    """Return the key that both sides make of a pairing code, however it was typed. Blocks: run it in an executor."""
    meant = code.upper().translate(_MEANT)
    return hashlib.pbkdf2_hmac("sha256", meant.encode(), f"{bridge_id}\n{nonce}".encode(), rounds)


def mac(key: bytes, purpose: str, bound: Binding, *nonces: str) -> str:
    """Return the HMAC-SHA256 in hex by which whoever knows the key proves it."""
    return hmac.new(key, _lines(purpose, bound, nonces), hashlib.sha256).hexdigest()


def is_mac(said: str, key: bytes, purpose: str, bound: Binding, *nonces: str) -> bool:
    """Say whether that is what somebody says who knows the key; takes the same time whatever it is."""
    return hmac.compare_digest(said.encode(errors="replace"), mac(key, purpose, bound, *nonces).encode())


def seal(key: bytes, purpose: str, bound: Binding, *nonces: str, text: str) -> str:
    """Return a text of up to 64 bytes in hex so that only who knows the key can read it. Raises ValueError for a longer one."""
    return _xor(text.encode(), _pad(key, purpose, bound, nonces)).hex()


def unseal(key: bytes, purpose: str, bound: Binding, *nonces: str, sealed: str) -> str | None:
    """Return the text that was sealed, None where that is none; whether it is the right one has to be known otherwise."""
    try:
        return _xor(bytes.fromhex(sealed), _pad(key, purpose, bound, nonces)).decode()
    except ValueError:
        return None


def host_of(url: URL) -> str:
    """Return what is sent as `Host` to this URL: lower case, with its port where that is not the usual one. Raises BadAddress."""
    host = url.host_port_subcomponent
    if not host:
        raise BadAddress("the address names no host")
    return host.lower()


def check_protocol(lowest: int, highest: int) -> None:
    """Raise TooOld or TooNew for a bridge that does not speak our protocol."""
    spoken = f"the bridge speaks the protocols {lowest} to {highest}, and this component {PROTOCOL}"
    if highest < PROTOCOL:
        raise TooOld(spoken)
    if lowest > PROTOCOL:
        raise TooNew(spoken)


def impostor(place: str) -> Impostor:
    """Return the error that the token was not sent to who does not know it."""
    return Impostor(f"what answers at {place} does not know the token, so it was not sent there; or the token was revoked")


def _lines(purpose: str, bound: Binding, nonces: tuple[str, ...]) -> bytes:
    """Return what an HMAC is over; whatever came from outside has to be without line ends (models.py sees to that)."""
    return "\n".join((_DOMAIN, purpose, bound.bridge_id, bound.host, bound.certificate, *nonces)).encode(errors="replace")


def _pad(key: bytes, purpose: str, bound: Binding, nonces: tuple[str, ...]) -> bytes:
    return hmac.new(key, _lines(purpose, bound, nonces), hashlib.sha512).digest()


def _xor(text: bytes, pad: bytes) -> bytes:
    if len(text) > len(pad):
        raise ValueError("the text is longer than what it can be sealed with")
    return bytes(one ^ other for one, other in zip(text, pad, strict=False))
