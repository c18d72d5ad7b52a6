"""Addresses as people write them, parsed whole: what can't be meant is refused, with the form that can.

No message quotes any part of an address: a password may be in each of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_QUAD = re.compile(r"[0-9]+(\.[0-9]+){3}")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BRACKETS = "write an IPv6 address in brackets, as in [::1] or [::1]:8883"


class WrongAddress(ValueError):
    """An address that can't be meant; `remedy` says how it is written, and is empty where the usual form says enough."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address, in its parts: `host` as resolvers take it, `port` with the scheme's own in its place, the rest as written."""

    scheme: str
    host: str
    port: int
    has_port: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = ""
    query: str = field(default="", repr=False)
    fragment: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Host and, where one is given, port as they are written in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.has_port else host


def parse_address(text: str, schemes: Mapping[str, int]) -> Address:
    """Return the parts of an address with one of these schemes (each with its usual port). Raises WrongAddress."""
    text = text.strip()
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in schemes:
        *others, last = [f"{name}://" for name in schemes]
        raise WrongAddress(f"does not start with {', '.join(others)} or {last}")
    _refuse_strange_characters(rest)
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    if "@" in tail:
        remedy = "in a user's name write %2F for /, %3F for ?, %23 for #, or name the user by username: and not in the address"
        raise WrongAddress("has an @ behind a /, ? or #, so it does not say where the host begins", remedy)
    login, at, place = authority.rpartition("@")
    username, colon, password = login.partition(":")
    if at and not username:
        raise WrongAddress("has no user before its @", "write the user's name before the @, or leave the @ out")
    host, port = _host_and_port(place)
    path, _, fragment = tail.partition("#")
    path, _, query = path.partition("?")
    return Address(
        scheme=scheme,
        host=host,
        port=schemes[scheme] if port is None else port,
        has_port=port is not None,
        username=_decoded(username) if at else None,
        password=_decoded(password) if colon else None,
        path=quote(path, safe="/%:;,=+!$&'()*~"),
        query=query,
        fragment=fragment,
    )


def _refuse_strange_characters(text: str) -> None:
    if not text.isprintable() or " " in text:
        raise WrongAddress("has a space or an invisible character in it", "write %20 for a space, and nothing behind the address")
    if "\\" in text:
        raise WrongAddress("has a \\ in it", "write / between the parts of a path, and %5C in a user's name")


def _decoded(text: str) -> str:
    """Return what the percent-encoding says."""
    if _BROKEN_PERCENT.search(text):
        raise WrongAddress("has a % that begins no percent-encoding", "write %25 for a % in a user's name")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise WrongAddress("has a percent-encoding that is not of UTF-8", "%C3%BC is ü: encode it as UTF-8") from None
    if any(character < " " or character == "\x7f" for character in decoded):
        raise WrongAddress("has a control character in the user's name", "leave it out")
    return decoded


def _host_and_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        inside, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise WrongAddress("has a [ that is not closed, or something behind its ]", _BRACKETS)
        return _ipv6(inside), _port(rest[1:])
    if place.count(":") > 1:
        raise WrongAddress("has more than one : behind the user's name", f"{_BRACKETS}; the port is a number from 1 to 65535")
    host, _, port = place.partition(":")
    number = _port(port)
    return _name(host), number


def _port(text: str) -> int | None:
    if not text:
        return None
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdigit() and 0 < len(digits) < 6 and int(digits) <= 65535):
        raise WrongAddress("has a port that is not a number from 1 to 65535")
    return int(digits)


def _ipv6(inside: str) -> str:
    address, percent, zone = inside.replace("%25", "%", 1).partition("%")
    try:
        number = IPv6Address(address)
    except AddressValueError:
        raise WrongAddress("has no IPv6 address between its brackets", _BRACKETS) from None
    if percent and not _ZONE.fullmatch(zone):
        raise WrongAddress("has no interface behind the % of its IPv6 address", "write it as in [fe80::1%eth0]")
    return f"{number}%{zone}" if percent else str(number)


def _name(host: str) -> str:
    """Return a host's name in lower case and, where it has other letters than ASCII's, as the name service knows it."""
    if not host:
        raise WrongAddress("has no host")
    try:
        encoded = host if host.isascii() else URL.build(scheme="http", host=host).raw_host or ""
    except ValueError:  # UnicodeError is one, too
        encoded = ""
    encoded = encoded.lower()
    if not _HOST.fullmatch(encoded):
        raise WrongAddress("has a host with characters that a host can't have, or too many of them")
    if _QUAD.fullmatch(encoded):
        try:
            IPv4Address(encoded)
        except AddressValueError:
            remedy = "its four numbers are from 0 to 255, without leading zeros"
            raise WrongAddress("has a host that is no IPv4 address", remedy) from None
    return encoded
