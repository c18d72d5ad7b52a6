"""What goes over a link, in words of MQTT that name no library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _nothing() -> None:
    """Do nothing: there is nothing to acknowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes, retained, when the link breaks."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to subscribe to.

    By MQTT 5 only: `own` False keeps away what a client of our id has published (even before, and is retained now),
    `retained` False what the broker retains; with `as_published` a message that was just published with the retain
    flag shows it too.
    """

    topic: str
    qos: int = 0
    own: bool = True
    retained: bool = True
    as_published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that came in; `retained` if the broker had kept it from before the subscription.

    `expiry_s` is what was left of the time that its sender had set for it. `acknowledge` informs the broker that it need not
    come again; for whoever said that he does so by himself (`Link.listen`).
    """

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = field(default=None, compare=False)
    is_repeated: bool = field(default=False, compare=False)
    """Whether the broker may have sent it before, over this link or an earlier one."""
    acknowledge: Callable[[], None] = field(default=_nothing, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message that must arrive (QoS 1); `on_done` gets the broker's reason code, from 0x80 on a refusal."""

    topic: str
    payload: bytes
    on_done: Callable[[int], None] | None = None
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes | None = None
    is_clear: bool = False
    """Whether to give way to a newer message for the same topic; set by `Outbox.clear`."""
