"""What stands in for a system whose kind could not make its backend: always lost, and able to say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from vms_bridge.backends.base import Finding
from vms_bridge.errors import BackendDefect, VmsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.backends.base import Feed
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.errors import BridgeError
    from vms_bridge.model import PictureRef

_REMEDY = "this is a defect of that kind of system: please report it to who offers it, and restart the bridge once it is mended"


class BrokenBackend:
    """A backend that fails at everything with what `create` failed of, so that the system shows as lost and the rest runs."""

    url = None

    def __init__(self, kind: str, error: BridgeError) -> None:
        self._text = f"type: {kind} could not be set up: {error}"
        self._hint = _REMEDY if isinstance(error, BackendDefect) else error.hint or _REMEDY

    async def run(self, feed: Feed) -> None:  # noqa: ARG002 - the contract's parameter
        """Fail; the supervisor reports and logs it."""
        self._fail()

    async def execute(self, target: VmsTarget, action: Action) -> None:  # noqa: ARG002 - the contract's parameters
        """Fail."""
        self._fail()

    async def refresh(self, target: VmsTarget) -> None:
        """See nothing."""

    async def picture(self, ref: PictureRef) -> bytes:  # noqa: ARG002 - the contract's parameter
        """Fail."""
        self._fail()

    async def check(self) -> Sequence[Finding]:
        """Say why."""
        return [Finding(text=self._text, problem=True, hint=self._hint)]

    def _fail(self) -> NoReturn:
        raise VmsError(self._text, hint=self._hint)
