"""What is not in the list of channels: how a channel records, whether it looks for motion, and whether it can be moved.

Each is a request for each channel: they are read one channel after the other, slowly, and at once where somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.parse import ALL
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.vxg import NotThere

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.vxg import ChannelRow

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

    async def read(self, camera: Camera, *, with_ptz: bool = True) -> None:
        """Read what there is of a channel; what the VMS does not have for it stays unknown. Raises VmsError."""
        camera.is_read = True
        if camera.row.access != ALL:
            return
        row = camera.row
        try:
            camera.record_mode = (await self._vxg.channels.status(row)).record_mode or None
        except (NotThere, VmsProtocolError):
            camera.record_mode = None
        try:
            camera.is_detecting = await self._vxg.motion.is_enabled(row)
        except (NotThere, VmsProtocolError):
            camera.is_detecting = None
        if with_ptz and camera.ptz is None:
            try:
                camera.ptz = await self._ptz(row)
            except (NotThere, VmsProtocolError, VmsAuthFailed):
                camera.ptz = None

    async def _ptz(self, row: ChannelRow) -> Ptz | None:
        """Return what the camera can be told. Raises VmsError: most channels have no such thing."""
        if not await self._vxg.ptz.capabilities(row):
            return None
        found = await self._vxg.ptz.presets(row)
        presets = tuple(Preset(number=number, name=each.name) for number, each in enumerate(found, 1))
        return Ptz(moves=(*MOVES, PtzMove.STOP), continuous=tuple(MOVES), presets=presets)
