"""Whole lists of ZoneMinder's: row by row where one row spoils the answer, and not believed at once where much is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import VmsError, VmsProtocolError
from vms_bridge.zoneminder import NotThere, PermissionMissing
from vms_bridge.zoneminder.events.halving import may_be_a_row
from vms_bridge.zoneminder.parse import as_id, as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from vms_bridge.backends.zoneminder.absence import Absence
    from vms_bridge.backends.zoneminder.pace import Allowance
    from vms_bridge.clock import Clock
    from vms_bridge.logs import Trouble

    Ask = Callable[[str], Awaitable[object]]
    Apart = Callable[[], Awaitable[Iterable[str]]]

_PROOF_S = 60.0
_MOST_AT_ONCE = 200
_PROOF_ROWS = 2
"""So many are asked for whatever the pace: to see whether it is about rows at all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of ZoneMinder's lists: its path and key, the key of a row in it, and how rows are had apart (None: not at all)."""

    plural: str
    single: str
    path: str | None = None
    key: str = ""


MONITORS = Kind("monitors", "Monitor", "monitors/{}", "monitor")
ZONES = Kind("zones", "Zone", "zones/forMonitor/{}", "zones")
"""Had apart by monitor."""
STORAGE = Kind("storage", "Storage", "storage/view/{}", "storage")
SERVERS = Kind("servers", "Server", "servers/view/{}", "server")
STATES = Kind("states", "State")


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a list; `unread` are the ids of those that there are, or may be, and that were not read now.

    Of these, `bad` are those that can't be.
    """

    items: list[Any]
    unread: frozenset[str] = frozenset()
    bad: frozenset[str] = frozenset()

    def raw(self, kind: Kind) -> dict[str, Any]:
        """Return what was read in the shape of the whole answer."""
        return {kind.plural: self.items}


class ListReader:
    """Reads lists with `ask`; `trouble` is informed of how that goes, and `pace` is what reading row by row may cost."""

    def __init__(self, clock: Clock, *, ask: Ask, trouble: Callable[[str], Trouble], absence: Absence, pace: Allowance) -> None:
        self._clock, self._ask, self._trouble, self._absence, self._pace = clock, ask, trouble, absence, pace
        self._read_at: dict[tuple[str, str], float] = {}
        self._proved_at: dict[str, float] = {}
        self._bad: dict[str, set[str]] = {}
        self.is_patient = False
        """Whether a connection begins: then rows are read whatever that costs, and a second read is waited for."""

    async def read(self, kind: Kind, apart: Apart | None = None) -> Listing | None:
        """Return the list; None where it is to be checked again before it is believed. Raises VmsError.

        `apart` says by which ids its rows can be had one by one.
        """
        while True:
            listing = await self._read(kind, apart)
            if kind is ZONES and listing.unread:
                return listing  # whose they are is not known
            found = dict(pair for item in listing.items for pair in _named(kind, item))
            found |= {number: "" for number in sorted(listing.unread) if number not in found}
            if await self._absence.believes(kind.plural, found):
                return listing
            if not self.is_patient:
                return None
            await self._clock.sleep(self._absence.wait_s(kind.plural) or 0.0)

    def recheck_in_s(self, *kinds: Kind) -> float | None:
        """Return in how many seconds one of these lists is to be checked again; None where none is."""
        waits = [wait for kind in kinds if (wait := self._absence.wait_s(kind.plural)) is not None]
        return min(waits, default=None)

    async def _read(self, kind: Kind, apart: Apart | None) -> Listing:
        try:
            items = listed(kind, await self._ask(kind.plural))
        except VmsError as error:
            wanted = await apart() if may_be_a_row(error) and kind.path is not None and apart is not None else ()
            if not wanted:
                raise
            longest_ago = sorted(
                set(wanted), key=lambda number: (self._read_at.get((kind.plural, number), 0.0), len(number), number)
            )
            return await self._one_by_one(kind, longest_ago, error)
        self._bad.pop(kind.plural, None)
        self._trouble(kind.plural).over()
        return Listing(items)

    async def _one_by_one(self, kind: Kind, wanted: Sequence[str], reason: VmsError) -> Listing:
        """Read as many rows as may be, each by itself. Raises the reason where that is no better."""
        items: list[Any] = []
        unread, bad = set(wanted), self._bad.setdefault(kind.plural, set())
        failed: dict[str, VmsError] = {}
        for place, number in enumerate(wanted):
            most = _MOST_AT_ONCE if self.is_patient else 0 if self._is_proved(kind) else _PROOF_ROWS
            if place >= most and not self._pace.take():
                break
            self._read_at[kind.plural, number] = self._clock.monotonic()
            bad.discard(number)
            try:
                items += await self._one(kind, number)
            except (NotThere, PermissionMissing):
                unread.discard(number)
            except VmsError as error:
                if not may_be_a_row(error):
                    raise
                failed[number] = error
                bad.add(number)
                if len(failed) > 1 and not self._is_proved(kind):
                    break
            else:
                unread.discard(number)
                self._proved_at[kind.plural] = self._clock.monotonic()
        if not self._is_proved(kind):
            bad.clear()
            raise reason  # it is not about rows
        self._report_bad_rows(kind, failed, reason)
        return Listing(items, frozenset(unread), frozenset(bad))

    async def _one(self, kind: Kind, number: str) -> list[Any]:
        answer = mapping(await self._ask((kind.path or "").format(number)))
        found = answer.get(kind.key)
        if kind is ZONES:
            return listed(kind, answer)
        row = mapping(found)
        # A row of a list has a key of its own around it; some answers for one row leave that out.
        if not row:
            raise VmsProtocolError(f"api/{kind.plural} answered without the one that was asked for")
        return [row if kind.single in row else {kind.single: row}]

    def _is_proved(self, kind: Kind) -> bool:
        at = self._proved_at.get(kind.plural)
        return at is not None and self._clock.monotonic() - at < _PROOF_S

    def _report_bad_rows(self, kind: Kind, bad: dict[str, VmsError], reason: VmsError) -> None:
        trouble = self._trouble(kind.plural)
        trouble.report(f"can't be read as a whole ({reason}); its rows are read one by one", hint=reason.hint, code="list")
        what = "the zones of monitor" if kind is ZONES else kind.single.lower()
        for number, error in bad.items():
            trouble.report(
                f"{what} {number} can't be read, the others can ({error})",
                hint="look at its name and texts in ZoneMinder",
                code=number,
            )


def listed(kind: Kind, answer: object) -> list[Any]:
    """Return the rows of a list's answer. Raises VmsProtocolError where there is no list in it."""
    found = mapping(answer).get(kind.plural)
    if isinstance(found, dict):
        found = list(found.values())
    if not isinstance(found, list):
        raise VmsProtocolError(f"api/{kind.plural} answered without a list of {kind.plural}", hint="look at ZoneMinder's log")
    # Every row has an id there (run states go by their names): one without is no row that is gone, but an answer that is none.
    if kind is not STATES and any(as_id(mapping(mapping(item).get(kind.single)).get("Id")) is None for item in found):
        raise VmsProtocolError(f"api/{kind.plural} answered with rows that have no id", hint="look at ZoneMinder's log")
    return found


def _named(kind: Kind, item: object) -> Iterable[tuple[str, str]]:
    row = mapping(mapping(item).get(kind.single))
    number = as_id(row.get("Id"))
    if number is not None:
        yield number, as_text(row.get("Name"))
