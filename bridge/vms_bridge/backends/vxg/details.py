"""What is not in the list of channels: how a channel records, whether it looks for motion, and whether it can be moved.

Each is a request for each channel: they are read one channel after the other, slowly, and at once where somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.backends.vxg.parse import ALL
from vms_bridge.errors import VmsError
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.vxg import NotThere

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.vxg import ChannelRow

_T = TypeVar("_T")
STEP_S = 1.0
"""How long one channel waits for the other."""
AGAIN_S = 600.0
"""So often each is read again at most."""
MOVES = {
    PtzMove.UP: "top",
    PtzMove.DOWN: "bottom",
    PtzMove.LEFT: "left",
    PtzMove.RIGHT: "right",
    PtzMove.ZOOM_IN: "zoom_in",
    PtzMove.ZOOM_OUT: "zoom_out",
}
"""How VXG calls them; each goes on until it is stopped."""


class Details:
    """Reads them."""

    def __init__(self, connection: Connection) -> None:
        self._vxg = connection.vxg

    async def read(self, camera: Camera) -> VmsError | None:
        """Read what there is of a channel, and return what went wrong at last: one channel's trouble is not that of others.

        What the VMS does not have for it is unknown; what it does not tell now stays as it was.
        """
        if camera.row.access != ALL:
            return None
        row = camera.row
        camera.record_mode, first = await _read(self._record_mode(row), camera.record_mode)
        camera.is_detecting, second = await _read(self._vxg.motion.is_enabled(row), camera.is_detecting)
        camera.ptz, third = await _read(self._ptz(row), camera.ptz)
        return third or second or first

    async def _record_mode(self, row: ChannelRow) -> str | None:
        return (await self._vxg.channels.status(row)).record_mode or None

    async def _ptz(self, row: ChannelRow) -> Ptz | None:
        """Return what the camera can be told. Raises VmsError: most channels have no such thing."""
        if not await self._vxg.ptz.capabilities(row):
            return None
        found = await self._vxg.ptz.presets(row)
        presets = tuple(Preset(number=number, name=each.name) for number, each in enumerate(found, 1))
        return Ptz(moves=(*MOVES, PtzMove.STOP), continuous=tuple(MOVES), presets=presets)


async def _read(asked: Awaitable[_T | None], before: _T | None) -> tuple[_T | None, VmsError | None]:
    """Return what is so, as far as can be said, and what went wrong."""
    try:
        return await asked, None
    except NotThere:
        return None, None
    except VmsError as error:
        return before, error
