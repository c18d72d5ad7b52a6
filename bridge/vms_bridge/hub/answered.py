"""Answers that were given lately, kept in the store: who asks again after a restart gets them, and nothing is run twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from vms_bridge import __version__
from vms_bridge.clock import Moment
from vms_bridge.commands import Ack
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from vms_bridge.hub.chores import Chore
    from vms_bridge.store import Store

_LOGGER = logging.getLogger(__name__)
Key: TypeAlias = tuple[str, str | None, str]
"""Door, principal and id: whoever asks has ids of his own."""


class Answered(BaseModel):
    """A command that has its answer: what was asked for, as a digest and for people, its final answer, and when it came."""

    model_config = ConfigDict(frozen=True)

    digest: str
    named: str
    ack: Ack
    asked: Moment
    version: str = __version__
    """Another version may make other digests of the same command."""


# What `Ack` names for type checkers only:
Answered.model_rebuild(_types_namespace={"datetime": datetime, "EventRef": EventRef, "Mapping": Mapping, "Any": Any})


class AnsweredRequests:
    """Keeps them; a store that fails is reported, and costs no more than that."""

    def __init__(self, store: Store, keeping: Chore) -> None:
        self._store, self._keeping = store, keeping

    async def load(self) -> dict[Key, Answered]:
        """Return what earlier runs of this version have kept; what can't be read is forgotten."""
        kept = await self._keeping.attempt(self._store.answered()) or {}
        found: dict[Key, Answered] = {}
        unread: dict[str, bytes | None] = {}
        for text, note in kept.items():
            try:
                door, principal, request_id = json.loads(text)
                answered = Answered.model_validate_json(note)
            except (ValidationError, ValueError, TypeError):
                unread[text] = None
                continue
            if answered.version == __version__:
                found[door, principal, request_id] = answered
            else:
                unread[text] = None
        if unread:
            _LOGGER.info("%d answers to commands of another version of the bridge are forgotten", len(unread))
            await self._keeping.attempt(self._store.note_answered(unread))
        return found

    async def note(self, changes: Mapping[Key, Answered | None]) -> None:
        """Keep these, and forget those that are None."""
        notes = {
            json.dumps(key): None if answered is None else answered.model_dump_json().encode()
            for key, answered in changes.items()
        }
        await self._keeping.attempt(self._store.note_answered(notes))
