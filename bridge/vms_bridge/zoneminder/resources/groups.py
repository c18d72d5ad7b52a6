"""Groups of monitors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_id, as_text, mapping

if TYPE_CHECKING:
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import Raw

_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group; groups may be in groups."""

    id: str
    name: str
    parent_id: str | None = None
    monitor_ids: tuple[str, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


class Groups:
    """The groups, read once and kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all = Kept(self._read)

    async def list(self, *, force_reload: bool = False) -> tuple[Group, ...]:
        """Return all groups. Raises VmsError; it wants the permission Groups: View."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> Group | None:  # noqa: A002 (pyzm's word)
        """Return the group with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def _read(self) -> tuple[Group, ...]:
        return parse_groups(await self._connection.client.get("groups"))


def parse_groups(raw: object) -> tuple[Group, ...]:
    """Read the list of groups; monitors stand beside each group, as rows or as links to them."""
    listed = mapping(raw).get("groups")
    found: dict[str, Group] = {}
    for item in listed[:_MOST] if isinstance(listed, list) else ():
        row = mapping(mapping(item).get("Group"))
        group_id = as_id(row.get("Id"))
        if group_id is None:
            continue
        members = mapping(item).get("Monitor")
        ids = [as_id(mapping(member).get("Id")) for member in members] if isinstance(members, list) else []
        found[group_id] = Group(
            id=group_id,
            name=as_text(row.get("Name")) or f"Group {group_id}",
            parent_id=as_id(row.get("ParentId")),
            monitor_ids=tuple(dict.fromkeys(number for number in ids if number is not None)),
            raw=row,
        )
    return tuple(found.values())
