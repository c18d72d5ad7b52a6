"""What a source of monitors' states is."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """One way by which the state of monitors is learnt.

    It keeps what it needs to ask, and reports what it finds to the monitors' ladders: they keep the evidence, choose among what
    the sources say, and report what follows. It writes nothing else of a monitor, and knows no other source.
    """

    async def follow(self) -> None:
        """Gather evidence and report it, until cancelled. Raises VmsError when the whole system is lost with it."""
