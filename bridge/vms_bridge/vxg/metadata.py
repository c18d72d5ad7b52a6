"""Documents that are recorded with a channel's video, each at a time: written, found by conditions, changed and deleted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import VmsProtocolError
from vms_bridge.vxg.conditions import Joined
from vms_bridge.vxg.conditions import field as field_of
from vms_bridge.vxg.fields import flag, mapping, moment, number, objects, text, whole, written
from vms_bridge.vxg.paging import MOST_PAGES, Seen, listed
from vms_bridge.vxg.refusals import MetadataRefused, PagingRefused, WrongValue
from vms_bridge.vxg.session import channel_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.vxg.conditions import Condition
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH, _FILTER = "/api/v4/meta/", "/api/v4/meta/filter/"
_AT_ONCE = 100
_PAGE = 200
MOST_RAW_CHARACTERS = 256 * 1024
_LARGEST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What somebody has found out of a moment: whole numbers, numbers and texts, each by a name; `raw` is any text."""

    timestamp: datetime
    numbers: Mapping[str, int] = field(default_factory=dict)
    floats: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    id: str | None = None
    """As VXG knows it; None for one that is not recorded yet."""


class Metadata:
    """The documents of channels."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(self, channel: ChannelRow | int, documents: Sequence[Document]) -> tuple[str, ...]:
        """Record them, and return their ids. Raises MetadataRefused where some were not taken, WrongValue or VmsError."""
        return await self._send(channel, "POST", [_written(each) for each in documents])

    async def update(self, channel: ChannelRow | int, documents: Sequence[Document]) -> tuple[str, ...]:
        """Change documents that are recorded, by their ids; what one does not name stays. Raises as `record` does."""
        return await self._send(channel, "PUT", [{**_written(each), "id": _id(each.id)} for each in documents])

    async def delete(self, channel: ChannelRow | int, ids: Sequence[str]) -> None:
        """Delete documents. Raises MetadataRefused where some were not deleted, or VmsError."""
        await self._send(channel, "DELETE", [{"id": _id(each)} for each in ids])

    async def each(
        self,
        channel: ChannelRow | int | None = None,
        where: Condition | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:
        """Yield the documents that a condition chooses, of a channel or of all of the group, by their times. Raises VmsError."""
        # Each page begins at the time with which the one before ended, as `paging.rows_by_time` does.
        seen, last, offset, count = Seen(), None, 0, 0
        size = _PAGE if limit is None else min(limit, _PAGE)
        if size <= 0:
            return
        for _ in range(MOST_PAGES):
            body: dict[str, object] = {"limit": size, "sort": ["-timestamp" if newest_first else "timestamp"]}
            condition = _from(where, last, newest_first=newest_first)
            body |= ({"offset": offset} if offset else {}) | ({} if condition is None else {"filter": condition.written()})
            found = listed(await self._find(channel, body), _FILTER)
            before, since = count, last
            for document in filter(None, map(_read, found)):
                last = document.timestamp
                if seen.is_new(document.id or object()):
                    yield document
                    count += 1
                    if count == limit:
                        return
            if len(found) < size:
                return
            if count == before and offset:
                break
            offset = offset + len(found) if last == since else 0
        raise PagingRefused(f"{_FILTER} gives the same documents over and over", hint="ask for less, by conditions")

    async def list(
        self,
        channel: ChannelRow | int | None = None,
        where: Condition | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> tuple[Document, ...]:
        """Return them all at once. Raises VmsError."""
        return tuple([each async for each in self.each(channel, where, newest_first=newest_first, limit=limit)])

    async def delete_where(self, channel: ChannelRow | int, where: Condition) -> None:
        """Delete all documents of a channel that a condition chooses. Raises VmsError."""
        await self._session.ask_of(channel, "DELETE", _FILTER, body={"filter": where.written()})

    async def _find(self, channel: ChannelRow | int | None, body: dict[str, object]) -> object:
        if channel is not None:
            return await self._session.ask_of(channel, "POST", _FILTER, body=body)
        return await self._session.ask(self._session.for_all, "POST", "/api/v2/storage/meta/filter/", body=body)

    async def _send(self, channel: ChannelRow | int, method: str, documents: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        """Send them, some at a time, and look at what is said of each: VXG answers 200 for all together."""
        ids: list[str | None] = []
        refused: list[tuple[int, str]] = []
        for first in range(0, len(documents), _AT_ONCE):
            sent = documents[first : first + _AT_ONCE]
            answer = mapping(await self._session.ask_of(channel, method, _PATH, body=sent))
            said = list(objects(answer.get("objects")))
            errors = whole(mapping(answer.get("meta")).get("errors_count"))
            if method == "POST" and len(said) != len(sent):
                raise VmsProtocolError(f"VXG says of {len(said)} documents what became of them, and not of {len(sent)}")
            found = [_outcome(each) for each in said]
            refused += [(first + at, why) for at, (_, why) in enumerate(found) if why]
            if errors and not any(why for _, why in found):
                refused.append((first, "it does not say which"))
            ids += [number_of for number_of, _ in found]
        if refused:
            raise MetadataRefused(
                f"{len(refused)} of {len(documents)} documents of channel {channel_id(channel)} were not taken: {refused[0][1]}",
                hint="the error's `refused` has the place and the reason of each",
                refused=refused,
                ids=ids,
            )
        return tuple(each for each in ids if each is not None)


def _outcome(said: dict[str, Any]) -> tuple[str | None, str]:
    """Return a document's id, and why it was not taken, empty where it was."""
    status = whole(said.get("status"))
    known = text(said.get("id")) or None
    if (status is not None and status >= 400) or flag(said.get("error")):
        return None, text(said.get("errorDetail") or said.get("error") or said.get("detail"))[:200] or f"status {status}"
    return known, ""


