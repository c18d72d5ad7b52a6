"""Whom a credential may be shown to: the configured host, and those that somebody has listed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.addresses import WrongAddress, parse_address
from vms_bridge.errors import ConfigError
from vms_bridge.vxg.refusals import HostRefused
from vms_bridge.vxg.tokens import LKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.addresses import Address
    from vms_bridge.vxg.tokens import Credential, Place

DEFAULT_URL = "https://web.skyvr.videoexpertsgroup.com"
_PORTS = {"https": 443, "http": 80}
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|::1|localhost")
_PAGES = re.compile(r"(?i)/(?:api(?:/v\d{1,2})?|docs)(?:/.*)?$")
"""What people copy behind the host: a path of the API, or a page of its documentation."""


class Hosts:
    """The configured host (`url`, without a slash at the end), and others, each `host` or `host:port`."""

    def __init__(self, url: str, allowed: Iterable[str] = ()) -> None:
        """Read them. Raises ConfigError, which quotes nothing of the address."""
        self._address = _configured(url)
        self._path = _PAGES.sub("", self._address.path).rstrip("/")
        self.url = f"{self._address.scheme}://{self._address.place}{self._path}"
        self._allowed = frozenset(_listed(each) for each in allowed)
        self._names = {host for host, _ in self._allowed} | {self._address.host}

    def base_for(self, credential: Credential) -> str:
        """Return where a credential's API is, without a slash at the end. Raises HostRefused.

        An LKey goes to the configured host only, and so does a token that names none. Any other host is spoken to by TLS.
        """
        if isinstance(credential, LKey) or credential.place is None:
            return self.url
        place = credential.place
        if self._is_configured(place):
            return f"{self._address.scheme}://{self._address.place}{place.path or self._path}"
        port = place.tls_port or _PORTS["https"]
        if (place.host, port) not in self._allowed:
            raise HostRefused(
                f"the {credential.kind} leads to {_written(place.host, port)}, which is not listed",
                hint=f"if it is the right one, list it as allowed host {_written(place.host, port)}, or make it the url",
            )
        return f"https://{_written(place.host, port)}{place.path}"

    def is_named(self, host: str) -> bool:
        """Say whether somebody has named this host: it may be in a private network."""
        return host.lower().strip("[]") in self._names

    def _is_configured(self, place: Place) -> bool:
        own = self._address
        if place.host != own.host:
            return False
        said = place.tls_port if own.scheme == "https" else place.plain_port
        return said in {None, own.port}


def _configured(url: str) -> Address:
    try:
        address = parse_address(url, _PORTS)
    except WrongAddress as wrong:
        raise ConfigError(str(wrong), key="url", hint=wrong.remedy or f"write it as in {DEFAULT_URL}") from None
    if address.username is not None or address.query or address.fragment:
        raise ConfigError("the address has a login, a ? or a # in it", key="url", hint="give key and token beside it")
    if address.scheme == "http" and not _LOOPBACK.fullmatch(address.host):
        hint = "write https://; for a certificate that nobody else signed, fingerprint or ca_file"
        raise ConfigError("nothing is encrypted by http://, and tokens would be read by others", key="url", hint=hint)
    return address


def _listed(text: str) -> tuple[str, int]:
    host = text.strip().removeprefix("https://").rstrip("/")
    try:
        address = parse_address(f"https://{host}", _PORTS)
    except WrongAddress as wrong:
        hint = wrong.remedy or "write a host, or host:port, such as cdn.example.org"
        raise ConfigError(f"a listed host {wrong}", key="allowed_hosts", hint=hint) from None
    if (
        address.username is not None
        or address.path
        or address.query
        or address.fragment
        or "://" in text.removeprefix("https://")
    ):
        raise ConfigError("a listed host has more in it than a host and a port", key="allowed_hosts", hint="leave the rest out")
    return address.host, address.port


def _written(host: str, port: int) -> str:
    written = f"[{host}]" if ":" in host else host
    return written if port == _PORTS["https"] else f"{written}:{port}"
