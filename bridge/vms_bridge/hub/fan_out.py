"""Who is to hear of what: subscriptions to everything, and those to some systems and monitors only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.hub.subscription import HubSubscription

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from vms_bridge.views import MonitorKey, Subjects

_Key = TypeVar("_Key")


class FanOut:
    """The open subscriptions; what nobody is interested in costs nobody anything."""

    def __init__(self) -> None:
        self._all: set[HubSubscription] = set()
        self._of_systems: dict[str, set[HubSubscription]] = {}
        self._of_monitors: dict[MonitorKey, set[HubSubscription]] = {}

    def subscribe(self, only: Subjects | None) -> HubSubscription:
        """Open a subscription, to everything or to these subjects only."""
        if only is None:
            subscription = HubSubscription(self._all.discard)
            self._all.add(subscription)
            return subscription

        def close(closed: HubSubscription) -> None:
            _remove(self._of_systems, only.systems, closed)
            _remove(self._of_monitors, only.monitors, closed)

        subscription = HubSubscription(close)
        _add(self._of_systems, only.systems, subscription)
        _add(self._of_monitors, only.monitors, subscription)
        return subscription

    def to_all(self) -> Collection[HubSubscription]:
        """Return those that hear of everything."""
        return self._all

    def to_system(self, key: str) -> Collection[HubSubscription]:
        """Return those that hear of this system itself."""
        some = self._of_systems.get(key)
        return self._all if some is None else [*self._all, *some]

    def to_monitor(self, key: MonitorKey) -> Collection[HubSubscription]:
        """Return those that hear of this monitor."""
        some = self._of_monitors.get(key)
        return self._all if some is None else [*self._all, *some]


def _add(interested: dict[_Key, set[HubSubscription]], keys: Iterable[_Key], subscription: HubSubscription) -> None:
    for key in keys:
        interested.setdefault(key, set()).add(subscription)


def _remove(interested: dict[_Key, set[HubSubscription]], keys: Iterable[_Key], subscription: HubSubscription) -> None:
    for key in keys:
        some = interested.get(key, set())
        some.discard(subscription)
        if not some:
            interested.pop(key, None)
