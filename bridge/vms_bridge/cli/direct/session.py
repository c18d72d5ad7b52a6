"""A VMS that a verb asks itself: opened before, and closed after it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from vms_bridge.cli.codes import OK
from vms_bridge.cli.output import complain
from vms_bridge.errors import BridgeError
from vms_bridge.logs import redact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.cli.program import Program


class Vms(Protocol):
    """The library's face of a VMS, as a session needs it."""

    def __aenter__(self) -> Awaitable[object]:
        """Open the way to it. Raises BridgeError."""

    def __aexit__(self, *_: object) -> Awaitable[None]:
        """Close it."""


def in_session(
    vms: Vms,
    verb: Callable[[asyncio.Runner], int | None],
    code_of: Callable[[BridgeError], int | None],
    program: Program,
) -> int:
    """Have a verb do its work while the VMS is open, and return the exit code.

    `code_of` says by which code what was refused ends; None: like every other error, which is raised.
    """
    try:
        with asyncio.Runner() as runner:
            runner.run(_entered(vms))
            try:
                return verb(runner) or OK
            finally:
                runner.run(_left(vms))
    except BridgeError as error:
        if (code := code_of(error)) is None:
            raise
        complain(redact(str(error), program.secrets), redact(error.hint, program.secrets))
        return code


async def _entered(vms: Vms) -> None:
    await vms.__aenter__()


async def _left(vms: Vms) -> None:
    await vms.__aexit__(None, None, None)
