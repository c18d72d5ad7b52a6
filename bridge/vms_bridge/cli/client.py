"""A client of a running bridge's API, over its unix socket or, with a token, over the network.

It asks one thing at a time and waits for the answer, which is all that a verb needs: so the standard library's HTTP will do.
Several threads may use it at the same time, for each question has a connection of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlencode

from vms_bridge.cli.ways import NO_API, ApiFailed, NotReached, host_of, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vms_bridge.cli.ways import Way

BASE = "/api/v1"
_TIMEOUT_S = 60.0
"""A search takes less than a second: a bridge that is this slow hangs."""
_MOST_BYTES = 64 * 1024 * 1024
_MOST_PROBLEM_BYTES = 256 * 1024
_MOST_LINE_BYTES = 1024 * 1024
_PIECE_BYTES = 64 * 1024
_LONGEST_TEXT = 500
_LONGEST_PAUSE_S = 3_600.0
_LINES = "application/x-ndjson"


class Said(dict[str, Any]):
    """A JSON object of the bridge's; what should be in it and is not is the bridge's fault, not the program's."""

    def __missing__(self, key: str) -> NoReturn:
        raise ApiFailed(f"the answer has no {key!r} in it", NO_API)


class Opened:
    """An answer of which the body is still to come."""

    def __init__(self, connection: http.client.HTTPConnection, place: str) -> None:
        self._connection, self._place = connection, place
        self._socket: socket.socket | None = connection.sock
        self._response = connection.getresponse()
        self._failure: ApiFailed | None = None

    @property
    def status(self) -> int:
        """Its status."""
        return self._response.status

    def header(self, name: str) -> str:
        """Return what it says there, empty where it says nothing."""
        return self._response.headers.get(name, "")

    def read(self, most: int) -> bytes:
        """Return the next bytes, none at the end. Raises ApiFailed where it ends too early, once what has come is taken."""
        if self._failure is not None:
            raise self._failure
        try:
            piece = self._response.read(most)
        except http.client.IncompleteRead as error:
            self._failure, piece = _broken_off(self._place, error), error.partial
        except (OSError, http.client.HTTPException) as error:
            raise _broken_off(self._place, error) from None
        if not piece and self._response.length:
            self._failure = _broken_off(self._place, http.client.IncompleteRead(piece, self._response.length))
        if self._failure is not None and not piece:
            raise self._failure
        return piece

    def line(self) -> bytes:
        """Return the next line, empty at the end. Raises ApiFailed."""
        try:
            line = self._response.readline(_MOST_LINE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _broken_off(self._place, error) from None
        if line and not line.endswith(b"\n"):
            raise _broken_off(self._place, http.client.IncompleteRead(line))
        return line

    def whole(self, most: int, within_s: float) -> bytes:
        """Return all of it, if it is no more than that and comes in that time. Raises ApiFailed."""
        ends_at, whole = time.monotonic() + within_s, bytearray()
        while piece := self.read(min(_PIECE_BYTES, most + 1 - len(whole))):
            whole += piece
            if len(whole) > most:
                raise ApiFailed(f"{self._place} answers more than {most} bytes", "ask for less at a time")
            if time.monotonic() > ends_at:
                raise _broken_off(self._place, TimeoutError())
        return bytes(whole)

    def break_off(self) -> None:
        """Have whoever reads it in another thread read no more."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Read no more of it."""
        self._response.close()
        self._connection.close()


class Api:
    """What can be asked of a bridge; each method raises ApiFailed."""

    def __init__(self, way: Way, timeout_s: float | None = None) -> None:
        self.way = way
        self._timeout_s = _TIMEOUT_S if timeout_s is None else timeout_s
        self._is_proved = way.token is None or isinstance(way.connection(self._timeout_s), http.client.HTTPSConnection)
        """Whether a token may be sent there: a certificate has said whose address that is, or the bridge has proved itself."""

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:  # noqa: ANN401 - JSON
        """Return what is there."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """Have this done; return the answer."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """Have it be so; return the answer."""
        return self._ask("PUT", path, body)

    def delete(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Have this ended, or taken away; return the answer, if there is one."""
        return self._ask("DELETE", path)

    def pages(self, path: str, query: Sequence[tuple[str, str]], *, most: int | None, page: int) -> Iterator[Any]:
        """Yield pages, until there is none any more, or `most` things are on those that there were."""
        left, after = most, None
        while left is None or left > 0:
            size = page if left is None else min(page, left)
            asked = [*query, ("limit", str(size)), *([] if after is None else [("after", after)])]
            found = self.get(path, asked)
            yield found
            left, after = None if left is None else left - size, found["next"]
            if after is None:
                return

    def lines(self, path: str, body: object, silence_s: float) -> Iterator[Any]:
        """Have this done; yield each word on how it goes, the last of which says what became of it."""
        with self.open("POST", path, body, headers={"Accept": _LINES}, timeout_s=silence_s) as opened:
            while line := opened.line():
                yield _json(line, self.way.place, opened.status)

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        statuses: frozenset[int] = frozenset(),
    ) -> Iterator[Opened]:
        """Ask for this, and give the answer as it comes, if it is a good one, or has one of these statuses."""
        token = self.way.token
        if token is not None and not self._is_proved:
            self._have_it_proved(token)
        shown = {} if token is None else {"Authorization": f"Bearer {token}"}
        with self._opened(method, path, body, {**(headers or {}), **shown}, timeout_s or self._timeout_s) as opened:
            if opened.status >= http.client.BAD_REQUEST and opened.status not in statuses:
                raise self._refused(opened)
            yield opened

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        with self.open(method, path, body) as opened:
            return self._answer(opened)

    def _have_it_proved(self, token: str) -> None:
        """Send the token only to who knows it: whoever else answers at that address must not get it (docs/api.md)."""
        nonce, token_id = secrets.token_hex(32), token.split("_")[1] if token.count("_") > 1 else ""
        asked = {"token_id": token_id, "nonce": nonce}
        with self._opened("POST", "/proof", asked, {}, self._timeout_s) as opened:
            if opened.status >= http.client.BAD_REQUEST:
                raise self._refused(opened)
            said = self._answer(opened)
        host = host_of(self.way.connection(self._timeout_s))
        expected = hmac.new(token_key(token), proof_lines("token", said, host, nonce), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), str(said["mac"]).encode()):
            raise impostor(self.way)
        self._is_proved = True

    def _answer(self, opened: Opened) -> Any:  # noqa: ANN401 - JSON
        if opened.status == http.client.NO_CONTENT:
            return None
        said = _json(opened.whole(_MOST_BYTES, self._timeout_s), self.way.place, opened.status)
        if not isinstance(said, dict):
            raise _problem(said, opened)
        return said

    def _refused(self, opened: Opened) -> ApiFailed:
        try:
            raw = opened.whole(_MOST_PROBLEM_BYTES, self._timeout_s)
            return _problem(_json(raw, self.way.place, opened.status), opened)
        except ApiFailed as failed:
            failed.status = opened.status
            return failed

    @contextmanager
    def _opened(self, method: str, path: str, body: object, headers: Mapping[str, str], timeout_s: float) -> Iterator[Opened]:
        sent = None if body is None else json.dumps(body).encode()
        about = {"Accept": "application/json"} | ({} if sent is None else {"Content-Type": "application/json"})
        connection = self.way.connection(timeout_s)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise self.way.failure(error) from None
            try:
                connection.request(method, f"{BASE}{path}", sent, about | dict(headers))
                opened = Opened(connection, self.way.place)
            except (OSError, http.client.HTTPException) as error:
                raise _broken_off(self.way.place, error) from None
            try:
                yield opened
            finally:
                opened.close()
        finally:
            connection.close()


