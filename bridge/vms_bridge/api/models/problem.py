"""What is said of a request that is not served (RFC 9457)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.base import Model


class Mistake(Model):
    """One thing that is wrong in a query or a body."""

    field: str = Field(examples=["limit"])
    """Which field it is, with dots between those of objects within objects; empty for the whole."""
    reason: str = Field(examples=["Input should be less than or equal to 1000"])


class Problem(Model):
    """Why a request was not served."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: Annotated[int, Field(ge=400, le=599)] = Field(examples=[404])
    detail: str = Field(examples=["there is no system 'attic'"])
    """What happened, for people."""
    code: str = Field(examples=["not_found"])
    """What happened, for programs: the codes are those of MQTT's answers, and more may come."""
    hint: str | None = None
    """What to do about it."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong in the query (status 400) or in the body (422)."""
