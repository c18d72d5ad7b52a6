"""What contributors offer for one system's monitors, beside what its backend can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.contributing import NOTHING_OFFERED, Offer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.model import Capability


class Offers:
    """By the key of a monitor and the contributor's name."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, Offer]] = {}

    def put(self, key: str, source: str, offer: Offer) -> bool:
        """Take an offer in place of the source's one before; say whether that is news."""
        offers = self._by_key.setdefault(key, {})
        if offers.get(source, NOTHING_OFFERED) == offer:
            return False
        offers[source] = offer
        return True

    def leave(self, source: str) -> list[str]:
        """Forget what the source has offered; return for which monitors that was."""
        return [key for key, offers in self._by_key.items() if offers.pop(source, None) is not None]

    def of(self, key: str) -> Offer:
        """Return what all offer for this monitor."""
        offers = self._by_key.get(key)
        return _merged(offers.values()) if offers else NOTHING_OFFERED

    def who(self, capability: Capability, key: str | None = None) -> str | None:
        """Return who offers this for the monitor (None: for any of them)."""
        places = self._by_key.values() if key is None else [self._by_key.get(key, {})]
        return next((source for offers in places for source, one in offers.items() if capability in one.capabilities), None)


def _merged(offers: Iterable[Offer]) -> Offer:
    known = tuple(offers)
    if len(known) == 1:
        return known[0]
    return Offer(
        capabilities=frozenset(each for one in known for each in one.capabilities),
        settings={name: value for one in known for name, value in one.settings.items()},
        choices={name: values for one in known for name, values in one.choices.items()},
    )
