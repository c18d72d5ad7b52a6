"""What stopped the program, in words for people and as an exit code."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from vms_bridge.cli.codes import FAILED, INTERNAL, MISCONFIGURED, OK
from vms_bridge.cli.output import complain, say
from vms_bridge.errors import BridgeError, InvalidConfig
from vms_bridge.explaining import causes
from vms_bridge.logs import redact

if TYPE_CHECKING:
    from vms_bridge.concealment import Secrets

_DEFECT = "this is a defect: please report it as an issue, with the traceback that `vms-bridge --debug ...` shows"


def explain(error: Exception, *, debug: bool, secrets: Secrets | None = None) -> int:
    """Say on stderr what stopped the program, and return the exit code."""
    code = OK
    for cause in causes(error) if isinstance(error, BaseExceptionGroup) else (error,):
        if isinstance(cause, InvalidConfig):
            code = max(code, MISCONFIGURED)
            for mistake in cause.mistakes:
                complain(str(mistake), mistake.hint)
        elif isinstance(cause, BridgeError):
            code = max(code, FAILED)
            complain(redact(str(cause), secrets), redact(cause.hint, secrets))
        else:
            code = max(code, INTERNAL)
            complain(f"unexpected {redact(f'{type(cause).__name__}: {cause}', secrets)}", _DEFECT)
    if debug:
        say(redact("".join(traceback.format_exception(error)), secrets), err=True)
    return code