def token_key(token: str) -> bytes:
    """Return what the bridge keeps of a token, by which it proves itself."""
    return hashlib.sha256(token.encode()).digest()


def proof_lines(purpose: str, said: Said, host: str, nonce: str) -> bytes:
    """Return the text by which a bridge proves, where there is no TLS, that it knows a token (docs/api.md)."""
    lines = ("vms-bridge proof 1", purpose, str(said["bridge_id"]), host.lower(), "-", nonce, str(said["nonce"]))
    return "\n".join(lines).encode()


def impostor(way: Way) -> ApiFailed:
    """Return the error that the token was not sent to who does not know it."""
    return NotReached(
        f"what answers at {way.place} does not know this token, so it was not sent there",
        "the token may have been revoked, or be that of another bridge; `vms-bridge token list` there shows them",
    )


def segment(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


def _json(raw: bytes, place: str, status: int) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(raw, object_hook=Said)
    except (ValueError, RecursionError):
        raise ApiFailed(f"{place} answers {status}, and no JSON", NO_API) from None


def _problem(said: object, opened: Opened) -> ApiFailed:
    """Return what a problem (RFC 9457) says."""
    problem = said if isinstance(said, dict) else {}
    text = str(problem.get("detail") or f"the bridge answers {opened.status}")[:_LONGEST_TEXT]
    mistakes = problem.get("mistakes")
    for mistake in mistakes if isinstance(mistakes, list) else ():
        if isinstance(mistake, dict):
            text += f"; {mistake.get('field')}: {mistake.get('reason')}"
    pause = opened.header("Retry-After")
    retry_after_s = min(float(pause), _LONGEST_PAUSE_S) if pause.isascii() and pause.isdigit() else None
    return ApiFailed(text, str(problem.get("hint") or "")[:_LONGEST_TEXT], opened.status, retry_after_s)


def _broken_off(place: str, error: Exception) -> ApiFailed:
    if isinstance(error, TimeoutError):
        return ApiFailed(f"{place} does not answer", "what the bridge's log says may help")
    return ApiFailed(f"{place} broke off: {reason(error)}", NO_API)
