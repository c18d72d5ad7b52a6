"""Channels: those of a group, of an account, or the one of a channel's token."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from vms_bridge.vxg import rows
from vms_bridge.vxg.fields import mapping
from vms_bridge.vxg.paging import Seen
from vms_bridge.vxg.refusals import NotDone, NotThere, WrongValue
from vms_bridge.vxg.session import channel_id
from vms_bridge.vxg.tokens import ChannelToken, GroupToken
from vms_bridge.vxg.values import RECORD_MODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PASSES = 3
_BY_EVENT = {"server_by_event": "by_event"}
"""What may be answered for what was set: the vendor's own pages take one for the other."""


class Which(TypedDict, total=False):
    """Which channels are meant, and what is wanted of them."""

    include_meta: bool
    """With their tags."""
    preview: bool
    """With a picture of each."""
    meta: Sequence[str]
    """Those that have these tags."""
    without_meta: Sequence[str]
    """Those that have none of these tags."""


class Channels:
    """The channels."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self, **which: Unpack[Which]) -> tuple[ChannelRow, ...]:
        """Return all of them, read again where some came or went meanwhile. Raises VmsError."""
        found: dict[int, ChannelRow] = {}
        for _ in range(_PASSES):
            seen = Seen()
            found = {row.id: row async for row in self._rows(seen, which)}
            if not seen.changed:
                break
        return tuple(found.values())

    def each(self, **which: Unpack[Which]) -> AsyncIterator[ChannelRow]:
        """Yield them one by one; no more than a page of them is held. Raises VmsError."""
        return self._rows(Seen(), which)

    async def get(self, channel: ChannelRow | int) -> ChannelRow:
        """Return one of them as it is now. Raises VmsError."""
        return await self._session.read_channel(channel_id(channel))

    async def status(self, channel: ChannelRow | int) -> ChannelRow:
        """Return how its camera is: status, what is recorded and when. Raises VmsError."""
        raw = await self._session.ask_of(channel, "GET", "/api/v2/cameras/{id}/", query=[("detail", "detail")])
        found = rows.channel(mapping(raw))
        if found is None:
            raise NotThere(f"VXG says nothing of channel {channel_id(channel)}")
        return found

    async def set_record_mode(self, channel: ChannelRow | int, mode: str) -> ChannelRow:
        """Set when it records, and return how it is then. Raises NotDone if it does not show, WrongValue, or VmsError."""
        if mode not in RECORD_MODES:
            raise WrongValue(f"there is no record mode {mode[:40]!r}", hint=f"one of {', '.join(RECORD_MODES)}")
        await self._session.ask_of(channel, "PUT", "/api/v2/cameras/{id}/", body={"rec_mode": mode})
        found = await self.status(channel)
        if found.record_mode and found.record_mode not in {mode, _BY_EVENT.get(mode)}:
            raise NotDone(f"channel {found.id} records {found.record_mode!r}, after {mode!r} was set")
        return found

    async def _rows(self, seen: Seen, which: Which) -> AsyncIterator[ChannelRow]:
        credential = self._session.for_all
        if isinstance(credential, ChannelToken):
            yield await self._session.read_channel(credential.channel_id)
            return
        query = [(name, "true") for name in ("include_meta", "preview") if which.get(name)]
        with_tags = (("meta", which.get("meta", ())), ("meta_not", which.get("without_meta", ())))
        query += [(name, ",".join(tags)) for name, tags in with_tags if tags]
        path = "/api/v5/channels/" if isinstance(credential, GroupToken) else "/api/v3/channels/"
        async for raw in self._session.pages(credential, path, query, seen=seen):
            found = rows.channel(raw)
            if found is not None:
                self._session.remember(found)
                yield found
