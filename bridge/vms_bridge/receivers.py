"""Receivers: what parts of the bridge take in from outside, each under a name of a system, or of a part that is none.

A backend, the detector or the part that runs scripts registers one with the hub; a door, such as the API's `hooks`, hands
over to the hub what somebody sends. The hub holds it to what the receiver says of itself, whichever door it came in by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.commands.values import Level
from vms_bridge.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import BaseModel

MOST_BYTES = 65_536
"""How large what is sent may be at most, whatever a receiver says."""
MOST_RATE = 100.0
MOST_BURST = 1_000.0
MOST_WITHIN_S = 30.0
MOST_RECEIVERS = 32
"""How many a system may have."""
SCRIPT = "script"
PARTS = {SCRIPT: 200}
"""Parts of the bridge that are no system and may have receivers all the same, and how many; no system has such a key."""
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What is taken in under a name, and within which bounds.

    `name` is as the key of a system, `meaning` says for people what a call brings about. What is sent is JSON of at most
    `most_bytes`, read strictly by the pydantic model `body`; `receive` gets that model, and returns once it is done with it.
    `receive` runs on the event loop, has `within_s`, and may raise a BridgeError, which is answered as it is.

    All callers together may call it `burst` times at once, and then `rate` times a second. A token of the scope `hook` is bound
    to one receiver; whoever comes with another needs its `level`.
    """

    name: str
    meaning: str
    body: type[BaseModel]
    receive: Callable[[Any], Awaitable[None]]
    level: Level = Level.CONTROL
    most_bytes: int = 4_096
    rate: float = 5.0
    burst: float = 50.0
    within_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A receiver that is there now; `system` may be one of `PARTS`, `schema` is the JSON Schema of its body."""

    system: str
    receiver: Receiver
    schema: Mapping[str, Any]


class Registration(Protocol):
    """A receiver's place in the hub."""

    def close(self) -> None:
        """Take in nothing more, and end what is under way."""


class Receivers(Protocol):
    """All that is taken in from outside."""

    def all(self) -> Sequence[Listed]:
        """Return those that are there now."""

    def open(self, system: str, receiver: Receiver) -> Registration:
        """Take in under this name of this system, or of one of `PARTS`, from now on, until it is closed or the system goes.

        A backend that wants the name gets it, and this one is closed. Raises ReceiverRefused for a name that another has, a
        system that there is not, and for bounds that nobody can mean.
        """

    async def deliver(self, system: str, name: str, raw: bytes, *, level: Level | None) -> None:
        """Hand over what somebody has sent, and return once it was received; `level` is his, None of who is bound to it.

        Raises NotFound, RequestForbidden, BodyTooLarge, TooManyRequests, ReceiverBusy, RequestInvalid, BodyInvalid,
        RequestUnanswered where it takes too long, and what the receiver itself raises.
        """


def nobody_receives(system: str, name: str) -> NotFound:
    """Return the error for a receiver that there is not, or not now."""
    return NotFound(
        f"nobody receives {name[:_LONGEST]!r} of a system {system[:_LONGEST]!r} now",
        hint="`hooks` lists who does; a system that is lost receives nothing until it is back",
    )
