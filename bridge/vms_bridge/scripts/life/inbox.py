"""What is to be told to a script: its triggers, and what waits to be told. It outlives workers of the same version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.scripts.life.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.scripts.values import Occurrence, Trigger


class Hears(Protocol):
    """The triggers of a script at work (`triggers.ScriptTriggers`): calls what it was made with for each that is due."""

    def take(self, occurrence: Occurrence) -> None:
        """Take what has happened."""

    async def run(self) -> NoReturn:
        """Keep the time, until cancelled."""

    def close(self) -> None:
        """Take nothing more."""


class Inbox:
    """Of one version of a script. Handlers that are called one after the other have one queue, the others another."""

    def __init__(
        self,
        version: str,
        triggers: Sequence[Trigger],
        make: Callable[[Sequence[Trigger], Callable[[Trigger, Occurrence], None]], Hears],
    ) -> None:
        self.version, self.triggers = version, tuple(triggers)
        self.serial, self.concurrent = Queue(), Queue()
        self.on_news: Callable[[], None] = _nobody
        """Told that there is something more: set by whoever calls the handlers."""
        self.hears = make(self.triggers, self._deliver)

    def __len__(self) -> int:
        return len(self.serial) + len(self.concurrent)

    @property
    def dropped(self) -> int:
        """How many there was no room for."""
        return self.serial.dropped + self.concurrent.dropped

    def _deliver(self, trigger: Trigger, occurrence: Occurrence) -> None:
        (self.concurrent if trigger.concurrent else self.serial).offer(trigger, occurrence)
        self.on_news()


def _nobody() -> None:
    """Tell nobody: what comes waits."""
