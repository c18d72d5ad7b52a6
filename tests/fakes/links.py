"""Links in memory, for sinks: signed as the hub signs them; nothing is refused but what a test wants refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.fakes.backend import START
from tests.fakes.clock import FakeClock

from vms_bridge.errors import LinkKeyRefused
from vms_bridge.links import KeyPurpose, LinkKey, Terms, Uses, is_genuine, parse, sign
from vms_bridge.tokens import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vms_bridge.errors import BridgeError

SECRET = b"s" * 32


class FakeLinks:
    """Implements `links.Links`; a use lasts until a test ends it."""

    def __init__(self, bridge_id: str) -> None:
        self._bridge_id = bridge_id
        self.clock = FakeClock()
        self.usual = new_id()
        self.known: dict[str, LinkKey] = {}
        self.refusal: BridgeError | None = None
        self.lasting: set[str] = set()
        """Links of which a use lasts, by the id of their uses."""
        self.counts: Counter[str] = Counter()
        self.add(self.usual, KeyPurpose.LINKS)

    def add(self, key_id: str, purpose: KeyPurpose) -> LinkKey:
        """Have a key of this id."""
        key = self.known[key_id] = LinkKey(id=key_id, name=purpose.value, purpose=purpose, created=START)
        return key

    def signed(self, target: str, terms: Terms) -> str:
        """Return the signature of these terms, whatever they are."""
        return sign(SECRET, self._bridge_id, target, terms)

    def all(self) -> Sequence[LinkKey]:
        return list(self.known.values())

    def key(self, key_id: str) -> LinkKey | None:
        return self.known.get(key_id)

    async def create_key(self, name: str) -> LinkKey:
        if self.refusal is not None:
            raise self.refusal
        key = LinkKey(id=new_id(), name=name, purpose=KeyPurpose.NAMED, created=START)
        self.known[key.id] = key
        return key

    async def revoke_key(self, key_id: str) -> bool:
        if self.refusal is not None:
            raise self.refusal
        return self.known.pop(key_id, None) is not None

    async def sign(
        self,
        target: str,
        *,
        key: str | None = None,
        token: str | None = None,
        until: datetime | None = None,
        uses: int | None = None,
    ) -> tuple[Terms, str]:
        if self.refusal is not None:
            raise self.refusal
        if key is not None and key not in self.known:
            raise LinkKeyRefused("there is no such key for links", hint="leave it out")
        terms = Terms(key=key or self.usual, token=token, until=until, uses=None if uses is None else Uses.of(uses))
        return terms, self.signed(target, terms)

    def read(self, signature: str, target: str) -> Terms | None:
        terms = parse(signature)
        if terms is None or terms.key not in self.known or not is_genuine(signature, SECRET, self._bridge_id, target, terms):
            return None
        return None if terms.until is not None and terms.until <= self.clock.now() else terms

    def has_use(self, terms: Terms) -> bool:
        return terms.uses is None or terms.uses.id in self.lasting or self.counts[terms.uses.id] < terms.uses.most

    async def use(self, terms: Terms) -> bool:
        if self.refusal is not None:
            raise self.refusal
        if terms.uses is None or terms.uses.id in self.lasting:
            return True
        if not self.has_use(terms):
            return False
        self.lasting.add(terms.uses.id)
        self.counts[terms.uses.id] += 1
        return True
