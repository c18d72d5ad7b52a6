"""Webhooks: what somebody posts to `hooks/script/NAME` calls the scripts that have this name in their headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import JsonValue, RootModel

from vms_bridge.errors import BodyInvalid
from vms_bridge.receivers import MOST_BYTES, SCRIPT, Receiver
from vms_bridge.scripts.triggers.occurrences import webhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.receivers import Receivers, Registration
    from vms_bridge.scripts.values import Occurrence


class HookBody(RootModel[JsonValue]):
    """Any JSON."""


class _Hook:
    """One name, for as long as a script has it."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.takers: list[Callable[[Occurrence], None]] = []


class Webhooks:
    """Has them received, each for as long as somebody wants it."""

    def __init__(self, receivers: Receivers, clock: Clock) -> None:
        self._receivers, self._clock = receivers, clock
        self._hooks: dict[str, _Hook] = {}

    def open(self, name: str, take: Callable[[Occurrence], None]) -> Callable[[], None]:
        """Have this called for whatever comes in by this name, until what is returned is. Raises ReceiverRefused."""
        hook = self._hooks.get(name)
        if hook is None:
            hook = self._hooks[name] = _Hook(self._receivers.open(SCRIPT, self._receiver(name)))
        hook.takers.append(take)

        def close() -> None:
            if take in hook.takers:
                hook.takers.remove(take)
            if not hook.takers and self._hooks.get(name) is hook:
                del self._hooks[name]
                hook.registration.close()

        return close

    def _receiver(self, name: str) -> Receiver:
        async def receive(body: HookBody) -> None:
            try:
                data = json.dumps(body.root, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                raise BodyInvalid("the body has a number that is none in JSON, or is too deep", hint="no NaN, no 1e999") from None
            occurrence = webhook(name, data, at_s=self._clock.monotonic())
            for take in tuple(self._hooks[name].takers if name in self._hooks else ()):
                take(occurrence)

        return Receiver(
            name=name,
            meaning=f"calls the scripts that have the webhook {name}",
            body=HookBody,
            receive=receive,
            most_bytes=MOST_BYTES,
            rate=10.0,
            burst=100.0,
        )
