"""`http.request`: what a script asks of servers outside, as far as its header and the configuration allow it.

Each URL is checked, that of a redirect too. Secrets go where they are for only, and are struck out of all that comes back.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urljoin

from pydantic import Field

from vms_bridge.errors import BodyInvalid, BridgeError, TooManyRequests
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.permissions import granted_url, require_secret, require_url
from vms_bridge.scripts.services import http_headers
from vms_bridge.scripts.services.http_client import (
    MOST_ANSWER_BYTES,
    HttpFailed,
    HttpRefused,
    HttpTimedOut,
    HttpTooLarge,
    Question,
    Reply,
    Upload,
)
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.urls import MOST_CHARACTERS, WrongUrl, parse_url
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.scripts.permissions import GrantedUrl
    from vms_bridge.scripts.services.secrets import ScriptSecrets
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.urls import Url

MOST_UPLOAD_BYTES = 512 * 1024 * 1024
MOST_REDIRECTS = 5
MOST_AT_ONCE = 8
"""By one script."""
_MOST_SECONDS = 60.0
_SEE_OTHER = frozenset({301, 302, 303})
_SAME_AGAIN = frozenset({307, 308})
_SAFE = frozenset({"GET", "HEAD"})


class Uploads(Protocol):
    """Opens media by their handles."""

    def open(self, asker: Asker, media: str, /) -> AbstractAsyncContextManager[Upload]:
        """Have it read piece by piece. Raises BridgeError."""


class Client(Protocol):
    """Asks servers."""

    async def ask(self, question: Question) -> Reply:
        """Return the answer. Raises HttpRefused, HttpFailed, HttpTooLarge."""


class SecretValue(Asked):
    """A header's value that the bridge makes of a secret: between two texts, or as the password of this user."""

    secret: str = Field(max_length=64)
    prefix: str = Field(default="", max_length=256)
    suffix: str = Field(default="", max_length=256)
    user: str | None = Field(default=None, max_length=256)


