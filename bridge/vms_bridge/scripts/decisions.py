"""What administrators have decided about scripts: which are approved, and which are not to run.

What takes something away holds in memory first, whatever the store does: it is written again and again until that is kept.
What grants something holds once it is kept.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from vms_bridge.errors import BridgeError, StoreError
from vms_bridge.logs import Trouble
from vms_bridge.scripts.store import Kept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock
    from vms_bridge.scripting import Approval
    from vms_bridge.scripts.store import ScriptStore

_LOGGER = logging.getLogger(__name__)
What: TypeAlias = Literal["revoked", "stopped", "forgotten"]


class Decisions:
    """Of one store. `kept` is what holds, None until the store could be read."""

    def __init__(self, store: ScriptStore, clock: Clock) -> None:
        self._store = store
        self._trouble = Trouble(_LOGGER, "which scripts are approved is not known, so none is started", clock.monotonic)
        self._unkept: dict[tuple[str, What], Callable[[str], Awaitable[None]]] = {}
        """What is yet to be kept: by the script's name and by what was decided."""
        self._read: Kept | None = None

    @property
    def kept(self) -> Kept | None:
        """What holds."""
        if self._read is None or not self._unkept:
            return self._read
        approvals, stopped = dict(self._read.approvals), set(self._read.stopped)
        for name, what in self._unkept:
            if what == "stopped":
                stopped.add(name)
                continue
            approvals.pop(name, None)
            if what == "forgotten":
                stopped.discard(name)
        return Kept(approvals, frozenset(stopped))

    async def read(self) -> None:
        """Read what is kept; where that fails, what was read before holds."""
        try:
            self._read = await self._store.kept()
        except BridgeError as error:
            if self._read is None:
                self._trouble.report(error, hint=error.hint, level=logging.ERROR)
        else:
            self._trouble.over()

    async def approve(self, name: str, approval: Approval, text: str) -> None:
        """Keep an approval of this source. Raises StoreError."""
        await self.settle(name)
        await self._store.approve(name, approval, text)
        if (known := self._read) is not None:
            self._read = replace(known, approvals={**known.approvals, name: approval})
        await self.read()

    async def enable(self, name: str) -> None:
        """Have a script run again. Raises StoreError."""
        await self.settle(name)
        await self._store.enable(name, is_enabled=True)
        if (known := self._read) is not None:
            self._read = replace(known, stopped=known.stopped - {name})
        await self.read()

    def take_away(self, name: str, what: What) -> None:
        """Take an approval back, have a script not run, or forget all that is kept of it: this holds from now on; `keep` it."""
        keep = {"revoked": self._store.revoke, "stopped": self._stop, "forgotten": self._store.forget}[what]
        self._unkept.pop((name, what), None)
        self._unkept[name, what] = keep  # what was decided last is kept last

    async def keep(self, name: str) -> None:
        """Keep what was taken away of a script. Raises StoreError where that holds for now only."""
        try:
            await self.settle(name)
        except StoreError as error:
            what = " and ".join(what for each, what in self._unkept if each == name)
            hint = "it is tried again; until that has succeeded, a restart of the bridge undoes it"
            raise StoreError(f"{name} is {what} now, but this could not be kept: {error}", hint=hint) from error
        await self.read()

    async def settle(self, name: str | None = None) -> None:
        """Keep what could not be kept, of this script or of all. Raises StoreError."""
        for key, keep in [each for each in self._unkept.items() if name in {None, each[0][0]}]:
            await keep(key[0])
            self._read = self.kept
            self._unkept.pop(key, None)

    async def _stop(self, name: str) -> None:
        await self._store.enable(name, is_enabled=False)
