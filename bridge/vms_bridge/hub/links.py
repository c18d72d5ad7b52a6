"""Links at the hub: the keys that sign them, in memory for whoever looks, and what event messages are given."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.errors import LinkKeyRefused, StoreError
from vms_bridge.hub.text import shown
from vms_bridge.links import KeyPurpose, LinkKey, Terms, Uses, address_of, is_genuine, parse, sign, target_of
from vms_bridge.store.links import KeptKey, KeptLinks, Used
from vms_bridge.tokens import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.chores import Chore
    from vms_bridge.links import MessageLinks
    from vms_bridge.model import Event, EventRef
    from vms_bridge.store import Store

MOST_KEYS = 64
MOST_USED = 1_000
"""How many links may be in use whose uses are limited."""
USE = timedelta(minutes=10)
"""How long a use of a link lasts from when it is opened, however often it is asked for meanwhile."""
_NAME_CHARACTERS = 64
_LOOK_S = 15.0
_SCOPE, _REVOKED = "links", "revoked"
_MOST_REVOKED = 1_000
_KEPT = timedelta(days=1)
"""For how long uses are remembered after a link's end: the machine's clock may have been wrong."""
_NOBODYS = secrets.token_bytes(32)


class HubLinks:
    """See `links.Links`. What is not loaded is tried again whenever it is needed, and while `run` runs."""

    def __init__(self, store: Store, clock: Clock, keeping: Chore) -> None:
        self._store, self._clock, self._keeping = store, clock, keeping
        self._keys: dict[str, LinkKey] = {}
        self._secrets: dict[str, bytes] = {}
        self._used: Mapping[str, Used] = {}
        self._is_loaded = False
        self._changing = asyncio.Lock()
        self._wanted: MessageLinks | None = None

    async def load(self) -> None:
        """Take up what is kept; where that fails it is told, and no link is good until it can be read."""
        await self._keeping.attempt(self._ready())

    async def run(self) -> None:
        """See that what is kept is loaded, and that there is a key for messages where they are to have links, until cancelled."""
        while True:
            await self._keeping.attempt(self._ready())
            await self._clock.sleep(_LOOK_S)

    async def give(self, wanted: MessageLinks | None) -> None:
        """Have event messages from now on given links in this way; None: none."""
        self._wanted = wanted
        await self._keeping.attempt(self._ready())

    def of_event(self, ref: EventRef, event: Event) -> tuple[str | None, str | None]:
        """Return the links to picture and clip that a message of the event is given; None where there is nothing to be seen."""
        wanted, key = self._wanted, self._usual(KeyPurpose.MESSAGES)
        if wanted is None or key is None or event.deleted:
            return None, None
        picture = wanted.picture if event.snapshot_ready else None
        clip = wanted.clip if event.clip_ready else None
        return self._in_message(wanted.url, picture, ref, key), self._in_message(wanted.url, clip, ref, key)

    def all(self) -> Sequence[LinkKey]:
        """Return every key, the oldest first."""
        return sorted(self._keys.values(), key=lambda key: key.created)

    def key(self, key_id: str) -> LinkKey | None:
        """Return what is known of a key."""
        return self._keys.get(key_id)

    async def create_key(self, name: str) -> LinkKey:
        """Make a key for links that name it. Raises LinkKeyRefused or StoreError."""
        if not name or len(name) > _NAME_CHARACTERS or shown(name) != name:
            raise LinkKeyRefused("a key needs a name", hint=f"one of 1 to {_NAME_CHARACTERS} characters that can be shown")
        async with self._changing:
            await self._loaded()
            if sum(key.purpose is KeyPurpose.NAMED for key in self._keys.values()) >= MOST_KEYS:
                raise LinkKeyRefused(f"there are {MOST_KEYS} keys already", hint="revoke those whose links nobody needs any more")
            return await self._make(name, KeyPurpose.NAMED)

    async def revoke_key(self, key_id: str) -> bool:
        """Make a key good for nothing, at once. Raises StoreError: a restart may bring it back."""
        async with self._changing:
            await self._loaded()
            if key_id not in self._secrets:
                return False
            # It is good for nothing at once; its secret stays until that is kept, so that who has failed can try again.
            known = self._keys.pop(key_id, None)
            await self._store.keep(_SCOPE, _REVOKED, json.dumps([*await self._revoked(), key_id][-_MOST_REVOKED:]))
            await self._save()
            del self._secrets[key_id]
        if known is None or known.purpose is KeyPurpose.MESSAGES:
            await self._keeping.attempt(self._ready())
        return True

    async def sign(
        self,
        target: str,
        *,
        key: str | None = None,
        token: str | None = None,
        until: datetime | None = None,
        uses: int | None = None,
    ) -> tuple[Terms, str]:
        """Sign a target. Raises LinkKeyRefused or StoreError."""
        signing = await self._usual_key(KeyPurpose.LINKS) if key is None else self._keys.get(key)
        if signing is None or signing.purpose is KeyPurpose.MESSAGES:
            raise LinkKeyRefused("there is no such key for links", hint="leave it out: there is one that signs all other links")
        terms = Terms(key=signing.id, token=token, until=until, uses=None if uses is None else Uses.of(uses))
        return terms, sign(self._secrets[signing.id], self._store.bridge_id, target, terms)

    def read(self, signature: str, target: str) -> Terms | None:
        """Return the terms in a signature of this target; it takes as long for a key that there is not."""
        terms = parse(signature)
        if terms is None:
            return None
        secret = self._secrets.get(terms.key, _NOBODYS)
        if not is_genuine(signature, secret, self._store.bridge_id, target, terms) or terms.key not in self._keys:
            return None
        return None if terms.until is not None and terms.until <= self._clock.now() else terms

    def has_use(self, terms: Terms) -> bool:
        """Say whether a link on these terms may be used now."""
        if terms.uses is None:
            return True
        known = self._used.get(terms.uses.id)
        return known is None or self._lasts(known) or known.count < terms.uses.most

    async def use(self, terms: Terms) -> bool:
        """Count a use, unless one lasts still. Raises StoreError: what is not written down can't be used."""
        if terms.uses is None:
            return True
        async with self._changing:
            known = self._used.get(terms.uses.id)
            if known is not None and self._lasts(known):
                return True
            count = 0 if known is None else known.count
            if count >= terms.uses.most or not self._is_loaded:
                return False
            now = self._clock.now()
            before, left = self._used, {uses: each for uses, each in self._used.items() if now < each.until + _KEPT}
            if len(left) >= MOST_USED and known is None:
                raise StoreError(f"{MOST_USED} links with a number of uses are in use", hint="give links a shorter life")
            self._used = {**left, terms.uses.id: Used(count=count + 1, since=now, until=terms.until or now + USE)}
            try:
                await self._save()
            except StoreError:
                self._used = before
                raise
        return True

    def _lasts(self, used: Used) -> bool:
        return timedelta() <= self._clock.now() - used.since < USE

    def _in_message(self, url: str, route: str | None, ref: EventRef, key: LinkKey) -> str | None:
        if route is None:
            return None
        target = target_of(route, {"event": ref.format()})
        return f"{url}{address_of(target, sign(self._secrets[key.id], self._store.bridge_id, target, Terms(key=key.id)))}"

    def _usual(self, purpose: KeyPurpose) -> LinkKey | None:
        """Return the key that signs such links without being named."""
        return next((key for key in self._keys.values() if key.purpose is purpose), None)

    async def _usual_key(self, purpose: KeyPurpose) -> LinkKey:
        """Return it, and make it where there is none. Raises StoreError."""
        async with self._changing:
            await self._loaded()
            return self._usual(purpose) or await self._make(purpose.value, purpose)

    async def _ready(self) -> None:
        """Have what is kept loaded, and a key for messages where they are to have links. Raises StoreError."""
        async with self._changing:
            await self._loaded()
            if self._wanted is not None and self._usual(KeyPurpose.MESSAGES) is None:
                await self._make(KeyPurpose.MESSAGES.value, KeyPurpose.MESSAGES)

    async def _make(self, name: str, purpose: KeyPurpose) -> LinkKey:
        key = LinkKey(id=new_id(), name=name, purpose=purpose, created=self._clock.now())
        self._keys[key.id], self._secrets[key.id] = key, secrets.token_bytes(32)
        try:
            await self._save()
        except StoreError:
            del self._keys[key.id], self._secrets[key.id]
            raise
        return key

    async def _loaded(self) -> None:
        """Take up what is kept, once; to be called by who changes it. Raises StoreError: nothing is then written over it."""
        if self._is_loaded:
            return
        kept, revoked = await self._store.links(), await self._revoked()
        for each in kept.keys:
            if each.key.id not in revoked:  # else it was brought back by an old copy of the file
                self._keys[each.key.id], self._secrets[each.key.id] = each.key, bytes.fromhex(each.secret)
        self._used, self._is_loaded = dict(kept.used), True

    async def _revoked(self) -> list[str]:
        """Return the ids of the keys that were revoked last, as the database knows them."""
        said = await self._store.kept(_SCOPE, _REVOKED)
        return [] if said is None else list(json.loads(said))

    async def _save(self) -> None:
        keys = tuple(KeptKey(key=key, secret=self._secrets[key.id].hex()) for key in self._keys.values())
        await self._store.keep_links(KeptLinks(keys=keys, used=self._used))
