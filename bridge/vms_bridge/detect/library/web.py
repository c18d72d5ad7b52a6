"""HTTP for scripts: bounded in size and time, to http and https alone, certificates checked; in threads, without a library.

It is the `Transport` that `vms_bridge.zoneminder.Client` wants of who uses it.
"""

from __future__ import annotations

import ssl
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from vms_bridge.concealment import Secrets
from vms_bridge.errors import Redirected, TooLarge, VmsError, VmsUnreachable
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_T = TypeVar("_T")


def _forget(_: object) -> None:
    """Have nothing to close."""


TIMEOUT_S = 30.0
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str
    date: datetime | None


class _NoRedirect(HTTPRedirectHandler):
    """A login must not go where somebody else sends it."""

    def redirect_request(self, *_: object) -> None:
        return None


class Web:
    """Questions to web servers; `verify=False` believes any certificate."""

    def __init__(self, *, verify: bool = True) -> None:
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._opener = OpenerDirector()
        for handler in (
            HTTPHandler(),
            HTTPSHandler(context=context),
            HTTPDefaultErrorHandler(),
            HTTPErrorProcessor(),
            _NoRedirect(),
        ):
            self._opener.add_handler(handler)
        self._secrets = Secrets()

    def keep_secrets(self, *texts: str | None) -> None:
        """Strike these out of whatever is said from now on."""
        self._secrets.keep_passing(*texts)

    async def send(
        self, method: str, url: str, *, limit_bytes: int, form: Mapping[str, str] | None = None, timeout_s: float | None = None
    ) -> _Answer:
        """Ask, and return the whole answer, whatever its status. Raises VmsError."""
        data = None if form is None else urlencode(form).encode()

        def ask() -> _Answer:
            with closing(self._open(url, timeout_s, data=data, method=method)) as response:
                body = response.read(limit_bytes + 1)
                if len(body) > limit_bytes:
                    raise TooLarge(f"the answer of {_place(url)} is larger than {limit_bytes} bytes")
                said = response.headers
                return _Answer(response.status, body, said.get_content_type(), _date(said.get("Date")))

        return await self.in_thread(url, ask)

    async def save(self, url: str, file: BinaryIO, *, limit_bytes: int, timeout_s: float | None = None) -> None:
        """GET into a file. Raises VmsError, also where the server says no."""

        def ask() -> None:
            with closing(self._open(url, timeout_s)) as response:
                if response.status != 200:
                    raise VmsError(f"{_place(url)} answers HTTP {response.status}")
                size = 0
                while piece := response.read(_PIECE):
                    if (size := size + len(piece)) > limit_bytes:
                        raise TooLarge(f"what {_place(url)} gives is larger than {limit_bytes} bytes")
                    file.write(piece)

        await self.in_thread(url, ask)

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        """GET, to be read piece by piece. Raises VmsError."""
        response = await self.in_thread(url, lambda: self._open(url, timeout_s, headers=headers), close=HTTPResponse.close)
        return Stream(response, self, url)

    def quoted(self, text: str, *, longest: int = 300) -> str:
        """Return what somebody else has said, on one line, without secrets."""
        shown = self._secrets.strike_foreign(text)
        return "".join(letter if letter.isprintable() else " " for letter in shown)[:longest]

    def login_page(self, where: str, body: bytes) -> None:
        """Return nothing: no login pages are known here."""
        del where, body

    def _open(
        self,
        url: str,
        timeout_s: float | None,
        *,
        data: bytes | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        request = Request(url, data, dict(headers or {}), method=method)  # noqa: S310  # the opener knows two schemes
        try:
            response: HTTPResponse = self._opener.open(request, timeout=timeout_s or TIMEOUT_S)
        except HTTPError as error:
            if 300 <= error.code < 400:
                location = error.headers.get("Location", "")
                error.close()
                raise Redirected(f"{_place(url)} sends to another place", hint="name that place", location=location) from None
            return error  # type: ignore[return-value]  # it is the answer, too
        return response

    async def in_thread(self, url: str, work: Callable[[], _T], *, close: Callable[[_T], None] = _forget) -> _T:
        """Do what blocks; what comes of it too late for anybody goes to `close`. Raises VmsError."""
        scheme = urlsplit(url).scheme
        if scheme not in {"http", "https"}:
            raise VmsError(f"{scheme!r} is no way to a web server", hint="write http:// or https://")
        try:
            answer = await in_thread("web", work, close=close)
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(url, error) from None
        except URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise _untrusted(url, error.reason) from None
            raise VmsUnreachable(f"{_place(url)} can't be reached: {self.quoted(str(error.reason))}") from None
        except VmsError:
            raise
        except (OSError, HTTPException, ValueError) as error:
            raise VmsUnreachable(f"{_place(url)} can't be reached: {self.quoted(str(error) or type(error).__name__)}") from None
        return answer


class Stream:
    """An answer that is read piece by piece."""

    def __init__(self, response: HTTPResponse, web: Web, url: str) -> None:
        self._response, self._web, self._url = response, web, url
        self.status = response.status
        self.content_type = response.headers.get_content_type()
        length = response.headers.get("Content-Length", "")
        self.length = int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else None
        self.content_range: str | None = response.headers.get("Content-Range")

    async def read(self) -> bytes:
        """Return what has come; nothing at the end. Raises VmsError."""
        return await self._web.in_thread(self._url, lambda: self._response.read(_PIECE))

    def close(self) -> None:
        """Let go of it."""
        self._response.close()


def _place(url: str) -> str:
    """Return where that is, without a login or what a query may hold."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path}"


def _untrusted(url: str, error: ssl.SSLCertVerificationError) -> VmsUnreachable:
    hint = "have the authority of its certificate trusted on this machine, or give the check up by disable_ssl_cert_check"
    return VmsUnreachable(f"the certificate of {_place(url)} is not trusted: {error.verify_message}", hint=hint)


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
