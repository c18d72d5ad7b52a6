"""Reads events past rows that ZoneMinder can't write as JSON, and finds out which these are.

One such row makes every page that contains it fail: a 500, nothing, a page or a torso of one. The page is then read by ids, in
parts that are halved down to the row. Nothing is put down to a row unless others can be read: else it is the list that fails.
Every request beyond the regular one waits for a pace, which whoever searches brings along.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.errors import ConnectionClosed, Redirected, TimedOut, VmsError, VmsProtocolError
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
    from typing import Protocol

    from vms_bridge.zoneminder.values import EventRow

    Filters = Sequence[tuple[str, str]]

    class Pace(Protocol):
        """What whoever asks much waits for before each request."""

        async def wait(self) -> None:
            """Wait until the next request may be made."""

    class Unreadable(Protocol):
        """The ids of the rows that can't be read, as far as they are known."""

        def __contains__(self, number: object) -> bool:
            """Say whether this one can't be read."""

        def __iter__(self) -> Iterator[int]:
            """Return all of them."""

        def __len__(self) -> int:
            """Return how many they are."""

        def above(self, low: int) -> int | None:
            """Return the lowest of them above `low`, if there is one."""

        async def add(self, number: int, error: VmsError) -> None:
            """Note one that was found."""

        async def forget(self, number: int, *, is_readable: bool) -> None:
            """Note that this one can be read now, or is gone."""

    class Ask(Protocol):
        """One request for rows."""

        async def __call__(
            self, filters: Filters, *, ascending: bool = True, limit: int = ..., page: int = 1, timeout_s: float | None = None
        ) -> list[EventRow]:
            """Return that page of the rows, in the order of their ids. Raises VmsError."""


