"""Whether a script may run: what an administrator has approved, held against what its file asks for now."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.permission_words import differences
from vms_bridge.scripts.permissions import FLAGS, LISTS, is_within, normal
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.scripting import Approval, Difference


class ApprovalOf(StrEnum):
    """What an approval is of."""

    SOURCE = "source"
    """The permissions and the source: whoever changes a letter has it approved anew."""
    PERMISSIONS = "permissions"
    """The permissions: whoever may write into the folder, who is the bridge's user or root, may change the rest."""


def is_approved(approval: Approval | None, permissions: Permissions, sha256: str, of: ApprovalOf) -> bool:
    """Say whether what was approved is what is asked for now."""
    if approval is None:
        return False
    granted = permissions_of(approval.permissions)
    if granted is None:
        return False
    if of is ApprovalOf.SOURCE:
        return approval.sha256 == sha256 and granted == normal(permissions)
    return is_within(permissions, granted)


def what_differs(approval: Approval | None, permissions: Permissions) -> Sequence[Difference]:
    """Return in which ways the permissions are more and less than those that were approved."""
    granted = None if approval is None else permissions_of(approval.permissions)
    return differences(granted, normal(permissions))


def words_of(permissions: Permissions) -> dict[str, Any]:
    """Return permissions as JSON says them: what is not asked for is left out."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(normal(permissions)).items() if value
    }


def permissions_of(words: Mapping[str, Any]) -> Permissions | None:
    """Return what JSON says, None for what is none: nobody has approved that."""
    lists = {name: words.get(name, []) for name in LISTS}
    flags = {name: words.get(name, False) for name in FLAGS}
    if words.keys() - {*LISTS, *FLAGS} or not all(isinstance(each, bool) for each in flags.values()):
        return None
    if not all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in lists.values()):
        return None
    found: dict[str, Any] = {**{name: tuple(each) for name, each in lists.items()}, **flags}
    return normal(Permissions(**found))