class HttpRequest(Asked):
    """What is asked for; what is sent is one of `json`, `media` and the bytes behind."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    url: str = Field(max_length=MOST_CHARACTERS)
    headers: dict[str, str | SecretValue] = Field(default_factory=dict, max_length=http_headers.MOST_HEADERS)
    content: Any = Field(default=None, alias="json")
    media: str | None = Field(default=None, max_length=64)
    timeout_s: float = Field(default=10.0, gt=0, le=_MOST_SECONDS)

    @property
    def has_json(self) -> bool:
        """Whether JSON is sent, which may be null."""
        return "content" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class _Step:
    """One request of those that redirects lead to."""

    method: str
    granted: GrantedUrl
    headers: Mapping[str, str]
    """As they are sent, secrets in them."""
    secret: Mapping[str, str]
    """Which of them hold one, and which one."""
    body: bytes | Upload | None


class HttpService:
    """Asks for scripts. A name in `local_hosts` may lead into a private network; an address may where the header names it."""

    def __init__(
        self,
        *,
        client: Client,
        secrets: ScriptSecrets,
        clock: Clock,
        uploads: Uploads | None = None,
        local_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._client, self._secrets, self._clock = client, secrets, clock
        self._uploads, self._local_hosts = uploads, local_hosts
        self._under_way: dict[str, int] = {}

    def rows(self) -> Sequence[ServiceRow]:
        """Return what scripts may ask for."""
        return (
            ServiceRow(
                what="http.request", asked=HttpRequest, do=self._request, rate=10.0, burst=20.0, most_bytes=MOST_ANSWER_BYTES
            ),
        )

    async def _request(self, asker: Asker, asked: HttpRequest, data: bytes) -> Answered:
        if self._under_way.get(asker.name, 0) >= MOST_AT_ONCE:
            raise TooManyRequests(f"{MOST_AT_ONCE} HTTP requests of this script are under way", hint="wait for their ends")
        self._under_way[asker.name] = self._under_way.get(asker.name, 0) + 1
        try:
            async with self._clock.timeout(asked.timeout_s) as limit, AsyncExitStack() as stack:
                reply = await self._follow(asker, await self._first(asker, asked, data, stack))
        except TimeoutError:
            if not limit.expired():
                raise
            hint = "it may have been done all the same; a longer time is timeout="
            raise HttpTimedOut(f"no whole answer within {asked.timeout_s:g} s", hint=hint) from None
        except BridgeError as error:
            self._strike_from(error, asker)  # a server may say them in the address that it redirects to
            raise
        finally:
            self._under_way[asker.name] -= 1
            if not self._under_way[asker.name]:
                del self._under_way[asker.name]
        return await self._answered(asker, reply)

    async def _first(self, asker: Asker, asked: HttpRequest, data: bytes, stack: AsyncExitStack) -> _Step:
        """Return the request as it is asked for."""
        granted = require_url(asker.permissions, asked.url)
        if sum((asked.has_json, asked.media is not None, bool(data))) > 1:
            raise BodyInvalid("a request sends one thing: json, a file or bytes", hint="leave the others out")
        for value in asked.headers.values():
            if isinstance(value, SecretValue):
                require_secret(asker.permissions, value.secret)
        headers = {name: self._value(asker, name, value, granted.url) for name, value in asked.headers.items()}
        http_headers.check(headers)
        body: bytes | Upload | None = data or None
        names = {name.lower() for name in headers}
        if asked.has_json:
            body = _encoded(asked.content)
            if "content-type" not in names:
                headers["Content-Type"] = "application/json"
        elif asked.media is not None:
            body = await self._opened(asker, asked.media, stack)
        if body is None and asked.method in {"POST", "PUT", "PATCH"}:
            body = b""
        secret = {name: value.secret for name, value in asked.headers.items() if isinstance(value, SecretValue)}
        return _Step(asked.method, granted, headers, secret, body)

    async def _opened(self, asker: Asker, media: str, stack: AsyncExitStack) -> Upload:
        if self._uploads is None:
            raise BodyInvalid("no media can be sent here")
        upload = await stack.enter_async_context(self._uploads.open(asker, media))
        if upload.size > MOST_UPLOAD_BYTES:
            raise HttpTooLarge(f"a file of {upload.size} bytes is too large to be sent: {MOST_UPLOAD_BYTES} at most")
        return upload

    def _value(self, asker: Asker, name: str, value: str | SecretValue, url: Url) -> str:
        if isinstance(value, str):
            return value
        if value.user is not None and (":" in value.user or value.prefix or value.suffix):
            raise BodyInvalid(f"the header {name} has a user with a colon, or a text beside it", hint="leave it out")
        secret = self._secrets.value(asker.permissions, value.secret, url, user=value.user)
        return f"{value.prefix}{secret}{value.suffix}"

    async def _follow(self, asker: Asker, step: _Step) -> Reply:
        """Return the answer at the end of all redirects."""
        for _ in range(MOST_REDIRECTS + 1):
            granted = step.granted
            is_named = granted.is_address_granted or granted.url.host in self._local_hosts
            reply = await self._client.ask(
                Question(method=step.method, url=granted.url, headers=step.headers, body=step.body, is_local_named=is_named)
            )
            if reply.status not in _SEE_OTHER | _SAME_AGAIN or not reply.location:
                return reply
            step = self._redirected(asker, step, reply.status, reply.location)
        raise HttpFailed(f"{step.granted.url.host} redirects more than {MOST_REDIRECTS} times", hint="ask for where it leads to")

    def _redirected(self, asker: Asker, step: _Step, status: int, location: str) -> _Step:
        """Return the request to where a redirect leads, as far as that is allowed. Raises HttpRefused, PermissionMissing."""
        before = step.granted.url
        try:
            url = parse_url(urljoin(str(before), location).partition("#")[0])
        except (WrongUrl, ValueError):
            raise HttpFailed(f"{before.host} redirects to an address that is none") from None
        if before.scheme == "https" and url.scheme != "https":
            raise HttpRefused(f"{before.host} redirects from https to {url.scheme}", hint="this is not followed")
        try:
            granted = granted_url(asker.permissions, url)
        except PermissionMissing as error:
            raise PermissionMissing(f"{before.host} redirects elsewhere: {error}", hint=error.hint) from None
        kept = frozenset(step.headers)
        if (before.scheme, before.host, before.port) != (url.scheme, url.host, url.port):
            kept = http_headers.for_anywhere(step.headers)
        kept -= {name for name, secret in step.secret.items() if not self._secrets.is_for(secret, url)}
        method, body = step.method, step.body
        if status == 303 or (status in _SEE_OTHER and method == "POST"):
            method, body = ("HEAD" if method == "HEAD" else "GET"), None
            kept -= {name for name in kept if name.lower().startswith("content-")}
        headers = {name: value for name, value in step.headers.items() if name in kept}
        secret = {name: each for name, each in step.secret.items() if name in kept}
        return replace(step, method=method, granted=granted, headers=headers, secret=secret, body=body)

    def _strike_from(self, error: BridgeError, asker: Asker) -> None:
        struck = self._secrets.struck_for(asker.permissions)
        if struck is not None:
            error.args = tuple(struck.strike_foreign(part) if isinstance(part, str) else part for part in error.args)
            error.hint = struck.strike_foreign(error.hint)

    async def _answered(self, asker: Asker, reply: Reply) -> Answered:
        """Return the answer without any secret that the script may have had sent, at whatever time."""
        struck = self._secrets.struck_for(asker.permissions)
        if struck is None:
            return Answered({"status": reply.status, "headers": dict(reply.headers)}, reply.body)
        headers, body = await in_thread("script-http-strike", lambda: _without(struck, reply))
        return Answered({"status": reply.status, "headers": headers}, body)


def _without(struck: Secrets, reply: Reply) -> tuple[dict[str, str], bytes]:
    headers = {struck.strike_foreign(name): struck.strike_foreign(value) for name, value in reply.headers.items()}
    text = reply.body.decode("latin-1")
    clean = struck.strike_long(text)
    return headers, reply.body if clean == text else clean.encode("latin-1")


def _encoded(content: object) -> bytes:
    try:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise BodyInvalid("this is nothing that JSON can say") from None
    return body
