"""The connections over which recordings are read: apart from those by which states and events come."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from vms_bridge.errors import VmsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from vms_bridge.backends.zoneminder.api import Api

CONNECTIONS = 20
"""For the pictures and clips that are read at a time, and for questions about them."""


class Line:
    """A client for recordings: open while the system is served, and until what is being read has been closed.

    When the system is lost, clips that still come are not cut off; when it is no more served, they are.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self._users = 0

    async def __aenter__(self) -> Self:
        await self.api.__aenter__()
        self._users += 1
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        if kind is not None and issubclass(kind, VmsError):
            await self._leave()
        else:
            await self.api.__aexit__()

    def hold(self) -> None:
        """Use it until `release`."""
        self._users += 1

    async def release(self) -> None:
        """Use it no more."""
        await self._leave()

    async def _leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            await self.api.__aexit__()


@asynccontextmanager
async def held(line: Line) -> AsyncIterator[Line]:
    """Use the line for a moment."""
    line.hold()
    try:
        yield line
    finally:
        await line.release()
