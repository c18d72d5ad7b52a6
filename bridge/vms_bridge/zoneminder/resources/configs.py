"""ZoneMinder's options, as Options of its web page has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder.changes import Change
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_bool, as_id, as_text, mapping, rows
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One option; its value is always text, and secrets may be among them."""

    name: str
    value: str = field(default="", repr=False)
    id: str | None = None
    """None for what stands in zm.conf and can't be changed here."""
    type: str = ""
    category: str = ""
    default: str = field(default="", repr=False)
    prompt: str = ""
    """What the web page calls it."""
    is_fixed: bool = False
    """Whether it can be changed in zm.conf only."""
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
    """All columns."""


class Configs:
    """The options, read once and kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all = Kept(self._read)
        self._single: dict[str, Kept[str | None]] = {}

    async def list(self, *, force_reload: bool = False) -> tuple[Config, ...]:
        """Return all options. Raises VmsError; from 1.39 on it wants the permission System: View."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> Config | None:  # noqa: A002 (pyzm's word)
        """Return the option with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def get(self, name: str, *, force_reload: bool = False) -> str | None:
        """Return what an option is set to, None where there is no such one. Raises VmsError.

        It is asked for alone, which costs much less than the whole list.
        """

        async def read() -> str | None:
            try:
                answer = await self._connection.client.get(f"configs/viewByName/{quote(name, safe='')}")
            except NotThere:
                return None
            value = mapping(mapping(answer).get("config")).get("Value")
            return None if value is None else text(value)

        return await self._single.setdefault(name, Kept(read)).get(force_reload=force_reload)

    async def set(self, name: str, value: object) -> None:
        """Set an option, and see that it is set. Raises NotThere, NotDone and other VmsErrors. Most need a restart to count."""
        if await self.get(name, force_reload=True) is None:
            raise NotThere(f"ZoneMinder has no option {name}")
        change = Change(self._connection, f"the option {name}")
        sent = "1" if value is True else "0" if value is False else str(value)
        await change.send("PUT", f"configs/edit/{quote(name, safe='')}", {"Config[Value]": sent})
        self._all.forget()

        async def missing() -> str:
            found = await self.get(name, force_reload=True)
            return "" if found == sent else "it has another value"

        await change.see(missing)

    async def _read(self) -> tuple[Config, ...]:
        answer = await self._connection.client.get("configs")
        if "configs" not in mapping(answer):
            raise VmsProtocolError("ZoneMinder answered without options")
        return tuple(config for row in rows(answer, "configs", "Config") if (config := _parse(row)).name)


def text(value: object) -> str:
    """Read an option's value, which may be long, in any of ZoneMinder's spellings."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else as_text(value)


def _parse(row: Raw) -> Config:
    number = as_id(row.get("Id"))
    return Config(
        name=as_text(row.get("Name")),
        value=text(row.get("Value")),
        id=number,
        type=as_text(row.get("Type")),
        category=as_text(row.get("Category")),
        default=text(row.get("DefaultValue")),
        prompt=as_text(row.get("Prompt")),
        is_fixed=number is None or as_bool(row.get("System")) or as_bool(row.get("Readonly")),
        raw=row,
    )
