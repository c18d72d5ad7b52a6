"""Which epoch a message belongs to, and which cursors still lead somewhere: worked out from a few numbers.

Positions count on through all epochs of a file. An epoch that only memory knew is lost with the process that had it; the
file then counts on, in the epoch before, from where it was. So a cursor holds good if its epoch is known and was not yet
over at its position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.history import Cursor, Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """The epochs of a store in their order, each with the last position before it began; one at least.

    `newest` is the highest position that was ever given, `forgotten` the highest up to which messages may be missing.
    """

    began: Sequence[tuple[str, int]]
    newest: int
    forgotten: int

    def cursor(self, position: int) -> Cursor:
        """Return the cursor of this position: in the epoch in which it was given, as far as that is known."""
        epoch = self.began[0][0]
        for later, before in self.began[1:]:
            if before >= position:
                break
            epoch = later
        return Cursor(epoch, position)

    def place(self, after: Cursor | None) -> tuple[int, Gap | None]:
        """Return the position behind which to go on, and the gap that there is; None begins with the oldest, without one."""
        if after is None:
            return self.forgotten, None
        end = self._end(after.epoch)
        if end is not None and self.forgotten <= after.position <= end:
            return after.position, None
        is_expired = end is not None and after.position <= end
        place = self.forgotten if end is None else max(self.forgotten, min(after.position, end))
        reason = GapReason.EXPIRED if is_expired else GapReason.UNKNOWN
        return place, Gap(reason=reason, goes_on=self.cursor(place))

    def _end(self, epoch: str) -> int | None:
        """Return the last position that may have been given in this epoch, None for one that is not known."""
        ends = [before for _, before in self.began[1:]] + [self.newest]
        return next((end for (known, _), end in zip(self.began, ends, strict=True) if known == epoch), None)
