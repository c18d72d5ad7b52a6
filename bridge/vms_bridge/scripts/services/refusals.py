"""What a script is told where it does not get what it has asked for, and nothing else says it: by stable codes."""

from __future__ import annotations

from vms_bridge.errors import BridgeError, CommandError, MediaUnavailable


class CommandRefused(CommandError):
    """A command was refused: by the bridge, or by the VMS."""

    code = "refused"


class CommandFailed(CommandError):
    """A command has failed."""

    code = "failed"


class CommandTimedOut(CommandError):
    """A command has shown no effect in time."""

    code = "timeout"


class ExportRefused(BridgeError):
    """A picture or clip can't be written there."""

    code = "refused"


class TooSlow(MediaUnavailable):
    """A picture or clip was not there in time."""

    code = "timeout"
