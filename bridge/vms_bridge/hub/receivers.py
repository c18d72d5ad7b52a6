"""What comes in from outside: held to what its receiver says of itself, and handed over within a border."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from vms_bridge.boundary import Boundary
from vms_bridge.buckets import Buckets
from vms_bridge.commands.values import Level
from vms_bridge.errors import (
    BodyTooLarge,
    ReceiverBusy,
    ReceiverRefused,
    RequestForbidden,
    RequestUnanswered,
    TooManyRequests,
    VmsError,
)
from vms_bridge.explaining import explained
from vms_bridge.foreign import read_json
from vms_bridge.hub.text import shown
from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.receivers import (
    MOST_BURST,
    MOST_BYTES,
    MOST_RATE,
    MOST_RECEIVERS,
    MOST_WITHIN_S,
    PARTS,
    Listed,
    Receiver,
    nobody_receives,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.hub.system import System

_LOGGER = logging.getLogger(__name__)
MOST_AT_ONCE = 8
"""How many calls of one receiver may be under way; those count, too, that do not end although their time is over."""


class HubReceivers:
    """See `receivers.Receivers`; `strike` takes secrets out of what a receiver says of an error."""

    def __init__(self, systems: Mapping[str, object], clock: Clock, strike: Callable[[str], str] = str) -> None:
        self._systems, self._clock, self._strike = systems, clock, strike
        self._open: dict[tuple[str, str], HubRegistration] = {}

    def all(self) -> Sequence[Listed]:
        """Return those that are there now, in the order of their names."""
        return [one.listed for _, one in sorted(self._open.items())]

    def open(self, system: str, receiver: Receiver) -> HubRegistration:
        """Take in under this name from now on. Raises ReceiverRefused."""
        return self._open_for(system, receiver, is_backends=False)

    def open_own(self, system: System, receiver: Receiver) -> HubRegistration:
        """Do so for the system's own backend. Raises ReceiverRefused, or VmsError where that has been replaced.

        It gets the name that it wants: that somebody else has it already must not stop the system.
        """
        if self._systems.get(system.key) is not system:
            raise VmsError(f"system {system.key} was taken away, or set up anew, by a reload: nothing more is received for it")
        return self._open_for(system.key, receiver, is_backends=True)

    async def deliver(self, system: str, name: str, raw: bytes, *, level: Level | None) -> None:
        """Hand over what somebody has sent."""
        found = self._open.get((system, name))
        if found is None:
            raise nobody_receives(system, name)
        await found.take(raw, level)

    def forget(self, system: str) -> None:
        """Close all of a system that goes."""
        for (owner, _), one in list(self._open.items()):
            if owner == system:
                one.close()

    def _open_for(self, system: str, receiver: Receiver, *, is_backends: bool) -> HubRegistration:
        schema = _schema_of(receiver)
        key = (system, receiver.name)
        if system not in self._systems and (is_backends or system not in PARTS):
            raise ReceiverRefused(f"there is no system {system!r}")
        if key in self._open and is_backends:
            _LOGGER.warning("the receiver %s/%s is the system's own now: who had that name before takes in nothing more", *key)
            self._open[key].close()
        if key in self._open:
            raise ReceiverRefused(f"{_of(system)} has a receiver {receiver.name!r} already", hint="give it another name")
        most = PARTS.get(system, MOST_RECEIVERS)
        if sum(each == system for each, _ in self._open) >= (2 if is_backends else 1) * most:
            raise ReceiverRefused(f"{_of(system)} has {most} receivers already")
        listed = Listed(system=system, receiver=receiver, schema=schema)
        opened = self._open[key] = HubRegistration(listed, self._clock, self._strike, self._forget)
        return opened

    def _forget(self, closed: HubRegistration) -> None:
        key = closed.listed.system, closed.listed.receiver.name
        if self._open.get(key) is closed:
            del self._open[key]


class HubRegistration:
    """One receiver, from its registration to its end."""

    def __init__(
        self, listed: Listed, clock: Clock, strike: Callable[[str], str], on_close: Callable[[HubRegistration], None]
    ) -> None:
        self.listed, self._strike, self._on_close = listed, strike, on_close
        receiver = listed.receiver
        self._tries = Buckets(clock, rate=receiver.rate, burst=receiver.burst)
        self._boundary = Boundary(f"the receiver {listed.system}/{receiver.name}", clock)
        self._under_way = 0

    def close(self) -> None:
        """Take in nothing more, and end what is under way."""
        self._boundary.close()
        self._on_close(self)

    async def take(self, raw: bytes, level: Level | None) -> None:
        """Hold what somebody has sent to what the receiver says of itself, and hand it over."""
        receiver = self.listed.receiver
        self._check(raw, level)

        async def work() -> None:
            await receiver.receive(read_json(raw, receiver.body))

        self._under_way += 1
        try:
            outcome = await self._boundary.attempt("receive", work, limit_s=receiver.within_s)
        finally:
            self._under_way -= 1
        if outcome.error is not None:
            error = explained(outcome.error)
            error.args = tuple(self._strike(part) if isinstance(part, str) else part for part in error.args)
            error.hint = self._strike(error.hint)
            raise error
        if outcome.is_late and self._boundary.is_closed:
            raise nobody_receives(self.listed.system, receiver.name)
        if outcome.is_late:
            raise RequestUnanswered(
                f"{self._where} was not done with it within {receiver.within_s:g} s", hint="it may have been done all the same"
            )

    @property
    def _where(self) -> str:
        return f"the receiver {self.listed.receiver.name!r} of {_of(self.listed.system)}"

    def _check(self, raw: bytes, level: Level | None) -> None:
        """Raise what stands against handing this over."""
        receiver = self.listed.receiver
        if level is not None and not level.includes(receiver.level):
            hint = f"it takes a token with the scope {receiver.level}, or one with the scope hook that is bound to it"
            raise RequestForbidden(f"this token may not call {self._where}", hint=hint)
        if len(raw) > receiver.most_bytes:
            raise BodyTooLarge(f"{self._where} takes {receiver.most_bytes} bytes at most")
        wait_s = self._tries.take("")
        if wait_s:
            raise TooManyRequests(
                f"{self._where} is called too often", hint=f"it takes {receiver.rate:g} calls a second", retry_after_s=wait_s
            )
        if self._under_way + len(self._boundary.strays) >= MOST_AT_ONCE:
            raise ReceiverBusy(f"{self._where} is still busy with {MOST_AT_ONCE} calls", hint="try again in a moment")


def _of(system: str) -> str:
    """Return who has a receiver, for people."""
    return f"the part {system}" if system in PARTS else f"system {system}"


def _schema_of(receiver: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a foreign part hands over
    """Return the JSON Schema of what a receiver takes. Raises ReceiverRefused for what can be none: a part may be foreign."""
    if not isinstance(receiver, Receiver) or not _is_sound(receiver):
        raise ReceiverRefused(
            "a receiver needs a name such as `trigger`, a meaning, a pydantic model, and bounds that can be kept",
            hint=f"{MOST_BYTES} bytes, {MOST_RATE:g} calls a second, {MOST_BURST:g} at once and {MOST_WITHIN_S:g} s at most",
        )
    try:
        schema: dict[str, Any] = receiver.body.model_json_schema()
    except Exception as error:
        raise ReceiverRefused(f"the model of receiver {receiver.name!r} has no JSON Schema ({type(error).__name__})") from error
    return schema


def _is_sound(receiver: Any) -> bool:  # noqa: ANN401 - its fields may be anything
    try:
        return bool(
            INSTANCE_PATTERN.fullmatch(receiver.name)
            and receiver.meaning
            and shown(receiver.meaning) == receiver.meaning
            and issubclass(receiver.body, BaseModel)
            and callable(receiver.receive)
            and receiver.level in list(Level)
            and 1 <= receiver.most_bytes <= MOST_BYTES
            and 0 < receiver.rate <= MOST_RATE
            and 1 <= receiver.burst <= MOST_BURST
            and 0 < receiver.within_s <= MOST_WITHIN_S
        )
    except TypeError:
        return False
