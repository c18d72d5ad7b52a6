"""What can be wrong with triggers, and with recordings of what they are for."""

from __future__ import annotations

from vms_bridge.errors import BridgeError


class TriggerRefused(BridgeError):
    """A script wants to be called for something that there is not, or that it may not hear; `line` is that of its declaration."""

    code = "trigger"

    def __init__(self, message: str, *, hint: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class RecordingInvalid(BridgeError):
    """A recording of what has happened can't be read; the message says in which line."""

    code = "recording"
