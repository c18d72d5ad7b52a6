"""What became of a command that a script has given, where that is not what it wanted."""

from __future__ import annotations

from vms_bridge.errors import CommandError


class CommandRefused(CommandError):
    """It was refused: by the bridge, or by the VMS."""

    code = "refused"


class CommandFailed(CommandError):
    """It failed."""

    code = "failed"


class CommandTimedOut(CommandError):
    """Its effect did not show in time."""

    code = "timeout"
