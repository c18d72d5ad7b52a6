"""Groups of channels, and the tokens by which an engine gets at all of one: made and changed by the account's key.

No call adds one channel: a group's list is read, changed and put back whole, and another program may do the same at the same
time. So what was put is read again at once, and once more when all who had read the old list must have written theirs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsError, VmsProtocolError
from vms_bridge.vxg import rows
from vms_bridge.vxg.fields import mapping
from vms_bridge.vxg.refusals import NotDone, WrongValue
from vms_bridge.vxg.session import id_of
from vms_bridge.vxg.values import GroupRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.vxg.session import Session

_PATH = "/api/v3/channel_groups/"
_TRIES = 6
_SETTLED_S = 1.0
"""After so long whoever had read the list before has put his own back."""
_ACCESS = ("all", "watch")


class Groups:
    """The account's groups."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turns: dict[int, asyncio.Lock] = {}

    async def list(self, *, ai_targeted: bool = False, include_meta: bool = False) -> tuple[GroupRow, ...]:
        """Return all of them, or those that are meant for AI engines. Raises VmsError."""
        query = [(name, "true") for name, wanted in (("ai_targeted", ai_targeted), ("include_meta", include_meta)) if wanted]
        found = [rows.group(raw) async for raw in self._session.pages(self._session.lkey, _PATH, query)]
        # A server that knows no such filter gives all.
        return tuple(row for row in found if row is not None and (row.ai_targeted is not False or not ai_targeted))

    async def get(self, group: GroupRow | int) -> GroupRow:
        """Return one as it is now. Raises VmsError."""
        number = _number(group)
        query = [("include_meta", "true")]
        return _read(await self._session.ask(self._session.lkey, "GET", f"{_PATH}{number}/", query=query), number)

    async def create(
        self,
        name: str,
        channels: Iterable[int] = (),
        *,
        access: str = "all",
        ai_targeted: bool = True,
        all_channels: bool = False,
        meta: Mapping[str, str] | None = None,
    ) -> GroupRow:
        """Make a group of these channels, or of all that the account has or will have, and return it with its token.

        Raises WrongValue or VmsError.
        """
        if access not in _ACCESS:
            raise WrongValue(f"there is no access {access[:40]!r}", hint='"all", or "watch" for looking on')
        body: dict[str, object] = {
            "name": _name(name),
            "channels": sorted(set(channels)),
            "channels_access": access,
            "ai_targeted": ai_targeted,
        }
        if all_channels:
            body["include_all_channels"] = True
        if meta:
            body["meta"] = dict(meta)
        return _read(await self._session.ask(self._session.lkey, "POST", _PATH, body=body), None)

    async def add(self, group: GroupRow | int, *channels: int) -> GroupRow:
        """Add channels, and return the group as it is then; those that are in it already are no matter.

        Raises NotDone if others take them out again each time, or VmsError.
        """
        wanted = frozenset(channels)
        return await self._change(group, lambda now: now | wanted, wanted.issubset)

    async def remove(self, group: GroupRow | int, *channels: int) -> GroupRow:
        """Take channels out, and return the group as it is then. Raises NotDone or VmsError."""
        unwanted = frozenset(channels)
        return await self._change(group, lambda now: now - unwanted, unwanted.isdisjoint)

    async def rename(self, group: GroupRow | int, name: str) -> GroupRow:
        """Give it another name, and return it. Raises NotDone or VmsError."""
        number = _number(group)
        await self._session.ask(self._session.lkey, "PUT", f"{_PATH}{number}/", body={"name": _name(name)})
        found = await self.get(number)
        if found.name != name:
            raise NotDone(f"group {number} is called otherwise than it was renamed", hint="has somebody else renamed it?")
        return found

    async def delete(self, group: GroupRow | int) -> None:
        """Delete it: its token is good no more. Raises VmsError."""
        await self._session.ask(self._session.lkey, "DELETE", f"{_PATH}{_number(group)}/")

    async def rotate(self, group: GroupRow | int) -> GroupRow:
        """Put a new group with another token in its place, delete the old one, and return the new one. Raises VmsError.

        No call for this is seen anywhere: the id changes. The old token is good until the new group is whole.
        """
        old = await self.get(group)
        row = await self.create(
            old.name,
            old.channels,
            access=old.access or "all",
            ai_targeted=old.ai_targeted is not False,
            all_channels=old.has_all_channels is True,
            meta=old.meta,
        )
        new = await self.get(row.id)
        token = new.token or row.token
        is_whole = set(new.channels) == set(old.channels) or (old.has_all_channels is True and new.has_all_channels is True)
        if not is_whole or token is None:
            await self.delete(new.id)
            raise NotDone(f"the new group in the place of {old.id} is not whole", hint="the old one is as it was; try again")
        if old.token is not None and token.packed == old.token.packed:
            await self.delete(new.id)
            raise NotDone(f"the new group in the place of {old.id} got the same token", hint="the old one is as it was")
        try:
            await self.delete(old.id)
        except VmsError as error:
            what = f"group {old.id} is there still beside group {new.id}, which was made in its place: {error}"
            raise NotDone(what, hint=f"both tokens are good: delete group {old.id} by its id") from error
        return new if new.token is not None else row

    async def _change(
        self,
        group: GroupRow | int,
        change: Callable[[frozenset[int]], frozenset[int]],
        is_so: Callable[[frozenset[int]], bool],
    ) -> GroupRow:
        number = _number(group)
        async with self._turns.setdefault(number, asyncio.Lock()):
            row = await self.get(number)
            if is_so(frozenset(row.channels)):
                return row
            for attempt in range(_TRIES):
                changed = sorted(change(frozenset(row.channels)))
                await self._session.ask(self._session.lkey, "PUT", f"{_PATH}{number}/", body={"channels": changed})
                row = await self.get(number)
                if is_so(frozenset(row.channels)):
                    await self._session.clock.sleep(_SETTLED_S * (1 + attempt))
                    row = await self.get(number)
                    if is_so(frozenset(row.channels)):
                        return row
        hint = "another program writes the group's list over and over: have one of them do it"
        raise NotDone(f"the channels of group {number} were changed {_TRIES} times, and changed back each time", hint=hint)


def _number(group: object) -> int:
    return id_of(group, GroupRow, "a group", hint="names are looked up by groups.list()")


def _name(name: str) -> str:
    if not name.strip() or len(name) > 256 or not name.isprintable():
        raise WrongValue("a group's name is empty, too long, or has invisible characters in it")
    return name


def _read(raw: object, number: int | None) -> GroupRow:
    found = rows.group(mapping(raw))
    if found is None or (number is not None and found.id != number):
        raise VmsProtocolError("VXG answered something else than a group", hint="is it VXG that answers at url?")
    return found
