"""URLs that scripts ask for, and patterns that grant them: both read whole, by one reading only.

What could be read in two ways (a login, a trailing dot, a percent-encoded slash, `..`, a number in place of an address) is
refused, so that what is asked for is what was granted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes

from vms_bridge.addresses import Address, WrongAddress, parse_address
from vms_bridge.http_addresses import METADATA

MOST_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9_~-]")
"""What is the same with and without percent-encoding; a dot is too, and is refused when it is encoded."""
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_LEAST_LABELS = 2


class WrongUrl(ValueError):
    """A URL or a pattern that can't be meant; `hint` says how it is written."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL in its parts, each in its one form; `address` is the host's where the host is written as one."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""
    address: IPv4Address | IPv6Address | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}{'?' if self.query else ''}{self.query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPattern:
    """Which URLs may be asked for; `url.path` may contain `*`, at whose end is anything, elsewhere what is no `/`."""

    url: Url
    is_domain: bool = False
    """Whether all hosts below this one are meant, and not itself."""

    def matches(self, url: Url) -> bool:
        """Say whether this URL may be asked for by it, whatever its query is."""
        granted = self.url
        if (granted.scheme, granted.port) != (url.scheme, url.port):
            return False
        if self.is_domain:
            return url.address is None and url.host.endswith(f".{granted.host}") and _matches_path(granted.path, url.path)
        return url.host == granted.host and _matches_path(granted.path, url.path)


def parse_url(text: str) -> Url:
    """Return a URL that is asked for. Raises WrongUrl."""
    parsed = _parsed(text)
    if "*" in parsed.host:
        raise WrongUrl("has a * in its host")
    return _url(parsed, _path(parsed.path or "/"))


def parse_pattern(text: str) -> UrlPattern:
    """Return a pattern of URLs. Raises WrongUrl."""
    scheme, separator, rest = text.partition("://")
    is_domain = rest.startswith("*.")
    parsed = _parsed(f"{scheme}{separator}{rest.removeprefix('*.')}")
    if "?" in text:
        raise WrongUrl("has a ?", "leave the query out: a path is granted with every query")
    if not parsed.path:
        raise WrongUrl("has no path", f"write {text}/* for all of it")
    url = _url(parsed, _path(parsed.path))
    if is_domain and (url.address is not None or len(url.host.split(".")) < _LEAST_LABELS):
        raise WrongUrl("is for far too many hosts", "write at least two parts behind *. such as https://*.example.org/*")
    if url.address in METADATA:
        raise WrongUrl("is where clouds tell a machine its own secrets", "this can't be granted")
    return UrlPattern(url=url, is_domain=is_domain)


def _parsed(text: str) -> Address:
    if len(text) > MOST_CHARACTERS:
        raise WrongUrl(f"has more than {MOST_CHARACTERS} characters")
    if text != text.strip():
        raise WrongUrl("has a space before or behind it")
    try:
        parsed = parse_address(text, _PORTS)
    except WrongAddress as error:
        raise WrongUrl(str(error), error.remedy) from None
    if parsed.username is not None:
        raise WrongUrl("has a user's name in it", "secrets go into headers, by their names")
    if "#" in text:
        raise WrongUrl("has a #", "leave it out: what is behind it is never sent")
    return parsed


def _url(parsed: Address, path: str) -> Url:
    host = parsed.host
    if host.endswith("."):
        raise WrongUrl("has a dot behind its host", "leave it out")
    if "%" in host:
        raise WrongUrl("has an interface in its IPv6 address", "leave it out, with the % before it")
    address: IPv4Address | IPv6Address | None = None
    if ":" in host:
        address = IPv6Address(host)
        if address.ipv4_mapped is not None:
            raise WrongUrl("has an IPv4 address in IPv6's form", f"write {address.ipv4_mapped}")
    elif _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            address = IPv4Address(host)
        except ValueError:
            raise WrongUrl("has a number as its host", "write an IPv4 address as four numbers, as in 192.168.1.20") from None
    if _BROKEN.search(parsed.query):
        raise WrongUrl("has a % that begins no percent-encoding", "write %25 for a %")
    return Url(
        scheme=parsed.scheme,
        host=host,
        port=parsed.port,
        path=path,
        query=quote(parsed.query, safe="%/?:@!$&'()*+,;=-._~"),
        address=address,
    )


def _path(path: str) -> str:
    """Return a path in its one form. Raises WrongUrl for one that some server would take for another."""
    if _BROKEN.search(path):
        raise WrongUrl("has a % that begins no percent-encoding", "write %25 for a %")
    for code in _ENCODED.findall(path):
        byte = int(code, 16)
        if (byte < 0x21 and byte != 0x20) or byte == 0x7F or chr(byte) in "./\\%*":
            raise WrongUrl(f"has %{code} in its path", "write dots and slashes as they are; others are not for paths")
    if any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
        raise WrongUrl("has . or .. between slashes", "write the path that is meant")
    if not _is_text(path):
        raise WrongUrl("has a percent-encoding that is not of UTF-8", "%C3%BC is ü: encode it as UTF-8")
    return _ENCODED.sub(_one_form, path)


def _is_text(path: str) -> bool:
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False
    return True


def _one_form(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()


def _matches_path(granted: str, path: str) -> bool:
    wanted, given = granted.split("/"), path.split("/")
    if wanted[-1].endswith("*"):
        end = len(wanted) - 1
        if len(given) <= end:
            return False
        return all(map(_matches, wanted[:end], given[:end])) and _matches(wanted[end], "/".join(given[end:]))
    return len(wanted) == len(given) and all(map(_matches, wanted, given))


def _matches(granted: str, text: str) -> bool:
    """Say whether a text is of this form, in which `*` stands for anything; as fast for any text."""
    first, *others = granted.split("*")
    if not others:
        return text == granted
    last = others.pop()
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in others:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
