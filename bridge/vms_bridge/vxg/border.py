"""Questions to VXG's API: asked again where that can help, not too often, and their answers as JSON, or as our errors.

No message ever holds a URL's query, a credential, or what is long enough to be one.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from vms_bridge.backoff import Backoff
from vms_bridge.errors import BrokeOff, GateClosed, Redirected, VmsProtocolError, VmsUnreachable
from vms_bridge.strict_json import decode
from vms_bridge.vxg.refusals import GatewayFailed, NotThere, TooBusy, WrongValue, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.vxg.lanes import Lanes
    from vms_bridge.vxg.tokens import Credential
    from vms_bridge.vxg.transport import Answer, Transport

    Query = Sequence[tuple[str, str]]

JSON_LIMIT_BYTES = 4 * 1024 * 1024
"""A thousand channels with their tokens are about one megabyte."""
MOST_TRIES = 5
PATIENCE_S = 60.0
"""Whoever is told to wait for longer is told so, instead of waiting."""
_AGAIN = frozenset({"GET", "PUT", "DELETE"})
"""What may be asked twice: it has the same effect as once."""
_FIRST_S, _LONGEST_S = 0.5, 30.0
_WRITABLE = "texts of whole characters, numbers that are finite, lists and dictionaries of such"
_JITTER = random.Random()  # noqa: S311 - that two clients do not hit together is no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question to the API at `base`, by a credential, or by none."""

    method: str
    base: str
    path: str
    query: Query = ()
    body: object = None
    credential: Credential | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it is asked, encoded. Raises ValueError for a text that is none."""
        encoded = "&".join(f"{quote(name, safe='')}={quote(value, safe=',:')}" for name, value in self.query)
        return f"{self.base}{self.path}?{encoded}" if encoded else f"{self.base}{self.path}"

    @property
    def written_body(self) -> bytes | None:
        """The body as it is sent. Raises TypeError or ValueError for what JSON has not."""
        return None if self.body is None else json.dumps(self.body, allow_nan=False).encode()


class Border:
    """Asks. `jitter(low, high)` draws by how much a wait is longer or shorter than others."""

    def __init__(
        self, transport: Transport, clock: Clock, lanes: Lanes, *, jitter: Callable[[float, float], float] = _JITTER.uniform
    ) -> None:
        self._transport, self._clock, self._lanes, self._jitter = transport, clock, lanes, jitter

    async def ask(self, question: Question) -> object:
        """Return the answer's JSON; None where it has no body. Raises VmsError."""
        backoff = Backoff(_FIRST_S, _LONGEST_S)
        host = urlsplit(question.base).netloc
        in_doubt = False
        while True:
            try:
                return await self._ask(question, host)
            except TooBusy as error:
                await self._wait_for_turn(host, error, backoff)
            except NotThere:
                if in_doubt and question.method == "DELETE":
                    return None
                raise
            except (VmsUnreachable, BrokeOff, GatewayFailed):
                wait_s = backoff.failed()
                if question.method not in _AGAIN or backoff.failures >= MOST_TRIES - 2:
                    raise
                in_doubt = True
                await self._clock.sleep(wait_s * self._jitter(0.5, 1.0))

    async def _wait_for_turn(self, host: str, error: TooBusy, backoff: Backoff) -> None:
        """Have nobody ask this host until it may be asked again. Raises TooBusy if that takes too long, or never ends."""
        wait_s = backoff.failed()
        if error.retry_after_s is not None:
            wait_s = max(error.retry_after_s, 0.1)
        if wait_s > PATIENCE_S or backoff.failures >= MOST_TRIES:
            raise error
        # Never sooner than it says; not all at the same moment.
        self._lanes.close_for(host, wait_s * self._jitter(1.0, 1.25))

    async def _ask(self, question: Question, host: str) -> object:
        async with self._lanes.turn(host):
            answer = await self._send(question)
        return self._read(question, answer)

    async def _send(self, question: Question) -> Answer:
        try:
            url, body = question.url, question.written_body
        except (TypeError, ValueError) as error:
            raise WrongValue(f"this can't be asked of {question.path}: {type(error).__name__}", hint=_WRITABLE) from None
        try:
            return await self._sent(question, url, body)
        except Redirected as error:
            # The credential goes along: to the same address with a slash at its end, and nowhere else.
            if question.method != "GET" or (slashed := _slashed(url, error.location)) is None:
                raise
            return await self._sent(question, slashed, body)

    async def _sent(self, question: Question, url: str, body: bytes | None) -> Answer:
        headers = {} if question.credential is None else {"Authorization": question.credential.header}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._transport.send(question.method, url, limit_bytes=JSON_LIMIT_BYTES, body=body, headers=headers)

    def _read(self, question: Question, answer: Answer) -> object:
        where, status = question.path, answer.status
        if status == 429:
            told = answer.retry_after_s
            said = "without saying for how long" if told is None else f"for {told:.0f} s"
            raise TooBusy(f"VXG wants to be asked less often, {said} ({where})", hint="ask for less", retry_after_s=told)
        if status < 400 and question.method != "GET" and not answer.body.strip():
            return None
        try:
            found = decode(answer.body.decode())
        except (ValueError, RecursionError):
            if status < 400:
                raise self._not_json(where, answer) from None
            found = None
        if status >= 400:
            named = "request" if question.credential is None else question.credential.kind
            gate = self._transport.login_page(where, answer.body) if found is None and status < 500 else None
            raise gate or refusal(where, status, found, named, self._transport.quoted)
        return found

    def _not_json(self, where: str, answer: Answer) -> VmsProtocolError | GateClosed:
        gate = self._transport.login_page(where, answer.body)
        if isinstance(gate, GateClosed):
            return gate
        if answer.body.lstrip()[:1] in {b"{", b"["}:
            return VmsProtocolError(f"{where} answered JSON that breaks off, or is none", hint="try again later")
        return VmsProtocolError(f"{where} answered what is no JSON (HTTP {answer.status})", hint="is it VXG that answers at url?")


def _slashed(url: str, location: str) -> str | None:
    """Return where a redirect leads, if that is the same address with a slash behind its path; None where it is another one."""
    path, mark, query = url.partition("?")
    wanted = f"{path}/{mark}{query}"
    if location.startswith("/") and not location.startswith("//"):
        parts = urlsplit(url)
        location = f"{parts.scheme}://{parts.netloc}{location}"
    return wanted if not path.endswith("/") and location in {wanted, f"{path}/"} else None
