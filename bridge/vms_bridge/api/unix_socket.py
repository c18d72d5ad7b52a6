"""The unix socket in `data_dir`: whoever may connect to it is admin, so it is for the bridge's own user and root only."""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.errors import DoorClosed
from vms_bridge.sockets import LONGEST_PATH, api_socket

if TYPE_CHECKING:
    from pathlib import Path

_UMASK = 0o077
_PEER = struct.Struct("3i")
_BACKLOG = 16


class UnixSocket:
    """One socket, from its making to its end. Making it takes no time, and blocks for none."""

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self.sock, self.path = sock, path
        self._inode = path.lstat().st_ino

    @classmethod
    def open(cls, data_dir: Path) -> UnixSocket:
        """Make it, in the place of one that was left behind. Raises DoorClosed."""
        path = api_socket(data_dir)
        if (flaw := flaw_of(path)) is not None:
            raise flaw
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            before = os.umask(_UMASK)
            try:
                sock.bind(str(path))
            finally:
                os.umask(before)
            sock.listen(_BACKLOG)
            return cls(sock, path)
        except OSError as error:
            sock.close()
            hint = "the command line reaches the bridge by it; see that the bridge's user may write to data_dir"
            raise DoorClosed(f"the socket {path} can't be made: {error.strerror}", hint=hint) from error

    def close(self) -> None:
        """End it, and take it away unless somebody has put another one there."""
        self.sock.close()
        with suppress(OSError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()


def flaw_of(path: Path) -> DoorClosed | None:
    """Return why there can be no socket at this path, as far as can be seen. Blocking, for a moment."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        hint = f"set data_dir: to a shorter path: with the socket's name it may have {LONGEST_PATH} bytes"
        return DoorClosed(f"the path of the socket {path} is too long", hint=hint)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return DoorClosed(f"the socket {path} can't be made: {error.strerror}", hint="see whose data_dir is")
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
        return DoorClosed(f"{path} is no socket of the bridge's", hint="find out what it is, and move it away")
    return None


def peer_uid(sock: socket.socket) -> int | None:
    """Return whose process is at the other end, None where that is neither the bridge's own user nor root."""
    try:
        _, uid, _ = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    except OSError:
        return None
    return int(uid) if uid in {0, os.geteuid()} else None
