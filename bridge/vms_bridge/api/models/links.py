"""Links, and the keys that sign them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.base import Asked, Model
from vms_bridge.api.models.tokens import Name
from vms_bridge.links import MOST_USES, KeyPurpose

KeyId = Annotated[str, Field(pattern="^[0-9a-z]{10}$", examples=["4h8w2n6t0d"])]


class LinkBody(Asked):
    """What is to be opened, and on which terms."""

    path: Annotated[str, Field(min_length=1, max_length=2_000, examples=["/api/v1/media/events/zm-1234/picture"])]
    """The path of a GET, with its query if it has one: docs/api.md has a table of those to which links can be made."""
    life: Annotated[float, Field(ge=1, le=315_000_000)] | None = None
    """For how many seconds it is good at most; without it as the table says."""
    uses: Annotated[int, Field(ge=1, le=MOST_USES)] | None = None
    """How often it may be used; without it as often as you like."""
    key: KeyId | None = None
    """The key that is to sign it; without it the one that signs all that name none."""


class NoQuery(Asked):
    """What may be asked of a route that takes no query."""


class Link(Model):
    """A link: good as long as all of these are."""

    url: str | None
    """Its whole address; null where the API does not know its own."""
    path: str
    """The address below the API's own."""
    key: str = Field(examples=["4h8w2n6t0d"])
    """The key that signed it."""
    token: str | None = Field(examples=["7k3m9q2x4c"])
    """The token that asked for it; null: it was a process on the bridge's machine."""
    until: datetime | None
    """The time in it; null: there is none."""
    uses: int | None


class KeyBody(Asked):
    """The key that is wanted."""

    name: Name


class Key(Model):
    """A key that signs links; its secret nobody can ask for."""

    id: str = Field(examples=["4h8w2n6t0d"])
    name: str = Field(examples=["Neighbours"])
    purpose: str = Field(examples=["named"], json_schema_extra={"x-known-values": [str(each) for each in KeyPurpose]})
    """`links`: those that name no key, `messages`: those in event messages, `named`: those that name it."""
    created: datetime


class Keys(Model):
    """All keys that sign links."""

    keys: tuple[Key, ...]
    """The oldest first."""
