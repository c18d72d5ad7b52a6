"""How large a message may be for a broker that does not say so, but ends the connection of who sends a larger one."""

from __future__ import annotations

_FORGET_S = 3600.0
"""For so long it is believed: somebody may raise the limit."""


class Sizes:
    """What links have learnt of it by being ended; outlives them.

    Of all that was on its way when the broker said "packet too large", the largest is too large for sure, but it need not
    be the only one. So the next link is careful, and sends the smallest first and one at a time: what it has under way
    when it ends is where the limit is.
    """

    def __init__(self) -> None:
        self._too_large: tuple[int, float] | None = None
        self.is_careful = False
        """Whether the next link is to be."""

    def most_bytes(self, now: float) -> int | None:
        """Return the size of the largest payload that may be sent, None if nothing is known."""
        if self._too_large is None or now - self._too_large[1] > _FORGET_S:
            return None
        return self._too_large[0] - 1

    def ended(self, under_way: int | None, now: float, *, is_exact: bool = False) -> None:
        """Note that a link was ended for size (None: it was not), while this was the largest payload not acknowledged.

        `is_exact`: it was the only one.
        """
        if under_way is not None:
            self._too_large = (under_way, now)
            self.is_careful = self.is_careful or not is_exact

    def through(self) -> None:
        """Note that a careful link has got everything through."""
        self.is_careful = False
