"""The ways to a running bridge's API: its unix socket or, with a token, an address in the network."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vms_bridge import tls
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.addresses import Address
    from vms_bridge.doors import TlsOptions

_NOT_THERE = "start it with `vms-bridge run`, and with `http:` in its configuration"
NO_API = "is that the address of a bridge, and not of what is in front of it?"


class ApiFailed(BridgeError):
    """A running bridge could not be asked, or did not do what it was asked.

    `status` is that of its answer, if it gave one, and `retry_after_s` how long it wants to be left alone.
    """

    code = "api"

    def __init__(self, message: str, hint: str = "", status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status, self.retry_after_s = status, retry_after_s


class NotReached(ApiFailed):
    """Nothing of what was to be asked has been sent."""


class Way(Protocol):
    """How to get to a bridge."""

    @property
    def place(self) -> str:
        """Where that is, for people."""

    @property
    def token(self) -> str | None:
        """What to show there; None where the system says who asks."""

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a new connection, not open yet, on which each step has so long. Raises ApiFailed."""

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

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection to a socket that is ours, or root's; root may use that of others."""
        try:
            found = self.path.lstat()
        except OSError as error:
            raise self.failure(error) from None
        if not stat.S_ISSOCK(found.st_mode):
            raise NotReached(f"{self.path} is no socket", "move it away, and start the bridge again")
        if found.st_uid not in {os.geteuid(), 0} and os.geteuid() != 0:
            raise self._not_ours(found.st_uid)
        return _UnixConnection(self.path, timeout_s)

    def failure(self, error: OSError) -> ApiFailed:
        """Say why no connection could be made."""
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            return NotReached(f"no bridge is running here: nobody listens on {self.path}", _NOT_THERE)
        if isinstance(error, PermissionError):
            return self._not_ours(None)
        return NotReached(f"the bridge can't be reached by {self.path}: {reason(error)}")

    def _not_ours(self, owner: int | None) -> ApiFailed:
        whose = "another user" if owner is None else f"another user, number {owner}"
        return NotReached(f"{self.path} belongs to {whose}", "run this as the user that runs the bridge, or as root")


@dataclass(frozen=True, slots=True)
class NetworkWay:
    """By a URL, with a token."""

    address: Address
    trust: TlsOptions
    token: str = field(repr=False)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.address.scheme}://{self.address.place}"

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection, with TLS where the address says so."""
        host, port = self.address.host, self.address.port
        if self.address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        try:
            context = tls.client_context(self.trust)
        except tls.UnusableFile as error:
            raise NotReached(str(error), _in_options(error.hint)) from None
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)

    def failure(self, error: OSError) -> ApiFailed:
        """Say why no connection could be made."""
        if isinstance(error, ssl.SSLError):
            found = tls.explain(error, self.trust, "http")
            return NotReached(f"{self.place} can't be trusted or understood: {found.what}", _in_options(found.hint))
        return NotReached(f"{self.place} can't be reached: {reason(error)}", "does `--url` lead to the bridge's `http:`?")


def host_of(connection: http.client.HTTPConnection) -> str:
    """Return what is sent there as `Host`."""
    usual = http.client.HTTPS_PORT if isinstance(connection, http.client.HTTPSConnection) else http.client.HTTP_PORT
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return host if connection.port == usual else f"{host}:{connection.port}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path, self._timeout_s = path, timeout_s

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(str(self._path))


def reason(error: Exception) -> str:
    """Return what went wrong, in words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _in_options(hint: str) -> str:
    """Return a hint about the configuration of a door as one about the options of a verb."""
    for option in ("ca_file", "fingerprint", "url"):
        hint = hint.replace(f"{option}:", f"--{option.replace('_', '-')}")
    return hint
