"""All that Home Assistant asks of a bridge goes through here: its API by HTTP (docs/api.md), on Home Assistant's own session.

The token is sent only to who has proved that it knows it. Redirects are not followed, proxies of the environment not asked, and
every answer is bounded in size and time. `live.py` has the WebSocket.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from aiohttp import hdrs

from . import proof
from .address import BASE, Address, is_link_to, path_of, target_of
from .answers import SERVED, clock_ahead_s, failure_of, read_json, read_line, refusal_of
from .errors import (
    BridgeError,
    CannotConnect,
    CertificateUntrusted,
    ConnectionLost,
    Impostor,
    NotABridge,
    OtherBridge,
    Refused,
    TokenRefused,
    Unanswered,
)
from .models import Ack, Claim, Granted, Health, Info, JsonObject, Paired, Proof, Target, scope_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from yarl import URL

__all__ = ["BASE", "Address", "BridgeClient", "CommandLine", "path_of"]
_CONNECT_S = 10.0
_ANSWER_S = 30.0
"""How long an answer may take: a search takes less than a second."""
_SILENCE_S = 60.0
"""How long nothing may come of a picture, clip or stream (the bridge lets go who takes nothing for as long), nor of a command."""
_COMMAND_S = 900.0
"""How long a command may take in all; the bridge ends the longest ones before."""
_PEEK = bytes(32)
"""The fingerprint of no certificate: with it pinned, a connection ends before anything is sent, and tells which one was shown."""
_TOKEN = re.compile(r"[a-z]{2,8}_[0-9a-z]{10}_[A-Za-z0-9_-]{16,43}")
"""No longer than what it can be sealed with."""


class CommandLine(Protocol):
    """An open WebSocket by which commands can be given, and other things said."""

    async def say(self, message: JsonObject) -> None:
        """Send a message. Raises CannotConnect where the bridge does not take it."""
        ...

    async def command(self, body: JsonObject) -> Ack:
        """Give a command, and return the final answer. Raises BridgeError, and CannotConnect where the line ends before."""
        ...


class BridgeClient:
    """A bridge at an address; each method raises BridgeError, and nothing else.

    The session is one that verifies certificates, as Home Assistant's does. With a `bridge_id` no other bridge is accepted at
    that address (OtherBridge).
    """

    def __init__(
        self, session: aiohttp.ClientSession, address: Address, token: str | None = None, *, bridge_id: str | None = None
    ) -> None:
        self.session, self.bridge_id = session, bridge_id
        self.line: CommandLine | None = None
        """The open WebSocket, while `live.follow` has one: commands go by it."""
        self._address, self._token = address, token
        self._ssl = _ssl_of(address)
        self.ahead_s = 0.0
        """How far the bridge's clock was ahead of ours when it proved itself last; a difference of less than 2 s is none."""
        self._is_proved = False
        self._date: str | None = None
        self._proving = asyncio.Lock()
        self._says_for_whom = True

    @property
    def address(self) -> Address:
        """Where the bridge is; a new address has to prove itself anew."""
        return self._address

    @address.setter
    def address(self, address: Address) -> None:
        self._address, self._ssl = address, _ssl_of(address)
        self.doubt()

    @property
    def token(self) -> str | None:
        """The token; a new one has to be known to the bridge before it is sent."""
        return self._token

    @token.setter
    def token(self, token: str | None) -> None:
        self._token = token
        self.doubt()

    @property
    def ssl(self) -> aiohttp.Fingerprint | bool:
        """What aiohttp is told of the certificate. One object for an address: connections are shared by it."""
        return self._ssl

    @property
    def place(self) -> str:
        """Where that is, for people."""
        return self._address.place

    def doubt(self) -> None:
        """Have the bridge prove itself again before it gets the token: whoever answers may be another one by now."""
        self._is_proved = False

    # What takes no token

    async def info(self) -> Info:
        """Return who answers there. Raises TooOld or TooNew for a bridge whose protocols this component does not speak."""
        info = Info.parse(await self._ask("GET", "info", shows_token=False))
        proof.check_protocol(info.lowest_protocol, info.highest_protocol)
        self.check_bridge(info.bridge_id)
        return info

    async def certificate(self) -> str | None:
        """Return the SHA-256 in hex of the certificate that is shown, whoever signed it; None without TLS. Sends nothing."""
        if not self._address.is_encrypted:
            return None
        try:
            async with self._opened("GET", self._address.api("info"), ssl=aiohttp.Fingerprint(_PEEK)):
                pass
        except _Shown as shown:
            return shown.fingerprint
        raise NotABridge(f"{self.place} shows no certificate")  # pragma: no cover - aiohttp would not have checked it

    async def prove(self) -> None:
        """Have the bridge prove that it knows the token. Raises Impostor, or TokenRefused for a text that is no token.

        Done by itself before the token is sent first, and again after anything that lets doubt whether it is still the same one.
        """
        token, nonce = self._sound_token(), proof.make_nonce()
        asked = {"token_id": proof.token_id(token), "nonce": nonce}
        said = Proof.parse(await self._ask_again("POST", "proof", asked))
        self.check_bridge(said.bridge_id)
        bound = await self._bound(said.bridge_id, said.certificate)
        if not proof.is_mac(said.mac, proof.key_of_token(token), "token", bound, nonce, said.nonce):
            raise proof.impostor(self.place)
        self._is_proved, self.ahead_s = token == self._token, clock_ahead_s(self._date)

    async def pair(self, code: str, name: str, run: Callable[..., Awaitable[Any]]) -> Granted:
        """Return a token for a pairing code, neither of which is sent as it is; `name` is that of the token.

        `run` has a function called in a thread, as `hass.async_add_executor_job`. Raises PairingRefused where the code is wrong
        or pairing closed, Impostor where who answers does not know the code either.
        """
        bridge_id, nonce = (await self.info()).bridge_id, proof.make_nonce()
        said_certificate = await self._own_certificate() if self._ssl is True else None
        bound = await self._bound(bridge_id, said_certificate)
        key: bytes = await run(proof.key_of_code, code, bridge_id, nonce)
        shown = proof.mac(key, "pair client", bound, nonce)
        body = {"name": " ".join(name.split())[:64], "nonce": nonce, "proof": shown}
        paired = Paired.parse(await self._ask("POST", "pair", body, shows_token=False))
        if not proof.is_mac(paired.mac, key, "pair bridge", bound, nonce, paired.sealed, paired.scope):
            raise Impostor(f"what answers at {self.place} does not know the code")
        token = proof.unseal(key, "pair token", bound, nonce, sealed=paired.sealed)
        if token is None or not _TOKEN.fullmatch(token):
            raise NotABridge("the token that the bridge gave is none")
        certificate = None if bound.certificate == proof.NO_CERTIFICATE else bound.certificate
        return Granted(
            token=token, token_id=paired.token_id, scope=scope_of(paired.scope), bridge_id=bridge_id, certificate=certificate
        )

    # What takes one

    async def get(self, path: str, query: Mapping[str, str | Sequence[str]] | None = None) -> JsonObject:
        """Return what is there; `path` is below /api/v1/, its parts quoted (`path_of`)."""
        return await self._ask("GET", path, query=query)

    async def post(self, path: str, body: JsonObject | None = None) -> JsonObject:
        """Have this done; return the answer, empty where there is none."""
        return await self._ask("POST", path, body or {})

    async def put(self, path: str, body: JsonObject | None = None) -> JsonObject:
        """Have it be so; return the answer, empty where there is none."""
        return await self._ask("PUT", path, body or {})

    async def delete(self, path: str) -> JsonObject:
        """Have this taken away; return the answer, empty where there is none."""
        return await self._ask("DELETE", path)

    async def scope(self) -> str:
        """Return how far the token goes: `read`, `control` or `admin`."""
        return scope_of((await self.get("tokens/self")).get("scope"))

    async def health(self) -> Health:
        """Return how the bridge fares, and its version. Raises NotAllowed for a token that is limited to some systems."""
        return Health.parse(await self.get("health"))

    async def claim(self, holder: str) -> None:
        """Say that a Home Assistant, by its instance's id, has the devices: MQTT discovery is off as long."""
        await self.post("discovery/claims", {"holder": holder})

    async def unclaim(self, holder: str) -> None:
        """Say that it has them no more."""
        await self.delete(path_of("discovery", "claims", holder))

    async def claims(self) -> tuple[Claim, ...]:
        """Return who has the devices by another way than MQTT discovery."""
        said = (await self.get("discovery")).get("claims")
        if not isinstance(said, list):
            raise NotABridge("claims is no list")
        return tuple(Claim.parse(each) for each in said)

    async def link(self, path: str, *, life: float | None = None, **query: str) -> str:
        """Return the URL that opens a picture, clip or stream (`path` below /api/v1/) without a token.

        It is good for `life` seconds at most. A stream's link is the same each time, and good as long as the token is. It leads
        to the address by which we ask.
        """
        target = target_of(path, query)
        asked: JsonObject = {"path": target} if life is None else {"path": target, "life": life}
        made = (await self.post("links", asked)).get("path")
        if not is_link_to(made, target):
            raise NotABridge("the link that the bridge made leads elsewhere")
        return f"{self._address.root}{made}"

    async def command(
        self,
        target: Target,
        command: str,
        value: object = None,
        *,
        request_id: str,
        on_behalf_of: str | None = None,
        **fields: object,
    ) -> Ack:
        """Give a command, and return what became of it, once that is known; `request_id` belongs to this one command.

        `fields` are what else it says, as `seconds`; `on_behalf_of` is whom Home Assistant acts for. It goes by the open
        WebSocket if there is one; where that breaks off, it is asked for again with the same `request_id`, and so run once all
        the same. Raises NotAllowed, NotFound, Busy, Refused (it makes no sense), and Unanswered.
        """
        body = {"system": target.system, "monitor": target.monitor, "command": command, "value": value, "request_id": request_id}
        body = {name: each for name, each in {**body, **fields}.items() if each is not None}
        if not on_behalf_of or not self._says_for_whom:
            return await self._command(body)
        try:
            return await self._command({**body, "on_behalf_of": on_behalf_of[:128]})
        except Refused as refused:
            if "on_behalf_of" not in refused.fields:
                raise
        self._says_for_whom = False  # an older bridge, which knows no such field
        return await self._command(body)

    @asynccontextmanager
    async def media(
        self,
        path: str,
        query: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        head_s: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give a picture, clip or stream as it comes: 200, 206, 304 or 416. `head_s` is how long it may take until it begins.

        There is no limit for the whole, but what does not go on for a minute ends. Reading it raises aiohttp's own errors.
        """
        await self.have_it_proved()
        shown: dict[str, str] = {hdrs.AUTHORIZATION: f"Bearer {self._sound_token()}", hdrs.ACCEPT_ENCODING: "identity"}
        sent: dict[str, str] = {hdrs.ACCEPT: "*/*", **(headers or {}), **shown}
        within_s, silence_s = head_s or _SILENCE_S, max(head_s or 0, _SILENCE_S)
        url = self._address.api(path, query)
        async with self._opened(method, url, headers=sent, within_s=within_s, silence_s=silence_s) as response:
            if response.status not in SERVED:
                raise await self._refused(response)
            yield response

    # How it is asked

    def check_bridge(self, bridge_id: str) -> None:
        """Raise OtherBridge where that is not the bridge that is meant."""
        if self.bridge_id is not None and bridge_id != self.bridge_id:
            raise OtherBridge(f"at {self.place} answers another bridge, {bridge_id}", bridge_id)

    async def have_it_proved(self) -> None:
        """Have the bridge prove itself, if it has not yet. Raises as `prove`."""
        if self._is_proved:
            return
        async with self._proving:
            if not self._is_proved:
                await self.prove()

    async def _own_certificate(self) -> str | None:
        """Return what the bridge says that its own certificate is; None where it is behind a proxy."""
        asked = {"token_id": "0" * 10, "nonce": proof.make_nonce()}
        return Proof.parse(await self._ask_again("POST", "proof", asked)).certificate

    async def _bound(self, bridge_id: str, said_certificate: str | None) -> proof.Binding:
        """Return what a proof is bound to: what we see ourselves, whatever the bridge says.

        Where the certificate was verified by its authority and name it may be a proxy's; then the bridge says that it shows none.
        """
        seen: str | None = None
        if self._address.is_encrypted:
            is_proxied = self._address.fingerprint is None and said_certificate is None
            seen = self._address.fingerprint if self._address.fingerprint or is_proxied else await self.certificate()
        return proof.Binding(bridge_id=bridge_id, host=self._address.host, certificate=seen or proof.NO_CERTIFICATE)

    async def _command(self, body: JsonObject) -> Ack:
        line = self.line
        if line is not None:
            try:
                return await line.command(body)
            except CannotConnect:
                pass  # it went on all the same, or not: asked again with its request_id it is run once
        try:
            return await self._command_by_post(body)
        except ConnectionLost:
            return await self._command_by_post(body)

    async def _command_by_post(self, body: JsonObject) -> Ack:
        await self.have_it_proved()
        headers: dict[str, str] = {
            hdrs.AUTHORIZATION: f"Bearer {self._sound_token()}",
            hdrs.ACCEPT: "application/x-ndjson",
        }
        try:
            url = self._address.api("commands")
            opened = self._opened("POST", url, body, headers=headers, within_s=_SILENCE_S, silence_s=_SILENCE_S)
            async with asyncio.timeout(_COMMAND_S), opened as response:
                if response.status != 200:
                    raise await self._refused(response)
                while line := await read_line(response, self.place, _SILENCE_S):
                    ack = Ack.parse(line)
                    if ack.is_final:
                        return ack
        except TimeoutError:
            pass
        raise Unanswered(f"{self.place} did not say what became of the command")

    async def _ask(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        *,
        query: Mapping[str, str | Sequence[str]] | None = None,
        shows_token: bool = True,
    ) -> JsonObject:
        headers: dict[str, str] = {hdrs.ACCEPT_ENCODING: "identity"}
        if shows_token:
            await self.have_it_proved()
            headers[hdrs.AUTHORIZATION] = f"Bearer {self._sound_token()}"
        async with self._opened(method, self._address.api(path, query), body, headers=headers) as response:
            if not 200 <= response.status < 300:
                raise await self._refused(response)
            return await read_json(response, self.place, _ANSWER_S)

    async def _ask_again(self, method: str, path: str, body: JsonObject) -> JsonObject:
        """Ask without a token, and once more where the connection has ended: it may have been an old one."""
        try:
            return await self._ask(method, path, body, shows_token=False)
        except ConnectionLost:
            return await self._ask(method, path, body, shows_token=False)

    async def _refused(self, response: aiohttp.ClientResponse) -> BridgeError:
        error = await refusal_of(response, self.place, _ANSWER_S)
        if isinstance(error, TokenRefused | NotABridge):
            self.doubt()
        return error

    @asynccontextmanager
    async def _opened(
        self,
        method: str,
        url: URL,
        body: JsonObject | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float | None = None,
        silence_s: float | None = None,
        ssl: aiohttp.Fingerprint | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        sent = {hdrs.ACCEPT: "application/json", **(headers or {})}
        if body is not None:
            sent[hdrs.CONTENT_TYPE] = "application/json"
        patience = aiohttp.ClientTimeout(
            total=None, connect=_CONNECT_S, sock_connect=_CONNECT_S, sock_read=silence_s or _ANSWER_S
        )
        try:
            async with asyncio.timeout(_ANSWER_S if within_s is None else within_s):
                response = await self.session.request(
                    method,
                    url,
                    data=None if body is None else json.dumps(body).encode(),
                    headers=sent,
                    allow_redirects=False,
                    ssl=self._ssl if ssl is None else ssl,
                    timeout=patience,
                )
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            raise await self._failed(error, is_peek=ssl is not None) from None
        self._date = response.headers.get(hdrs.DATE)
        try:
            yield response
        finally:
            response.release()

    async def _failed(self, error: Exception, *, is_peek: bool) -> BridgeError:
        """Return what went wrong before there was an answer."""
        self.doubt()
        if is_peek and isinstance(error, aiohttp.ServerFingerprintMismatch):
            return _Shown(error.got.hex())
        failed = failure_of(error, self.place)
        if isinstance(failed, CertificateUntrusted) and not is_peek:
            failed.fingerprint = await self.certificate()
        return failed

    def _sound_token(self) -> str:
        token = self._token
        if token is None or not _TOKEN.fullmatch(token):
            raise TokenRefused("there is no token" if token is None else "that is no token of a bridge")
        return token


class _Shown(BridgeError):
    """Which certificate is shown; nothing is wrong."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__("a certificate is shown")
        self.fingerprint = fingerprint


def _ssl_of(address: Address) -> aiohttp.Fingerprint | bool:
    return True if address.fingerprint is None else aiohttp.Fingerprint(bytes.fromhex(address.fingerprint))
