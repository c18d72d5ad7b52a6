"""A client of the API as docs/api.md has it: it sends no token before the bridge has proved that it knows it, and never a code.

Nothing of the bridge's own is used here: this is what somebody else writes who has only the page.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp


class NotTheBridge(Exception):
    """Whoever answers there has not proved to be the bridge."""


@dataclass(frozen=True, slots=True)
class Client:
    """`url` is what discovery offers, `bridge_id` what is known since pairing; no authority is trusted."""

    url: str
    bridge_id: str

    async def pair(self, code: str, name: str) -> str:
        """Return a token for the code. Raises NotTheBridge."""
        nonce = secrets.token_hex(32)
        typed = code.upper().replace("-", "").replace("O", "0").replace("I", "1").replace("L", "1")
        key = hashlib.pbkdf2_hmac("sha256", typed.encode(), f"{self.bridge_id}\n{nonce}".encode(), 600_000)
        seen = await self._certificate()
        async with _session(seen) as session:
            proof = self._mac(key, "pair client", seen, nonce)
            said = await self._post(session, "pair", {"name": name, "nonce": nonce, "proof": proof})
        if not hmac.compare_digest(said["mac"], self._mac(key, "pair bridge", seen, nonce, said["sealed"], said["scope"])):
            raise NotTheBridge
        pad = hmac.new(key, self._lines("pair token", seen, nonce), "sha512").digest()
        return bytes(one ^ other for one, other in zip(bytes.fromhex(said["sealed"]), pad, strict=False)).decode()

    async def get(self, path: str, token: str) -> Any:  # noqa: ANN401 - JSON
        """Ask for something by the token, once whoever is there has proved to know it. Raises NotTheBridge."""
        nonce = secrets.token_hex(32)
        seen = await self._certificate()
        async with _session(seen) as session:
            said = await self._post(session, "proof", {"token_id": token.split("_")[1], "nonce": nonce})
            expected = self._mac(hashlib.sha256(token.encode()).digest(), "token", seen, nonce, said["nonce"])
            if not hmac.compare_digest(said["mac"], expected):
                raise NotTheBridge
            async with session.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}) as answer:
                return await answer.json()

    async def _certificate(self) -> str | None:
        """Return the SHA-256 of the certificate that is shown; None without TLS."""
        place = urlsplit(self.url)
        if place.scheme != "https":
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(place.hostname, place.port, ssl=context)
        shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return hashlib.sha256(shown).hexdigest()

    async def _post(self, session: aiohttp.ClientSession, what: str, body: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        async with session.post(f"{self.url}/api/v1/{what}", json=body) as answer:
            if answer.status != 200:
                raise NotTheBridge(await answer.text())
            return await answer.json()

    def _mac(self, key: bytes, purpose: str, certificate: str | None, *nonces: str) -> str:
        return hmac.new(key, self._lines(purpose, certificate, *nonces), "sha256").hexdigest()

    def _lines(self, purpose: str, certificate: str | None, *nonces: str) -> bytes:
        host = urlsplit(self.url).netloc
        return "\n".join(("vms-bridge proof 1", purpose, self.bridge_id, host, certificate or "-", *nonces)).encode()


def _session(certificate: str | None) -> aiohttp.ClientSession:
    """Open one that speaks with nobody who shows another certificate than that."""
    pin = None if certificate is None else aiohttp.Fingerprint(bytes.fromhex(certificate))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=pin or True))
