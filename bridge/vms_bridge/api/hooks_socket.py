"""Where the socket for hooks is: outside of `data_dir`, in a folder in which nobody else can put another one in its place."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from vms_bridge.api.unix_socket import SocketPlace, flaw_of, group_of
from vms_bridge.errors import DoorClosed

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.api.config import HttpConfig

_OPTION = "http.hooks_socket"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def place_of(config: HttpConfig) -> SocketPlace | None:
    """Return where it is to be; None: there is to be none."""
    if config.hooks_socket is None:
        return None
    return SocketPlace(
        path=config.hooks_socket.absolute(),
        option=_OPTION,
        purpose="hooks of other users come by it",
        group=config.hooks_group,
        mode=int(config.hooks_mode, 8),
    )


def hooks_flaw(place: SocketPlace, data_dir: Path | None) -> DoorClosed | None:
    """Return why there can be no socket for hooks at this place, as far as can be seen. Blocking, for a moment."""
    path = place.path
    if data_dir is not None and path.parent.resolve().is_relative_to(data_dir.resolve()):
        hint = "nobody else may look into that folder, and nobody should: set it to a folder such as /run/vms-bridge"
        return DoorClosed(f"the socket for hooks {path} would be in data_dir", hint=hint)
    try:
        folder = path.parent.stat()
    except OSError as error:
        hint = "make the folder, as with RuntimeDirectory=vms-bridge in the service"
        return DoorClosed(f"the socket for hooks {path} can't be made: {error.strerror}", hint=hint)
    is_open = folder.st_mode & _OTHERS_WRITE and not folder.st_mode & stat.S_ISVTX
    if is_open or folder.st_uid not in {0, os.geteuid()}:
        hint = "use a folder of root's or of the bridge's user, where nobody else may write: else he can put his own socket there"
        return DoorClosed(f"the folder of the socket for hooks {path} can be written by others", hint=hint)
    try:
        group_of(place)
    except DoorClosed as error:
        return error
    return flaw_of(place)
