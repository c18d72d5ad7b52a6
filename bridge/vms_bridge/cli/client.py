"""A client of a running bridge's API, over its unix socket or, with a token, over the network.

It asks one thing at a time and waits for the answer, which is all that a verb needs: so the standard library's HTTP will do.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import socket
import ssl
import stat
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import quote, urlencode

from vms_bridge import tls
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vms_bridge.addresses import Address
    from vms_bridge.doors import TlsOptions

BASE = "/api/v1"
_TIMEOUT_S = 60.0
"""A search takes less than a second: a bridge that is this slow hangs."""
_MOST_BYTES = 64 * 1024 * 1024
_NOT_THERE = "start it with `vms-bridge run`, and with `http:` in its configuration"
_NO_API = "is that the address of a bridge, and not of what is in front of it?"
_LONGEST_TEXT = 500


class ApiFailed(BridgeError):
    """A running bridge could not be asked, or did not do what it was asked; `status` is that of its answer, if it gave one."""

    code = "api"

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Way(Protocol):
    """How to get to a bridge."""

    @property
    def place(self) -> str:
        """Where that is, for people."""

    @property
    def token(self) -> str | None:
        """What to show there; None where the system says who asks."""

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection, not open yet. Raises ApiFailed."""

    def failure(self, error: OSError) -> ApiFailed:
        """Say why no connection could be made."""


@dataclass(frozen=True, slots=True)
class SocketWay:
    """By the unix socket of a bridge on this machine."""

    path: Path
    token: None = None

    @property
    def place(self) -> str:
        """The socket's path."""
        return str(self.path)

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection to a socket that is ours, or root's; root may use that of others."""
        try:
            found = self.path.lstat()
        except OSError as error:
            raise self.failure(error) from None
        if not stat.S_ISSOCK(found.st_mode):
            raise ApiFailed(f"{self.path} is no socket", "move it away, and start the bridge again")
        if found.st_uid not in {os.geteuid(), 0} and os.geteuid() != 0:
            raise self._not_ours(found.st_uid)
        return _UnixConnection(self.path)

    def failure(self, error: OSError) -> ApiFailed:
        """Say why no connection could be made."""
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            return ApiFailed(f"no bridge is running here: nobody listens on {self.path}", _NOT_THERE)
        if isinstance(error, PermissionError):
            return self._not_ours(None)
        return ApiFailed(f"the bridge can't be reached by {self.path}: {_reason(error)}")

    def _not_ours(self, owner: int | None) -> ApiFailed:
        whose = "another user" if owner is None else f"another user, number {owner}"
        return ApiFailed(f"{self.path} belongs to {whose}", "run this as the user that runs the bridge, or as root")


@dataclass(frozen=True, slots=True)
class NetworkWay:
    """By a URL, with a token."""

    address: Address
    trust: TlsOptions
    token: str

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.address.scheme}://{self.address.place}"

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection, with TLS where the address says so."""
        host, port = self.address.host, self.address.port
        if self.address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        try:
            context = tls.client_context(self.trust)
        except tls.UnusableFile as error:
            raise ApiFailed(str(error), _in_options(error.hint)) from None
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)

    def failure(self, error: OSError) -> ApiFailed:
        """Say why no connection could be made."""
        if isinstance(error, ssl.SSLError):
            found = tls.explain(error, self.trust, "http")
            return ApiFailed(f"{self.place} can't be trusted or understood: {found.what}", _in_options(found.hint))
        return ApiFailed(f"{self.place} can't be reached: {_reason(error)}", "does `--url` lead to the bridge's `http:`?")


class Said(dict[str, Any]):
    """A JSON object of the bridge's; what should be in it and is not is the bridge's fault, not the program's."""

    def __missing__(self, key: str) -> NoReturn:
        raise ApiFailed(f"the answer has no {key!r} in it", _NO_API)


class Api:
    """What can be asked of a bridge; each method raises ApiFailed."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._is_proved = way.token is None or isinstance(way.connection(), http.client.HTTPSConnection)
        """Whether a token may be sent there: a certificate has said whose address that is, or the bridge has proved itself."""

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:  # noqa: ANN401 - JSON
        """Return what is there."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """Have this done; return the answer."""
        return self._ask("POST", path, body)

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

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        token = self._way.token
        if token is not None and not self._is_proved:
            self._have_it_proved(token)
        return self._answer(method, path, body, {} if token is None else {"Authorization": f"Bearer {token}"})

    def _have_it_proved(self, token: str) -> None:
        """Send the token only to who knows it: whoever else answers at that address must not get it (docs/api.md)."""
        nonce, token_id = secrets.token_hex(32), token.split("_")[1] if token.count("_") > 1 else ""
        said = self._answer("POST", "/proof", {"token_id": token_id, "nonce": nonce}, {})
        connection = self._way.connection()
        host = connection.host if connection.port == http.client.HTTP_PORT else f"{connection.host}:{connection.port}"
        lines = ("vms-bridge proof 1", "token", said["bridge_id"], host.lower(), "-", nonce, said["nonce"])
        expected = hmac.new(hashlib.sha256(token.encode()).digest(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), str(said["mac"]).encode()):
            raise ApiFailed(
                f"what answers at {self._way.place} does not know this token, so it was not sent there",
                "the token may have been revoked, or be that of another bridge; `vms-bridge token list` there shows them",
            )
        self._is_proved = True

    def _answer(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        sent = None if body is None else json.dumps(body).encode()
        headers = headers | {"Accept": "application/json"} | ({} if sent is None else {"Content-Type": "application/json"})
        with closing(self._way.connection()) as connection:
            try:
                connection.connect()
            except OSError as error:
                raise self._way.failure(error) from None
            try:
                connection.request(method, f"{BASE}{path}", sent, headers)
                answer = connection.getresponse()
                raw = answer.read(_MOST_BYTES + 1)
                if answer.length and len(raw) <= _MOST_BYTES:
                    raise http.client.IncompleteRead(raw, answer.length)
            except TimeoutError:
                raise ApiFailed(f"{self._way.place} does not answer", "what the bridge's log says may help") from None
            except (OSError, http.client.HTTPException) as error:
                raise ApiFailed(f"{self._way.place} broke off: {_reason(error)}", _NO_API) from None
        if answer.status == http.client.NO_CONTENT:
            return None
        if len(raw) > _MOST_BYTES:
            raise ApiFailed(f"{self._way.place} answers more than {_MOST_BYTES} bytes", "ask for less at a time")
        try:
            said = json.loads(raw, object_hook=Said)
        except ValueError:
            raise ApiFailed(f"{self._way.place} answers {answer.status}, and no JSON", _NO_API) from None
        if answer.status >= http.client.BAD_REQUEST or not isinstance(said, dict):
            raise _refused(said, answer.status)
        return said


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(str(self._path))


def segment(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


def _refused(said: object, status: int) -> ApiFailed:
    """Return what a problem (RFC 9457) says."""
    problem = said if isinstance(said, dict) else {}
    text = str(problem.get("detail") or f"the bridge answers {status}")[:_LONGEST_TEXT]
    mistakes = problem.get("mistakes")
    for mistake in mistakes if isinstance(mistakes, list) else ():
        if isinstance(mistake, dict):
            text += f"; {mistake.get('field')}: {mistake.get('reason')}"
    return ApiFailed(text, str(problem.get("hint") or "")[:_LONGEST_TEXT], status)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _in_options(hint: str) -> str:
    """Return a hint about the configuration of a door as one about the options of a verb."""
    for option in ("ca_file", "fingerprint", "url"):
        hint = hint.replace(f"{option}:", f"--{option.replace('_', '-')}")
    return hint
