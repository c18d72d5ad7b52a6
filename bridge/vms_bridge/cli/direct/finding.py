"""What a word on the command line stands for, where it stands for nothing."""

from __future__ import annotations

from vms_bridge.errors import BridgeError


class NotFoundThere(BridgeError):
    """The VMS that is asked has nothing of that name."""

    code = "not_found"
