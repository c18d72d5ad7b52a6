"""Unix sockets: that in `data_dir`, by which the bridge's own user and root are admin, and the one for hooks elsewhere."""

from __future__ import annotations

import grp
import os
import socket
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import DoorClosed
from vms_bridge.sockets import LONGEST_PATH, api_socket

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o600
_PEER = struct.Struct("3i")
_BACKLOG = 16
_HIGHEST_GROUP = 2**32 - 2
"""The kernel takes the number above it for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlace:
    """Where a unix socket is, and who may connect to it: its owner alone, unless it has a `mode`, and a `group` for that.

    `option` is what says so in the configuration, `purpose` what nobody can do without it.
    """

    path: Path
    option: str
    purpose: str
    group: str | None = None
    mode: int | None = None

    @classmethod
    def in_data_dir(cls, data_dir: Path) -> SocketPlace:
        """Return that of the API's own socket."""
        return cls(path=api_socket(data_dir), option="data_dir", purpose="the command line reaches the bridge by it")


class UnixSocket:
    """One socket, from its making to its end. Making it takes no time, and blocks for none."""

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self.sock, self.path = sock, path
        self._inode = path.lstat().st_ino

    @classmethod
    def open(cls, place: SocketPlace) -> UnixSocket:
        """Make it, in the place of one that was left behind. Raises DoorClosed."""
        path = place.path
        if (flaw := flaw_of(place)) is not None:
            raise flaw
        group = group_of(place)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            # Linux makes the socket's file with the mode of the socket itself. A umask would do the same to all threads' files.
            os.fchmod(sock.fileno(), _MODE)
            sock.bind(str(path))
            if group is not None and path.lstat().st_gid != group:
                os.chown(path, -1, group, follow_symlinks=False)
            if place.mode is not None:
                path.chmod(place.mode)
            sock.listen(_BACKLOG)
            return cls(sock, path)
        except OSError as error:
            sock.close()
            hint = f"{place.purpose}; see that the bridge's user may write where {place.option} says"
            if group is not None:
                hint += f", and is in the group {place.group}"
            raise DoorClosed(f"the socket {path} can't be made: {error.strerror}", hint=hint) from error

    def close(self) -> None:
        """End it, and take it away unless somebody has put another one there."""
        self.sock.close()
        with suppress(OSError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()


def flaw_of(place: SocketPlace) -> DoorClosed | None:
    """Return why there can be no socket at this place, as far as can be seen. Blocking, for a moment."""
    path = place.path
    if len(os.fsencode(path)) > LONGEST_PATH:
        hint = f"set {place.option}: to a shorter path: with the socket's name it may have {LONGEST_PATH} bytes"
        return DoorClosed(f"the path of the socket {path} is too long", hint=hint)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return DoorClosed(f"the socket {path} can't be made: {error.strerror}", hint=f"see whose the folder in {place.option} is")
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
        return DoorClosed(f"{path} is no socket of the bridge's", hint="find out what it is, and move it away")
    return None


def peer_uid(sock: socket.socket) -> int | None:
    """Return whose process is at the other end, None where that is neither the bridge's own user nor root."""
    uid = uid_of(sock)
    return uid if uid in {0, os.geteuid()} else None


def uid_of(sock: socket.socket) -> int | None:
    """Return whose process is at the other end, by the kernel's word."""
    try:
        _, uid, _ = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    except OSError:
        return None
    return int(uid)


def group_of(place: SocketPlace) -> int | None:
    """Return the number of the group that may connect. Raises DoorClosed."""
    if place.group is None:
        return None
    with suppress(KeyError):
        is_number = place.group.isascii() and place.group.isdecimal()
        number = int(place.group) if is_number else grp.getgrnam(place.group).gr_gid
        if number <= _HIGHEST_GROUP:
            return number
    raise DoorClosed(
        f"there is no group {place.group!r} for the socket {place.path}", hint="see `getent group`, or write its number"
    )