def _written(document: Document) -> dict[str, Any]:
    said: dict[str, Any] = {"timestamp": written(document.timestamp)}
    if not all(map(_is_whole, document.numbers.values())):
        raise WrongValue("one of a document's whole numbers is none, or too large")
    if not all(math.isfinite(value) for value in document.floats.values()):
        raise WrongValue("one of a document's numbers is none")
    if document.raw is not None and len(document.raw) > MOST_RAW_CHARACTERS:
        raise WrongValue(f"a document's raw text has more than {MOST_RAW_CHARACTERS} characters")
    values = (("long", document.numbers), ("float", document.floats), ("string", document.texts))
    said.update({name: dict(value) for name, value in values if value})
    if document.raw is not None:
        said["raw_data"] = document.raw
    return said


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and abs(value) < _LARGEST


def _from(where: Condition | None, last: datetime | None, *, newest_first: bool) -> Condition | None:
    """Return the condition of what comes from this time on, that time with it: there may be more of it."""
    if last is None:
        return where
    time = field_of("timestamp")
    # Theirs may be of less than a microsecond later than we can read.
    rest = time.at_most(last + timedelta(microseconds=1)) if newest_first else time.at_least(last)
    return rest if where is None else Joined("and", (where, rest))


def _id(number_of: str | None) -> str:
    if not number_of:
        raise WrongValue("a document that is recorded has an id")
    return number_of


def _read(raw: dict[str, Any]) -> Document | None:
    when = moment(raw.get("timestamp"))
    if when is None:
        return None
    numbers = {key: found for key, value in mapping(raw.get("long")).items() if (found := whole(value)) is not None}
    floats = {key: real for key, value in mapping(raw.get("float")).items() if (real := number(value)) is not None}
    texts = {key: value for key, value in mapping(raw.get("string")).items() if isinstance(value, str)}
    said = raw.get("raw_data")
    return Document(
        timestamp=when,
        numbers=numbers,
        floats=floats,
        texts=texts,
        raw=said if isinstance(said, str) else None,
        id=text(raw.get("id")) or None,
    )
