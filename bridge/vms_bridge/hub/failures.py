"""How a command that failed is answered: the same way, whoever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.commands import Ack, AckResult
from vms_bridge.errors import BackendDefect, CommandRejected, CommandUnverified, UnsupportedCommand, in_words

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.commands import Command
    from vms_bridge.errors import BridgeError


def failure(command: Command, error: BridgeError, now: datetime) -> Ack:
    """Return the answer to a command that ended by this error."""
    match error:
        case UnsupportedCommand() | CommandRejected():
            result = AckResult.REFUSED
        case CommandUnverified():
            result = AckResult.TIMEOUT
        case _:
            result = AckResult.FAILED
    # A defect's own words are for the log: they may hold anything.
    hint = f"internal error: {error.kind}" if isinstance(error, BackendDefect) else in_words(error)
    return Ack.of(command, result, now, code=error.code, hint=hint)
