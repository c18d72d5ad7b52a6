"""What a script's permissions allow, as services ask: the same checks for all of them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from vms_bridge.commands import Level
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Permissions
    from vms_bridge.views import MonitorKey

ALL = "*"


class PermissionMissing(BridgeError):
    """A script asks for what its header does not."""

    code = "permission"


def sees(permissions: Permissions, monitor: MonitorKey) -> bool:
    """Say whether it may know of this monitor."""
    name = "/".join(monitor)
    return any(fnmatchcase(name, pattern) for pattern in permissions.monitors)


def level_for(permissions: Permissions, *names: str) -> Level:
    """Return how far it may go with a command of these names. Raises PermissionMissing."""
    if any(name in permissions.commands for name in names):
        return Level.ADMIN
    if ALL in permissions.commands:
        return Level.CONTROL
    hint = f"add it to the script's header, and have that approved: permissions(commands=[{names[0][:100]!r}])"
    raise PermissionMissing(f"the script may not give the command {names[0]}", hint=hint)


def require_flag(permissions: Permissions, flag: str) -> None:
    """Raise PermissionMissing where it may not do this as a whole."""
    if not getattr(permissions, flag):
        raise PermissionMissing(f"the script has not the permission {flag}", hint=f"ask for it: permissions({flag}=True)")
