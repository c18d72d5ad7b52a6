"""Keeps the entities that belong to scripts, bounded, and passes commands on to who runs these."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vms_bridge.own_entities import (
    MOST_ATTRIBUTE_BYTES,
    MOST_DESCRIPTION_CHARACTERS,
    MOST_ENTITIES,
    MOST_OWNERS,
    EntityCommand,
    EntityKind,
    EntityRefused,
    EntityState,
    Fired,
    OwnEntity,
    Owner,
    Value,
    characters_of,
    check,
    fit,
    read_command,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LOGGER = logging.getLogger(__name__)


class HubOwnEntities:
    """See `own_entities.OwnEntities`; `changed` announces an owner of whose something has changed."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._owners: dict[str, Owner] = {}
        self._known: frozenset[str] | None = None
        self._take: Callable[[EntityCommand], None] | None = None
        self._listeners: dict[object, Callable[[Fired], None]] = {}

    @property
    def owners(self) -> Mapping[str, Owner]:
        """Everybody who has any, by name."""
        return dict(self._owners)

    @property
    def known(self) -> frozenset[str] | None:
        """Who may have any; None until that is known."""
        return self._known

    def declare(self, owner: str, entities: Iterable[OwnEntity]) -> None:
        """Have exactly these be the owner's, with the states that they had."""
        declared: dict[str, OwnEntity] = {}
        for entity in entities:
            check(entity)
            if entity.key in declared:
                raise EntityRefused(f"there are two entities {entity.key!r}", hint="give each a key of its own")
            declared[entity.key] = entity
        self._bound(owner, declared)
        before = self._owners.get(owner, Owner(name=owner))
        self._put(replace(before, entities=declared, states=_kept(before, declared)))

    def add(self, owner: str, entity: OwnEntity) -> None:
        """Have this be one more of the owner's, or in the place of the one of its key."""
        before = self._owners.get(owner, Owner(name=owner))
        self.declare(owner, [*(each for each in before.entities.values() if each.key != entity.key), entity])

    def withdraw(self, owner: str, key: str) -> None:
        """Have it be none of them any more."""
        self._entity(owner, key)
        self.declare(owner, [each for each in self._owners[owner].entities.values() if each.key != key])

    def say(self, owner: str, key: str, value: Value, attributes: Mapping[str, Any]) -> None:
        """Say how an entity is now; one of the kind event fires."""
        entity = self._entity(owner, key)
        state = EntityState(value=fit(entity, value), attributes=_bounded(key, attributes))
        if entity.kind is EntityKind.EVENT:
            for heard in list(self._listeners.values()):
                heard(Fired(owner=owner, key=key, state=state))
            return
        before = self._owners[owner]
        if before.states.get(key) != state:
            self._put(replace(before, states={**before.states, key: state}))

    def available(self, owner: str, *, is_available: bool) -> None:
        """Say whether an owner is at work."""
        before = self._owners.get(owner)
        if before is not None and before.is_available is not is_available:
            self._put(replace(before, is_available=is_available))

    def forget(self, owner: str) -> None:
        """Take all of an owner away."""
        if self._known is not None:
            self._known -= {owner}
        if self._owners.pop(owner, None) is not None:
            self._changed(owner)

    def settle(self, owners: Iterable[str]) -> None:
        """Say who there is."""
        known = frozenset(owners)
        if known == self._known:
            return
        self._known = known
        for gone in self._owners.keys() - self._known:
            self.forget(gone)
        self._changed("")

    def take_commands(self, take: Callable[[EntityCommand], None]) -> Callable[[], None]:
        """Have commands come here."""
        self._take = take
        return partial(self._take_no_more, take)

    def command(self, owner: str, key: str, said: str) -> None:
        """Take what somebody wants of an entity."""
        entity = self._entity(owner, key)
        if not self._owners[owner].is_available or self._take is None:
            raise EntityRefused(f"the script {owner} is not at work", hint="its log says why")
        self._take(EntityCommand(owner=owner, key=key, value=read_command(entity, said)))

    def on_fired(self, heard: Callable[[Fired], None]) -> Callable[[], None]:
        """Have this called for each event."""
        key = object()
        self._listeners[key] = heard
        return lambda: self._listeners.pop(key, None) and None

    def _entity(self, owner: str, key: str) -> OwnEntity:
        found = self._owners[owner].entities.get(key) if owner in self._owners else None
        if found is None:
            raise EntityRefused(f"{owner} has no entity {key[:40]!r}", hint="declare it first")
        return found

    def _bound(self, owner: str, declared: Mapping[str, OwnEntity]) -> None:
        count, size = len(declared), sum(map(characters_of, declared.values()))
        if count > MOST_ENTITIES:
            raise EntityRefused(f"{owner} has {count} entities, and {MOST_ENTITIES} at most are possible")
        if size > MOST_DESCRIPTION_CHARACTERS:
            raise EntityRefused(
                f"the entities of {owner} have {size} characters of description, and {MOST_DESCRIPTION_CHARACTERS} are possible",
                hint="give them fewer options, or shorter ones",
            )
        if owner not in self._owners and len(self._owners) >= MOST_OWNERS:
            raise EntityRefused(f"{MOST_OWNERS} scripts have entities already")

    def _put(self, owner: Owner) -> None:
        self._owners[owner.name] = owner
        self._changed(owner.name)

    def _take_no_more(self, take: Callable[[EntityCommand], None]) -> None:
        if self._take is take:
            self._take = None


def _kept(before: Owner, declared: Mapping[str, OwnEntity]) -> dict[str, EntityState]:
    """Return the states of before that fit what is declared now."""
    kept = {}
    for key, state in before.states.items():
        entity = declared.get(key)
        if entity is None or entity.kind is not before.entities[key].kind:
            continue
        try:
            fit(entity, state.value)
        except EntityRefused:
            continue
        kept[key] = state
    return kept


def _bounded(key: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        size = len(json.dumps(attributes, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise EntityRefused(f"the attributes of {key} are nothing that JSON can say") from None
    if size > MOST_ATTRIBUTE_BYTES:
        raise EntityRefused(f"the attributes of {key} have {size} bytes, and {MOST_ATTRIBUTE_BYTES} at most are possible")
    return attributes
