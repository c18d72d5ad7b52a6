"""ZoneMinder's users, and what they may."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_bool, as_id, as_text, listed, rows
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import Raw

_LEVELS = ("None", "View", "Edit", "Create")
PERMISSIONS = ("Stream", "Events", "Control", "Monitors", "Groups", "Devices", "Snapshots", "System")
_PAGE, _MOST_PAGES = 100, 20
_SECRETS = frozenset({"Password", "TokenMinExpiry"})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user."""

    id: str
    name: str
    is_enabled: bool = True
    has_api: bool = True
    permissions: Mapping[str, str] = field(default_factory=dict)
    """By area, such as Events: None, View or Edit (and Create for Monitors from 1.38 on)."""
    monitor_ids: tuple[str, ...] = ()
    """The only monitors that it may see; none: all of them."""
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns but the password."""

    def may(self, area: str, level: str = "View") -> bool:
        """Say whether it may do as much in this area."""
        held = self.permissions.get(area, "None")
        return held in _LEVELS and level in _LEVELS and _LEVELS.index(held) >= _LEVELS.index(level)


class Users:
    """The users, from 1.36 on; read once and kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all = Kept(self._read)

    async def list(self, *, force_reload: bool = False) -> tuple[User, ...]:
        """Return all users. Raises VmsError; it wants the permission System: View."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> User | None:  # noqa: A002 (pyzm's word)
        """Return the user with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def own(self) -> User | None:
        """Return the user that we are, None where no login is wanted. Raises VmsError, as `list` does."""
        return None if self._connection.username is None else await self.find(name=self._connection.username)

    async def _read(self) -> tuple[User, ...]:
        found: dict[str, User] = {}
        for page in range(1, _MOST_PAGES + 1):
            try:
                answer = await self._connection.client.get("users", {"limit": str(_PAGE), "page": str(page)})
            except NotThere:
                if page == 1:
                    raise
                break  # past the last page
            found |= {user.id: user for user in parse_users(answer)}
            if len(listed(answer, "users")) < _PAGE:
                break
        return tuple(found.values())


def parse_users(raw: object) -> tuple[User, ...]:
    """Read the list of users; passwords, which are hashed, are left out."""
    found = []
    for row in rows(raw, "users", "User"):
        user_id, name = as_id(row.get("Id")), as_text(row.get("Username"))
        if user_id is None or not name:
            continue
        allowed = (as_id(part.strip()) for part in as_text(row.get("MonitorIds")).split(","))
        found.append(
            User(
                id=user_id,
                name=name,
                is_enabled=as_bool(row.get("Enabled"), default=True),
                has_api=as_bool(row.get("APIEnabled"), default=True),
                permissions={area: as_text(row[area]) for area in PERMISSIONS if as_text(row.get(area))},
                monitor_ids=tuple(number for number in allowed if number is not None),
                raw={name: value for name, value in row.items() if name not in _SECRETS},
            )
        )
    return tuple(found)
