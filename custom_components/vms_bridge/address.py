"""Where a bridge is, and what paths there are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from yarl import URL

from . import proof
from .errors import BadAddress, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASE = "/api/v1"
DEFAULT_PORT = 8098
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[0-9A-Za-z._:%-]{1,255}")
_PATH = re.compile(r"[!-~]{1,4000}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bridge is: a URL, and the SHA-256 in hex of its certificate where that is pinned (None: verified as usual).

    Raises BadAddress for what is no address of http or https, and for a fingerprint that could not be checked.
    """

    url: str
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        base = self.base
        if base.scheme not in {"http", "https"} or not _HOST.fullmatch(base.raw_host or ""):
            raise BadAddress("the address is no http or https URL of a host")
        if base.user is not None or base.password is not None:
            raise BadAddress("the address has a user in it")
        if base.query_string or base.fragment:
            raise BadAddress("the address has a query or a fragment in it")
        if self.fingerprint is not None and (not self.is_encrypted or not _FINGERPRINT.fullmatch(self.fingerprint)):
            raise BadAddress("a fingerprint is the SHA-256 in hex of a certificate, and only https shows one")

    @classmethod
    def parse(cls, text: str, fingerprint: str | None = None) -> Self:
        """Return the address that somebody has typed: `192.168.1.5` is `http://192.168.1.5:8098`. Raises BadAddress."""
        text = text.strip()
        root = text.rstrip("/").removesuffix(BASE).rstrip("/")
        if "://" in text:
            return cls(root, fingerprint)
        address = cls(f"http://{root}")
        base = address.base if address.base.explicit_port else address.base.with_port(DEFAULT_PORT)
        return cls(str(base).rstrip("/"), fingerprint)

    @property
    def base(self) -> URL:
        """The URL below which the API is. Raises BadAddress."""
        try:
            return URL(self.url.rstrip("/"))
        except (ValueError, UnicodeError) as error:
            raise BadAddress(str(error)) from None

    @property
    def host(self) -> str:
        """What is sent there as `Host`."""
        return proof.host_of(self.base)

    @property
    def place(self) -> str:
        """Scheme, host and port, for people."""
        return str(self.base.origin())

    @property
    def is_encrypted(self) -> bool:
        """Whether it is spoken to by TLS."""
        return self.base.scheme == "https"

    def api(self, path: str, query: Mapping[str, str | Sequence[str]] | None = None) -> URL:
        """Return the URL of a path below /api/v1/. Raises ValueError for one that would lead elsewhere."""
        return URL(f"{self.root}{BASE}/{sound_path(path)}", encoded=True).with_query(query)

    @property
    def root(self) -> str:
        """The URL before `/api/v1`, without a slash behind it."""
        return str(self.base).rstrip("/")


def path_of(*parts: str) -> str:
    """Return a path below /api/v1/ of parts as they are: `path_of("media", "events", id, "clip")`. Raises NotFound."""
    if {"", ".", ".."} & set(parts):
        raise NotFound("there can be nothing of that name")
    try:
        return "/".join(quote(part, safe="") for part in parts)
    except UnicodeError:
        raise NotFound("there can be nothing of that name") from None


def sound_path(path: str) -> str:
    """Return a path that stays below /api/v1/. Raises ValueError: who made it has to quote its parts."""
    if not _PATH.fullmatch(path) or "?" in path or "#" in path or {"", ".", ".."} & set(path.split("/")):
        raise ValueError("a path is made of quoted parts")
    return path


def target_of(path: str, query: Mapping[str, str]) -> str:
    """Return a path below /api/v1/ with its query as a link is asked for it. Raises ValueError as `sound_path`."""
    return str(URL(f"{BASE}/{sound_path(path)}", encoded=True).with_query(query))


def is_link_to(made: object, target: str) -> bool:
    """Say whether what a bridge has made is a link to that path, and can be put behind its address."""
    if not isinstance(made, str) or not _PATH.fullmatch(made) or "#" in made:
        return False
    return made.partition("?")[0] == target.partition("?")[0]
