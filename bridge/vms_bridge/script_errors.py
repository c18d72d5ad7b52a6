"""What can go wrong about scripts, whoever asks: a door, a command, or a script itself.

BridgeError
└ ScriptError
├ ScriptRefused        there can be no such script, or it can't be used as it is
├ PermissionMissing    it may not
├ StateRefused         its state, or a setting, can't be that
└ ScriptsOff           this bridge runs none
"""

from __future__ import annotations

from typing import ClassVar

from vms_bridge.errors import BridgeError


class ScriptError(BridgeError):
    """Something about scripts; `script` is whose, `line` where in it, if that is known."""

    code: ClassVar[str] = "script"

    def __init__(self, message: str, *, hint: str = "", script: str = "", line: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.script, self.line = script, line


class ScriptRefused(ScriptError):
    """There can be no such script, or it can't be used as it is."""


class PermissionMissing(ScriptError):
    """A script asks for what its header does not, or what nobody can permit it."""

    code = "permission"


class StateRefused(ScriptError):
    """A script's state, or one of its settings, can't be that: too large, or of another kind."""

    code = "refused"


class ScriptsOff(ScriptError):
    """This bridge runs no scripts: it is not configured to, or this machine has no boundary for them."""

    code = "unavailable"
