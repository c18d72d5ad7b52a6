"""Whether devices are announced to Home Assistant by MQTT, and who has them otherwise."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from vms_bridge.api.models.base import Asked, Model


class Claim(Model):
    """Somebody has the devices by another way than MQTT discovery."""

    holder: str = Field(examples=["0f3e8c6a"])
    """Who: a Home Assistant by its instance's id, or `switch` for a person who has turned discovery off by hand."""
    since: datetime
    seen: datetime
    """When it was claimed last."""
    is_stale: bool
    """It was not claimed for a week: whoever did may be no more."""
    is_own: bool
    """It was claimed by the token with which is asked."""
    token: str | None = Field(examples=["7k3m9q2x4c"])
    """The id of the token by which it was claimed, for who has the scope `admin`; null where there was none, and for others."""


class Discovery(Model):
    """Whether devices are announced to Home Assistant by MQTT: not while anybody claims them."""

    is_on: bool
    claims: tuple[Claim, ...]


class ClaimBody(Asked):
    """Who claims the devices."""

    holder: str = Field(min_length=1, max_length=128, examples=["0f3e8c6a"])
    """The id of a Home Assistant, say."""


class DiscoveryBody(Asked):
    """How it shall be."""

    is_on: bool
    """False turns it off by hand; true takes that back, and it stays off while anybody else claims the devices."""
