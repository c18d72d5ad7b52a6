"""Links: addresses that open one picture, clip or stream to whoever has them, without a token.

A link is the route's own address with a signature as its parameter `auth`. The signature covers what is opened and the terms
on which it is, and nothing is kept of a link: what it names, and the key that signed it, decide at each use whether it is good.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

from vms_bridge.tokens import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

AUTH = "auth"
"""The parameter's name: what Home Assistant strikes out of its logs, and so does ours."""
MOST_USES = 9_999
_ID = "[0-9a-z]{10}"
_TEXT = re.compile(
    rf"1\.({_ID})\.(?:({_ID})|-)\.(?:([1-9][0-9]{{0,10}})|-)\.(?:([1-9][0-9]{{0,3}})-({_ID})|-)\.([A-Za-z0-9_-]{{43}})"
)
_LONGEST = 128


class LinkKind(StrEnum):
    """What a link to a route opens, and by that how long it is good."""

    PICTURE = "picture"
    """A picture of an event: as long as the event is not too old."""
    CLIP = "clip"
    """A clip of an event: the same."""
    TIMED = "timed"
    """What has no event whose age could count, such as a live picture: until the time in it."""
    STREAM = "stream"
    """A live stream: as long as the token for which it was made is good."""


class KeyPurpose(StrEnum):
    """Which links a key signs."""

    LINKS = "links"
    """Those that are asked for without naming a key."""
    MESSAGES = "messages"
    """Those in event messages."""
    NAMED = "named"
    """Those that are asked for by its id: it can be revoked without the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKey:
    """What is known of a key that signs links, without its secret."""

    id: str
    name: str
    purpose: KeyPurpose
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """How often a link may be used; `id` is by what its uses are counted, for two links may be the same but for that."""

    most: int
    id: str

    @classmethod
    def of(cls, most: int) -> Uses:
        """Return so many uses of a new link."""
        return cls(most=most, id=new_id())


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a link is good: as long as its key and, where one is named, its maker's token, until then, so often."""

    key: str
    token: str | None = None
    until: datetime | None = None
    """To the second."""
    uses: Uses | None = None

    def text(self) -> str:
        """Return them as they stand in a link."""
        until = "-" if self.until is None else str(int(self.until.timestamp()))
        uses = "-" if self.uses is None else f"{self.uses.most}-{self.uses.id}"
        return f"1.{self.key}.{self.token or '-'}.{until}.{uses}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLinks:
    """How event messages are given links: below the public address `url`, to these routes (None: to none of the kind)."""

    url: str
    picture: str
    clip: str | None = None


class Links(Protocol):
    """The keys that sign links, and how often links were used whose uses are limited. Looking is done in memory."""

    def all(self) -> Sequence[LinkKey]:
        """Return every key, the oldest first."""

    async def create_key(self, name: str) -> LinkKey:
        """Make a key that signs the links for which it is named. Raises LinkKeyRefused or StoreError."""

    async def revoke_key(self, key_id: str) -> bool:
        """Make a key, and every link that it has signed, good for nothing; say whether there was one. Raises StoreError."""

    async def sign(
        self,
        target: str,
        *,
        key: str | None = None,
        token: str | None = None,
        until: datetime | None = None,
        uses: int | None = None,
    ) -> tuple[Terms, str]:
        """Sign a target (`target_of`), by the key of that id or the usual one; return the terms and the signature.

        Raises LinkKeyRefused for a key that there is not, or that signs no such links, and StoreError.
        """

    def read(self, signature: str, target: str) -> Terms | None:
        """Return the terms in a signature of this target; None where it is not one of ours, or its key or time is over."""

    def key(self, key_id: str) -> LinkKey | None:
        """Return what is known of a key; None where there is none, or no more."""

    def has_use(self, terms: Terms) -> bool:
        """Say whether a link on these terms may be used now: a use of it lasts, or one is left."""

    async def use(self, terms: Terms) -> bool:
        """Count a use of a link, unless one lasts still, and say whether there was one. Raises StoreError, and counts none."""


def target_of(template: str, names: Mapping[str, str], query: Iterable[tuple[str, str]] = ()) -> str:
    """Return what is linked in the one form that is signed: a route's path with its names filled in, and the query sorted."""
    path = template.format(**{name: quote(value, safe="", errors="surrogatepass") for name, value in names.items()})
    said = urlencode(sorted(query), quote_via=quote, safe="", errors="surrogatepass")
    return f"{path}?{said}" if said else path


def address_of(target: str, signature: str) -> str:
    """Return the address by which a signed target is opened."""
    return f"{target}{'&' if '?' in target else '?'}{AUTH}={signature}"


def sign(secret: bytes, bridge_id: str, target: str, terms: Terms) -> str:
    """Return the signature: the terms in plain text, and a proof that this bridge has set them for this target."""
    said = terms.text()
    proof = hmac.new(secret, "\n".join(("vms-bridge link 1", bridge_id, target, said)).encode(), hashlib.sha256).digest()
    return f"{said}.{urlsafe_b64encode(proof).decode().rstrip('=')}"


def parse(text: str) -> Terms | None:
    """Return the terms that stand in a signature, whoever has written them; None where it is none."""
    found = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    key, token, until, most, uses_id, _ = found.groups()
    return Terms(
        key=key,
        token=token,
        until=None if until is None else datetime.fromtimestamp(int(until), UTC),
        uses=None if most is None else Uses(most=int(most), id=uses_id),
    )


def is_genuine(text: str, secret: bytes, bridge_id: str, target: str, terms: Terms) -> bool:
    """Say whether this signature, in which these terms stand, was made by this bridge with this secret for this target."""
    return hmac.compare_digest(sign(secret, bridge_id, target, terms).encode(), text.encode("utf-8", "replace"))
