"""What can go wrong when a script asks for something: each has a `code`, says what happened, and has a `hint` what to do.

ScriptError
├ NotPermitted   the header of the script does not allow it, or an administrator has not
├ NotFound       there is no such monitor, event, system, ...
├ Invalid        it can't be asked for so
├ TooMany        too often, or too much at once: do it less often
├ TooLarge       more than may be sent, or kept
├ Refused        whoever was to do it said no
├ Failed         whoever was to do it could not
├ TimedOut       it took too long
├ Unavailable    it can't be had now: later it may be
└ OutsideBridge  this runs in no bridge, but in an editor or a test
"""

from __future__ import annotations


class ScriptError(Exception):
    """The root: anything that the bridge answers other than what was asked for."""

    code: str = "error"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class NotPermitted(ScriptError):
    """The header of the script does not allow it, or an administrator has not."""

    code = "permission"


class NotFound(ScriptError):
    """There is no such monitor, event, system, or whatever was named."""

    code = "not_found"


class Invalid(ScriptError):
    """It can't be asked for so."""

    code = "invalid"


class TooMany(ScriptError):
    """It is asked for too often, or too much is under way."""

    code = "too_many"


class TooLarge(ScriptError):
    """It is more than may be sent, or kept."""

    code = "too_large"


class Refused(ScriptError):
    """Whoever was to do it said no: the VMS, the server, the broker."""

    code = "refused"


class Failed(ScriptError):
    """Whoever was to do it tried, and could not."""

    code = "failed"


class TimedOut(ScriptError):
    """It took too long."""

    code = "timeout"


class Unavailable(ScriptError):
    """It can't be had now; later it may be."""

    code = "unavailable"


class OutsideBridge(ScriptError):
    """There is no bridge here: this runs in an editor, or in a program of its own."""

    code = "outside"


_KINDS: tuple[type[ScriptError], ...] = (
    *(NotPermitted, NotFound, Invalid, TooMany, TooLarge, Refused, Failed, TimedOut, Unavailable, OutsideBridge),
)
_OTHER_CODES: dict[str, type[ScriptError]] = {
    "forbidden": NotPermitted,
    "gone": NotFound,
    **dict.fromkeys(("clip", "contribution", "model", "picture", "range", "receiver", "search", "trigger"), Invalid),
    "busy": TooMany,
    **dict.fromkeys(("rejected", "unsupported"), Refused),
    **dict.fromkeys(("auth", "command", "detection", "protocol", "too_old", "unverified", "video", "vms"), Failed),
    "unanswered": TimedOut,
    **dict.fromkeys(("engine_gone", "media", "no_room", "nobody_answers", "store", "unreachable"), Unavailable),
}
"""The codes of the bridge's own errors, and which of these says the same."""


def error_of(code: str, message: str, hint: str = "") -> ScriptError:
    """Return the error that has this code; its own code stays as the bridge has said it."""
    kind = {each.code: each for each in _KINDS}.get(code) or _OTHER_CODES.get(code, ScriptError)
    return kind(message, hint=hint, code=code)
