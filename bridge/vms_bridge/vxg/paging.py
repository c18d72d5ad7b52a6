"""Lists that come in pages: each row once, though rows come and go while they are read; and never from another host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from vms_bridge.errors import VmsProtocolError
from vms_bridge.vxg.fields import mapping, moment, objects, whole, written
from vms_bridge.vxg.refusals import PagingRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from vms_bridge.vxg.border import Query

    Ask = Callable[[Query], Awaitable[object]]

PAGE_ROWS = 250
"""Some hundred kilobytes, which are read within some milliseconds."""
MOST_PAGES = 10_000
_MOST_REMEMBERED = 50_000


@dataclass(slots=True)
class Seen:
    """What was noticed while a list was read."""

    changed: bool = False
    """Whether rows came or went meanwhile: one may have slipped through between two pages."""
    total: int | None = None
    _keys: dict[object, None] = field(default_factory=dict)

    def is_new(self, key: object) -> bool:
        """Note a row, and say whether it has not come before."""
        if key in self._keys:
            self.changed = True
            return False
        self._keys[key] = None
        if len(self._keys) > _MOST_REMEMBERED:
            del self._keys[next(iter(self._keys))]
        return True


async def rows(
    ask: Ask, path: str, query: Query, *, limit: int | None = None, seen: Seen | None = None, key: str = "id"
) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows of a list one by one, `limit` of them at most; no more than a page of them is held. Raises VmsError.

    `path` is what is asked; a next page has the same.
    """
    seen = Seen() if seen is None else seen
    size = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
    if size <= 0:
        return
    asked: Query = [*query, ("limit", str(size)), ("offset", "0")]
    left = limit
    offset = -1
    for _ in range(MOST_PAGES):
        answer = await ask(asked)
        found = listed(answer, path)
        meta = meta_of(answer)
        _compare_total(meta, seen)
        for row in found:
            name = row.get(key)
            if name is not None and not isinstance(name, int | str):
                continue
            if name is None or seen.is_new(name):
                yield row
                left = None if left is None else left - 1
                if left == 0:
                    return
        following = meta.get("next")
        if not following:
            return
        asked = _next(following, path)
        told = whole(dict(asked).get("offset"))
        if told is not None and told <= offset:
            raise PagingRefused(f"{path} says that a page is its own next one", hint="try again later")
        offset = offset if told is None else told
    raise PagingRefused(f"{path} has more than {MOST_PAGES} pages", hint="ask for less")


async def rows_by_time(
    ask: Ask, path: str, query: Query, *, start: datetime | None = None, limit: int | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Yield rows that have a `time`, the oldest first, from `start` on, `limit` of them at most. Raises VmsError.

    Each page begins at the time with which the one before ended: what goes or comes meanwhile makes no other row slip through.
    """
    seen, offset, count = Seen(), 0, 0
    size = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
    if size <= 0:
        return
    for _ in range(MOST_PAGES):
        since = [] if start is None else [("start", written(start))]
        answer = await ask([*query, *since, ("order_by", "time"), ("limit", str(size)), ("offset", str(offset))])
        found = listed(answer, path)
        last = start
        for row in found:
            time, name = moment(row.get("time")), row.get("id")
            last = time if last is None or (time is not None and time > last) else last
            if isinstance(name, int | str) and seen.is_new(name):
                yield row
                count += 1
                if count == limit:
                    return
        following = meta_of(answer).get("next")
        if not following or not found:
            return
        _next(following, path)
        start, offset = (last, 0) if last != start else (start, offset + len(found))
    raise PagingRefused(f"{path} has more than {MOST_PAGES} pages", hint="ask for less")


def listed(answer: object, where: str) -> Sequence[dict[str, Any]]:
    """Return the rows of an answer that is a list. Raises VmsProtocolError: what is no list is no empty one either."""
    said = mapping(answer).get("objects")
    if not isinstance(said, list):
        raise VmsProtocolError(f"{where} answered something else than a list", hint="is it VXG that answers at url?")
    return list(objects(said))


def meta_of(answer: object) -> dict[str, Any]:
    """Return what an answer that is a list says of itself."""
    return mapping(mapping(answer).get("meta"))


def _compare_total(meta: dict[str, Any], seen: Seen) -> None:
    total = whole(meta.get("total_count"))
    if total is None:
        return
    seen.changed = seen.changed or (seen.total is not None and total != seen.total)
    seen.total = total


def _next(following: object, path: str) -> Sequence[tuple[str, str]]:
    """Return what is asked for the next page. Raises PagingRefused for what would lead elsewhere."""
    if not isinstance(following, str) or len(following) > 4096:
        raise PagingRefused(f"{path} says no address of a next page that can be one")
    try:
        parts = urlsplit(following)
    except ValueError:
        raise PagingRefused(f"{path} says no address of a next page that can be one") from None
    if parts.scheme or parts.netloc or not parts.path.rstrip("/").endswith(path.rstrip("/")):
        raise PagingRefused(
            f"{path} says that its next page is elsewhere", hint="credentials are not sent there; is it VXG that answers at url?"
        )
    try:
        return parse_qsl(parts.query, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        raise VmsProtocolError(f"{path} says that its next page has far too many parameters") from None
