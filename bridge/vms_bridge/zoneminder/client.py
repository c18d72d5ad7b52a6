"""One connection to a ZoneMinder's API: its paths, tokens and ways to say no.

Used for one attempt and thrown away. No message ever holds a URL's query: that is where the token is.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from vms_bridge.errors import GateClosed, Redirected, VmsAuthFailed
from vms_bridge.zoneminder.answers import NotJson, UnfitJson
from vms_bridge.zoneminder.auth import Authenticator
from vms_bridge.zoneminder.large_answers import Decoder
from vms_bridge.zoneminder.refusals import (
    DATABASE_HINT,
    SEARCHED_BYTES,
    AnsweredPage,
    DatabaseDown,
    EmptyAnswer,
    LoginWanted,
    interpret,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from vms_bridge.zoneminder.answers import Decoded, Remark
    from vms_bridge.zoneminder.transport import Answer, Clock, Stream, Transport

# Two thousand monitors are 7 MB.
JSON_LIMIT_BYTES = 16 * 1024 * 1024
_SMALLEST = "host/getVersion"
_ALWAYS_ANSWERED = frozenset({_SMALLEST, "host/login"})
# A second login can't mend a refusal that comes this soon after the first.
_FRESH_TOKEN_S = 30.0
_UNSIGNED = "enter a long random text as AUTH_HASH_SECRET under Options > System: ZoneMinder signs its tokens with it"
_LOGIN_HINT = "check username: and password:, and that the user is enabled and has API access"
_MAY_NOT_VIEW = "the user may lack the permission to view this"


class Client:
    """Requests below one ZoneMinder's portal (`url`), authenticated and bounded.

    `keep_secrets` gets the tokens that were received, `note` what was remarkable about an answer that could be used all the same.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        clock: Clock,
        *,
        username: str | None = None,
        password: str | None = None,
        keep_secrets: Callable[..., None] = lambda *_: None,
        note: Callable[[str, Iterable[Remark]], None] = lambda _path, _remarks: None,
    ) -> None:
        self._url, self._transport, self._note = url, transport, note
        self.auth = Authenticator(username, password, self._login, clock, keep_secrets)
        self._decoder = Decoder(clock)
        self.requests = 0

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, timeout_s: float | None = None, at: str | None = None
    ) -> object:
        """GET `api/<path>.json` and return its JSON; `at` is another server's API. Raises VmsError."""
        value, _ = await self._json("GET", path, query or {}, timeout_s=timeout_s, at=at)
        return value

    async def get_dated(
        self, path: str, query: Mapping[str, str], *, timeout_s: float | None = None
    ) -> tuple[object, datetime | None]:
        """GET as `get` does, and return too when it was answered, by the web server's clock if it says so. Raises VmsError."""
        return await self._json("GET", path, query, timeout_s=timeout_s)

    async def post(self, path: str, form: Mapping[str, str], *, timeout_s: float | None = None) -> object:
        """POST a form to `api/<path>.json` and return its JSON. Raises VmsError."""
        value, _ = await self._json("POST", path, {}, form=form, timeout_s=timeout_s)
        return value

    async def change(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
        at: str | None = None,
    ) -> object:
        """POST, PUT or DELETE at `api/<path>.json`; return the answer's JSON, None where it has none. Raises VmsError.

        What was changed is done if the status says so, whatever comes with it: ZoneMinder answers deeds with JSON, with a page,
        with a way to one, or with nothing. Who wants to be sure reads again what was changed.
        """
        token = await self.auth.token()
        url = self._api(path) if at is None else f"{at}/{path}.json"
        answer = await self._changed(method, url, _with_token({}, token), form, timeout_s)
        if answer is None:
            return None
        in_doubt = answer.status == 401 and token is not None and not _is_about_permission(answer.body)
        if in_doubt and token and await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S):
            answer = await self._changed(method, url, _with_token({}, await self.auth.token()), form, timeout_s)
            if answer is None:
                return None
        if answer.status < 400 and not answer.body.strip():
            return None
        try:
            return await self._answer(path, answer, at=at)
        except AnsweredPage:
            return None

    async def _changed(
        self, method: str, url: str, query: Mapping[str, str], form: Mapping[str, str] | None, timeout_s: float | None
    ) -> Answer | None:
        """Send it, and return the answer; None where the way to another page of ZoneMinder's is one."""
        try:
            return await self._send(method, url, query, form=form, timeout_s=timeout_s)
        except Redirected as error:
            if urlsplit(error.location).hostname in {None, urlsplit(url).hostname}:
                return None
            raise

    def quoted(self, text: str, *, longest: int = 300) -> str:
        """Return what ZoneMinder has said without secrets, and no longer than a line or two, or than that."""
        return self._transport.quoted(text, longest=longest)

    async def get_without_token(self, path: str) -> object:
        """GET without logging in, to see whether the server wants a login at all. Raises VmsError."""
        return await self._answer(path, await self._send("GET", self._api(path), {}), at=None)

    async def fetch(
        self, url: str, query: Mapping[str, str], limit_bytes: int, *, timeout_s: float | None = None
    ) -> tuple[int, str, bytes]:
        """GET anything on this server with the token: status, content type, body. Raises VmsError."""
        token = await self.auth.token()
        answer = await self._send("GET", url, _with_token(query, token), limit_bytes=limit_bytes, timeout_s=timeout_s)
        if answer.status in {401, 403} and token is not None:
            await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S)
            query = _with_token(query, await self.auth.token())
            answer = await self._send("GET", url, query, limit_bytes=limit_bytes, timeout_s=timeout_s)
        return answer.status, answer.content_type, answer.body

    async def open(
        self, url: str, query: Mapping[str, str], *, part: tuple[int, int | None] | None = None, timeout_s: float | None = None
    ) -> Stream:
        """GET anything on this server with the token, to be read piece by piece; whoever gets it closes it. Raises VmsError.

        `part` is the first byte and the last one (None: the end) that are wanted; which are given is told by the answer. That
        the token is good no more is noticed before there is anything to read.
        """
        token = await self.auth.token()
        try:
            return await self._open(url, _with_token(query, token), part, timeout_s)
        except LoginWanted:
            if token is None or not await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S):
                raise
        return await self._open(url, _with_token(query, await self.auth.token()), part, timeout_s)

    async def _open(
        self, url: str, query: Mapping[str, str], part: tuple[int, int | None] | None, timeout_s: float | None
    ) -> Stream:
        self.requests += 1
        headers = {} if part is None else {"Range": f"bytes={part[0]}-{'' if part[1] is None else part[1]}"}
        with _login_pages(url):
            stream = await self._transport.open(_target(url, query), headers=headers, timeout_s=timeout_s)
        if stream.status in {401, 403}:
            stream.close()
            raise LoginWanted(f"{urlsplit(url).path} is refused (HTTP {stream.status})", hint=_MAY_NOT_VIEW)
        return stream

    async def _login(self, form: Mapping[str, str]) -> object:
        path = "host/login"
        answer = await self._send("POST", self._api(path), {}, form=form)
        try:
            return await self._answer(path, answer, at=None)
        except GateClosed:
            raise
        except VmsAuthFailed as error:
            lacks_secret = "AUTH_HASH_SECRET" in str(error)
            raise VmsAuthFailed(
                f"ZoneMinder refused the login: {error}", hint=_UNSIGNED if lacks_secret else _LOGIN_HINT
            ) from None

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        at: str | None = None,
    ) -> tuple[object, datetime | None]:
        token = await self.auth.token()
        url = self._api(path) if at is None else f"{at}/{path}.json"
        asked = _with_token(query, token)
        answer = await self._send(method, url, asked, form=form, timeout_s=timeout_s)
        # 401 says both "not logged in" and "not allowed": one new login distinguishes them.
        in_doubt = answer.status == 401 and token is not None and not _is_about_permission(answer.body)
        if in_doubt and token and await self.auth.renew_after_refusal(token, younger_than_s=_FRESH_TOKEN_S):
            asked = _with_token(query, await self.auth.token())
            answer = await self._send(method, url, asked, form=form, timeout_s=timeout_s)
        return await self._answer(path, answer, at=at), answer.date

    async def _answer(self, path: str, answer: Answer, *, at: str | None) -> object:
        """Return the answer's JSON. Raises VmsError."""
        try:
            found: Decoded | NotJson | UnfitJson = await self._decoder.decode(answer.body)
        except (NotJson, UnfitJson) as error:
            found = error
        decoded = interpret(path, answer, found, self._transport)
        self._note(path, (replace(remark, text=self.quoted(remark.text)) for remark in decoded.remarks))
        if decoded.value is not None:
            return decoded.value
        if path in _ALWAYS_ANSWERED or not await self._answers_at_all(at):
            raise DatabaseDown("ZoneMinder answers nothing (HTTP 200 without a word)", hint=DATABASE_HINT)
        raise EmptyAnswer(
            f"api/{path} answered nothing",
            hint="ZoneMinder can't write it as JSON: is there a name or a note with strange characters?"
            " Look at the web server's error log",
        )

    async def _answers_at_all(self, at: str | None) -> bool:
        """Say whether the smallest question has an answer, of whatever kind."""
        url = self._api(_SMALLEST) if at is None else f"{at}/{_SMALLEST}.json"
        answer = await self._send("GET", url, _with_token({}, await self.auth.token()))
        return bool(answer.body.strip())

    def _api(self, path: str) -> str:
        return f"{self._url}/api/{path}.json"

    async def _send(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        limit_bytes: int = JSON_LIMIT_BYTES,
    ) -> Answer:
        self.requests += 1
        target = _target(url, query)
        with _login_pages(url):
            return await self._transport.send(method, target, form=form, timeout_s=timeout_s, limit_bytes=limit_bytes)


@contextmanager
def _login_pages(url: str) -> Iterator[None]:
    """Have ZoneMinder's way to its login page be what it means."""
    try:
        yield
    except Redirected as error:
        if "view=login" in urlsplit(error.location).query:
            raise LoginWanted(f"{urlsplit(url).path} wants a login", hint=_MAY_NOT_VIEW) from None
        raise


def _target(url: str, query: Mapping[str, str]) -> str:
    encoded = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items())
    return f"{url}?{encoded}" if encoded else url


def segments(*parts: tuple[str, str]) -> str:
    """Return CakePHP's named path segments, such as `Id >:5/MonitorId:1`, encoded."""
    return "/".join(f"{quote(name, safe='')}:{quote(value, safe='')}" for name, value in parts)


def _with_token(query: Mapping[str, str], token: str | None) -> Mapping[str, str]:
    return query if token is None else {**query, "token": token}


def _is_about_permission(body: bytes) -> bool:
    return b"nsufficient" in body[:SEARCHED_BYTES]
