"""Documents that are recorded with a channel's video, each at a time: written, found by conditions, changed and deleted."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import TooLarge, VmsProtocolError
from vms_bridge.vxg.conditions import Joined, field
from vms_bridge.vxg.fields import flag, mapping, moment, number, objects, text, whole, written
from vms_bridge.vxg.paging import MOST_PAGES, Seen, listed, meta_of
from vms_bridge.vxg.refusals import MetadataRefused, PagingRefused, WrongValue
from vms_bridge.vxg.session import channel_id
from vms_bridge.vxg.values import Document
from vms_bridge.vxg.watching import LATE_S, DocumentWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from vms_bridge.vxg.conditions import Condition
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH, _FILTER = "/api/v4/meta/", "/api/v4/meta/filter/"
_AT_ONCE = 100
_PAGE = 250
_SURE = 20
"""So many VXG gives of a list where nobody says how many: a page with fewer is the last one."""
_MOST_PASSED_OVER = 8
"""So many in a row that are too large are passed over; where all are, it is something else."""
MOST_RAW_CHARACTERS = 256 * 1024
_LARGEST = 2**63


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
        """Yield the documents that a condition chooses, of a channel or of all of the group, by their times. Raises VmsError.

        Each page begins at the time with which the one before ended: what goes or comes meanwhile makes no other slip through.
        One that is too large to be read is passed over.
        """
        pages, seen, left = _Pages(where, newest_first=newest_first), Seen(), limit
        while left is None or left > 0:
            body = pages.wanted(left)
            try:
                answer = await self._find(channel, body)
            except TooLarge:
                if not pages.may_be_smaller():
                    raise
                continue
            found, is_news = listed(answer, _FILTER), False
            for raw in found:
                document = read(raw, None if channel is None else channel_id(channel))
                if document is None or left == 0 or (document.id is not None and not seen.is_new(document.id)):
                    continue
                left, is_news = None if left is None else left - 1, True
                yield document
            if not pages.goes_on(found, whole(meta_of(answer).get("total_count")), is_news=is_news):
                return

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

    def watch(self, since: datetime, *, channel: ChannelRow | int | None = None) -> DocumentWatch:
        """Return what follows documents from this time on, of a channel or of all of the group; those of the future wait."""

        async def read(start: datetime) -> AsyncIterator[Document]:
            # An engine that writes local times must not have all of these read again and again.
            until = await self._session.now() + timedelta(seconds=LATE_S)
            times = Joined("and", (field("timestamp").at_least(start), field("timestamp").at_most(until)))
            async for document in self.each(channel, times):
                yield document

        return DocumentWatch(read, self._session.now, since)

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


class _Pages:
    """Where the pages of a list of documents begin, each by the time with which the one before ended."""

    def __init__(self, where: Condition | None, *, newest_first: bool) -> None:
        self._where, self._newest_first = where, newest_first
        self._from: datetime | None = None
        self._offset = 0
        self._size = self._wanted = _PAGE
        self._count = self._passed_over = 0

    def wanted(self, most: int | None) -> dict[str, object]:
        """Return what to ask for: the next page, of `most` documents at most. Raises PagingRefused."""
        self._count += 1
        if self._count > MOST_PAGES:
            raise PagingRefused(f"{_FILTER} has more than {MOST_PAGES} pages", hint="ask for less")
        self._wanted = self._size if most is None else min(self._size, most)
        body: dict[str, object] = {"limit": self._wanted, "sort": ["-timestamp" if self._newest_first else "timestamp"]}
        if self._offset:
            body["offset"] = self._offset
        conditions = [] if self._where is None else [self._where]
        if self._from is not None:
            time = field("timestamp")
            # Theirs may be of less than a microsecond later than we can read.
            until = self._from + timedelta(microseconds=1)
            conditions.append(time.at_most(until) if self._newest_first else time.at_least(self._from))
        if conditions:
            body["filter"] = (Joined("and", tuple(conditions)) if len(conditions) > 1 else conditions[0]).written()
        return body

    def may_be_smaller(self) -> bool:
        """Have smaller pages for now, and one document that is too large alone be passed over; say no where that is of no use."""
        if self._wanted == 1:
            self._offset += 1
            self._passed_over += 1
        self._size = max(1, self._wanted // 8)
        return self._passed_over < _MOST_PASSED_OVER

    def goes_on(self, found: Sequence[dict[str, Any]], total: int | None, *, is_news: bool) -> bool:
        """Take note of a page, and of how many documents there are if VXG says so, and say whether there may be another one.

        Raises PagingRefused where the same documents come over and over.
        """
        self._size, self._passed_over = min(_PAGE, self._size * 2), 0
        is_last = len(found) < min(self._wanted, _SURE) if total is None else self._offset + len(found) >= total
        if is_last or not found:
            return False
        if not is_news and self._offset:
            raise PagingRefused(f"{_FILTER} gives the same documents over and over", hint="ask for less, by conditions")
        times = [time for raw in found if (time := moment(raw.get("timestamp"))) is not None]
        last = (min if self._newest_first else max)([*times, *filter(None, [self._from])], default=None)
        self._from, self._offset = (last, 0) if last != self._from else (last, self._offset + len(found))
        return True


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


def _id(number_of: str | None) -> str:
    if not number_of:
        raise WrongValue("a document that is recorded has an id")
    return number_of


def read(raw: dict[str, Any], whose: int | None) -> Document | None:
    """Return a document as VXG answers it, of this channel unless it says whose it is; None without a time."""
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
        camera_id=whole(raw.get("camid")) if whose is None else whose,
    )
