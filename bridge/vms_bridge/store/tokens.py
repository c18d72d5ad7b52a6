"""Tokens as they are kept: the SHA-256 of each, and what it is good for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from vms_bridge.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.store.database import Database

_LOGGER = logging.getLogger(__name__)
_TOKEN = TypeAdapter(Token)


def read(database: Database) -> list[tuple[Token, bytes]]:
    """Return all tokens, each with its SHA-256, the oldest first; one that can't be read is told, and good for nothing."""
    found = []
    for token_id, digest, data in database.connection.execute("SELECT id, digest, data FROM tokens"):
        try:
            found.append((_TOKEN.validate_json(data), bytes(digest)))
        except ValidationError:
            _LOGGER.warning(
                "the token %s in the store can't be read: it is good for nothing; revoke it, and make another", token_id
            )
    return sorted(found, key=lambda one: one[0].created)


def add(database: Database, token: Token, digest: bytes) -> None:
    """Keep a new token."""
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token.id, digest, _TOKEN.dump_json(token).decode()))


def update(database: Database, tokens: Sequence[Token]) -> None:
    """Keep what has changed of tokens that are still there."""
    with database.transaction() as cursor:
        cursor.executemany(
            "UPDATE tokens SET data = ? WHERE id = ?", [(_TOKEN.dump_json(token).decode(), token.id) for token in tokens]
        )


def remove(database: Database, token_id: str) -> bool:
    """Forget a token; say whether there was one."""
    with database.transaction() as cursor:
        return cursor.execute("DELETE FROM tokens WHERE id = ?", (token_id,)).rowcount > 0