PAGE = 100
_GROWTH = 4
_MOST_REQUESTS = 60
"""Of one search; what is not found by then is found by the next ones."""
_PROOF_S = 3.0
_EMPTY_BLOCKS = 3
_MOST_IN_A_ROW = 8
_PAGES_FROM_THE_TOP = (*range(1, 9), 12, 16, 24, 32, 48, 64, 96)
_ALL = (("Id >", "0"),)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in ascending order; `has_more` where there may be others behind `read_to`, up to which nothing is left."""

    rows: list[EventRow]
    has_more: bool
    read_to: int = 0

    def reached(self, low: int, known_to: int) -> int:
        """Return up to where all rows above `low` are in it, if `known_to` is the highest id that is known."""
        if not self.has_more:
            return max(low, known_to)
        return self.rows[-1].id if self.rows else low


def may_be_a_row(error: VmsError) -> bool:
    """Say whether a single row may be the reason for this error."""
    if isinstance(error, VmsProtocolError):
        return not isinstance(error, NotThere | Redirected)
    return isinstance(error, TimedOut | ConnectionClosed)


def between(low: int, high: int | None) -> list[tuple[str, str]]:
    """Return the filters for the rows between these ids; both are left out, None is no bound."""
    return [("Id >", str(low)), *([] if high is None else [("Id <", str(high))])]


class _Exhausted(Exception):
    """The search has asked enough for once."""


class Search:
    """One such search; thrown away after it. Every method raises VmsError where the list itself fails."""

    def __init__(
        self,
        ask: Ask,
        unreadable: Unreadable,
        pace: Pace,
        *,
        reason: VmsError | None = None,
        near: int = 0,
        scope: Filters = (),
    ) -> None:
        """`reason` is the error that led to it, `near` a row that was good before; `scope` filters the list that is searched."""
        self._ask_list, self._unreadable, self._pace = ask, unreadable, pace
        self._reason, self._near, self._scope = reason, near, scope
        self._is_proved = False
        self._left = _MOST_REQUESTS

    async def above(self, low: int, known_to: int) -> Page:
        """Return a page of what is above `low`; up to `known_to` there was no trouble before."""
        rows: list[EventRow] = []
        at, size, is_hidden = low, 1, False
        """`is_hidden`: a row that spoils the page from `at` on is still to be found."""
        try:
            if self._reason is not None:
                await self._examine(self._reason)
            while len(rows) < PAGE:
                bad = self._unreadable.above(at)
                is_near = bad is not None and bad - at <= PAGE
                if not is_hidden and not is_near:
                    try:
                        found = await self._ask([("Id >", str(at))], limit=PAGE - len(rows))
                        return Page([*rows, *found], has_more=len(found) == PAGE - len(rows))
                    except VmsError as error:
                        await self._examine(error)
                        is_hidden, size = True, 1
                end = known_to if at < known_to <= at + PAGE else at + size
                if bad is not None and is_near:
                    end = min(end, bad - 1) if is_hidden else bad - 1
                before = len(self._unreadable)
                found = await self._these(range(at + 1, end + 1))
                rows += found
                is_hidden = is_hidden and len(self._unreadable) == before
                size = min(size * _GROWTH, PAGE) if end > known_to else 1
                at = bad if bad == end + 1 else end
                if not found and is_hidden and end > known_to:
                    following = await self._before_the_next(at)
                    if following is None:
                        return Page(rows, has_more=False)
                    at = following
        except _Exhausted:
            pass
        return Page(rows, has_more=True, read_to=at)

    async def below(self, high: int | None, low: int) -> Page:
        """Return a page of the rows between these ids (None: no bound), in descending order, up to one that can't be read.

        `read_to` of the page is the lowest id above which nothing is left out but what can't be read.
        """
        if (page := await self._above_a_known_one(high, low)) is not None:
            return page
        rows: list[EventRow] = []
        read_to = high
        try:
            if self._reason is not None:
                await self._examine(self._reason)
            rows, is_whole = await self._up_to_a_bad_one(high, low)
            read_to = rows[-1].id if rows else high
            if is_whole:
                return Page(rows, has_more=len(rows) >= PAGE, read_to=rows[-1].id if len(rows) >= PAGE else low)
            async for bad in self._bad_ones_from(read_to, low):
                read_to = bad
        except _Exhausted:
            pass
        if read_to != high:
            return Page(rows, has_more=True, read_to=read_to or low)
        # What failed was chance, or the search was at its end too early: then the list itself says so.
        found = await self._ask_list([*between(low, high), *self._scope], ascending=False, limit=1)
        return Page(found, has_more=bool(found), read_to=found[-1].id if found else low)

    async def _above_a_known_one(self, high: int | None, low: int) -> Page | None:
        """Return the page down to the next row that is known to be bad; None where there is none, or that does not help."""
        known = max((n for n in self._unreadable if n > low and (high is None or n < high)), default=None)
        if known is None:
            return None
        try:
            found = await self._ask(between(known, high), ascending=False)
        except VmsError as error:
            await self._examine(error)
            return None
        except _Exhausted:
            return None
        return Page(found, has_more=True, read_to=found[-1].id if len(found) >= PAGE else known)

    async def _up_to_a_bad_one(self, high: int | None, low: int) -> tuple[list[EventRow], bool]:
        """Return the rows before the first bad one, and whether these are all, as it was only the moment that was bad."""
        rows: list[EventRow] = []
        good, bad = 0, PAGE
        while bad - good > 1:
            half = (good + bad) // 2
            try:
                rows = await self._ask(between(low, high), ascending=False, limit=half)
            except VmsError as error:
                await self._examine(error)
                bad = half
                continue
            if len(rows) < half:
                return rows, True
            good = half
        return rows, False

    async def _bad_ones_from(self, high: int | None, low: int) -> AsyncIterator[int]:
        """Yield the ids of the bad rows that come first below `high`; they are noted."""
        next_good, count = low, 0
        for page in range(1, _MOST_IN_A_ROW + 2):
            try:
                found = await self._ask(between(low, high), ascending=False, limit=1, page=page)
            except VmsError as error:
                await self._examine(error)
                count, reason = page, error
                continue
            next_good = found[0].id if found else low
            break
        for _ in range(count):
            bad = await self._lowest(partial(self._is_free, high), next_good, None if high is None else high - 1)
            if bad not in self._unreadable:
                await self._unreadable.add(bad, reason)
            yield bad
            high = bad

    async def _is_free(self, high: int | None, low: int) -> bool:
        """Say whether no bad row is the first one between these ids."""
        try:
            await self._ask(between(low, high), ascending=False, limit=1)
        except VmsError as error:
            await self._examine(error)
            return False
        return True

    async def newest(self) -> list[EventRow]:
        """Return the newest rows, in descending order, as many as can be had at a reasonable price; one at least."""
        rows: list[EventRow] = []
        try:
            rows = await self._newest()
            if rows and (everything := await self._newest_at_once()):
                return everything
            size, empty = 1, 0
            while rows and len(rows) < PAGE and empty < _EMPTY_BLOCKS:
                at = rows[-1].id
                found = await self._these(range(max(at - size, 1), at))
                rows += reversed(found)
                size, empty = min(size * _GROWTH, PAGE), 0 if found else empty + 1
        except _Exhausted:
            pass
        return rows

    async def _newest_at_once(self) -> list[EventRow]:
        """Return the whole page where it was the moment that spoilt it, not a row: to halve it would take many times as long."""
        try:
            return await self._ask(_ALL, ascending=False)
        except VmsError as error:
            await self._examine(error)
            return []

    async def _newest(self) -> list[EventRow]:
        failed = 0
        for page in _PAGES_FROM_THE_TOP:
            found = await self._from_the_top(page)
            if found:
                return found
            if found is None:
                failed = page
                continue
            # That is behind the last row: it is one of those that were leapt over, or there is none at all.
            for leapt_over in range(failed + 1, page):
                found = await self._from_the_top(leapt_over)
                if found:
                    return found
            break
        if self._reason is None:
            return []
        raise self._reason

    async def _from_the_top(self, place: int) -> list[EventRow] | None:
        """Return the row at that place (from 1) from the top, none behind the last, None where it can't be read."""
        try:
            return await self._ask(_ALL, ascending=False, limit=1, page=place)
        except VmsError as error:
            await self._examine(error)
            return None

    async def these(self, numbers: Iterable[int]) -> list[EventRow]:
        """Return the rows with these ids that there are and that can be read."""
        try:
            return await self._these(numbers)
        except _Exhausted:
            if self._reason is None:
                raise VmsProtocolError("too many events can't be read at once") from None
            raise self._reason from None

    async def again(self, number: int) -> list[EventRow]:
        """Try a row that could not be read; the list of unreadable ones is brought up to date."""
        try:
            found = await self._ask([("Id", str(number))])
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            return []
        rows = [row for row in found if row.id == number]
        await self._unreadable.forget(number, is_readable=bool(rows))
        return rows

    async def _these(self, numbers: Iterable[int]) -> list[EventRow]:
        wanted = [number for number in numbers if number not in self._unreadable]
        if not wanted:
            return []
        try:
            return await self._rows(wanted)
        except VmsError as error:
            await self._examine(error)
            if len(wanted) > 1:
                half = len(wanted) // 2
                return [*await self._these(wanted[:half]), *await self._these(wanted[half:])]
        try:
            return await self._rows(wanted)  # what failed once may have been chance
        except VmsError as error:
            await self._examine(error)
            await self._unreadable.add(wanted[0], error)
            return []

    async def _rows(self, numbers: Sequence[int]) -> list[EventRow]:
        found = await self._ask([("Id", str(number)) for number in numbers])
        # An unfollowed filter would list other events, not these.
        return [row for row in found if row.id in numbers]

    async def _before_the_next(self, at: int) -> int | None:
        """Return the id below the next row's, None where there is no row; as near to it as can be said where it is hidden."""
        try:
            found = await self._ask([("Id >", str(at))], limit=1)
        except VmsError as error:
            await self._examine(error)
        else:
            return found[0].id - 1 if found else None
        for page in range(2, _MOST_IN_A_ROW + 2):
            try:
                behind = await self._ask([("Id >", str(at))], limit=1, page=page)
            except VmsError as error:
                await self._examine(error)
            else:
                # Up to the first good row, the bad ones before it alone can spoil a request.
                is_past = partial(self._is_row_good, page - 1)
                return await self._lowest(is_past, at, behind[0].id - 1 if behind else None) - 1
        return at

    @staticmethod
    async def _lowest(holds: Callable[[int], Awaitable[bool]], low: int, high: int | None) -> int:
        """Return the lowest number for which it holds: not for `low`, but for `high` (None: for some) and all between."""
        step = 1
        while high is None:
            if await holds(low + step):
                high = low + step
            else:
                low, step = low + step, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            if await holds(middle):
                high = middle
            else:
                low = middle
        return high

    async def _is_row_good(self, place: int, number: int) -> bool:
        """Say whether the row at that place (from 1) above this id can be read, or is not there."""
        try:
            await self._ask([("Id >", str(number))], limit=1, page=place)
        except VmsError as error:
            await self._examine(error)
            return False
        return True

    async def _examine(self, error: VmsError) -> None:
        """Go on if this may be about a row; raises the error, or the first one, if it is not."""
        if not may_be_a_row(error):
            raise error
        self._reason = self._reason or error
        if self._is_proved:
            return
        near: Filters = (("Id", str(self._near)),)
        for filters, ascending, page in ((near, True, 1), (_ALL, False, 1), (_ALL, True, 1), (_ALL, False, 2)):
            try:
                if await self._unscoped(filters, ascending=ascending, limit=1, page=page, timeout_s=_PROOF_S):
                    return
            except VmsError as another:
                if not may_be_a_row(another):
                    raise
        raise self._reason

    async def _ask(self, filters: Filters, *, ascending: bool = True, limit: int = PAGE, page: int = 1) -> list[EventRow]:
        return await self._unscoped([*filters, *self._scope], ascending=ascending, limit=limit, page=page)

    async def _unscoped(
        self, filters: Filters, *, ascending: bool, limit: int, page: int, timeout_s: float | None = None
    ) -> list[EventRow]:
        if self._left <= 0:
            raise _Exhausted
        self._left -= 1
        await self._pace.wait()
        found = await self._ask_list(filters, ascending=ascending, limit=limit, page=page, timeout_s=timeout_s)
        self._is_proved = self._is_proved or bool(found)
        return found
