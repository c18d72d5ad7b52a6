"""Who receives which changes: subscriptions to everything, and those to some systems and monitors only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.hub.subscription import HubSubscription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from vms_bridge.hub.system import System
    from vms_bridge.model import Detection
    from vms_bridge.views import MonitorKey, Subjects, Transition

_Key = TypeVar("_Key")


class FanOut:
    """The open subscriptions; what nobody is interested in costs nobody anything."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._all: set[HubSubscription] = set()
        self._of_systems: dict[str, set[HubSubscription]] = {}
        self._of_monitors: dict[MonitorKey, set[HubSubscription]] = {}
        self._with_transitions: set[HubSubscription] = set()
        self._of_tokens: set[HubSubscription] = set()

    def subscribe(self, only: Subjects | None, *, transitions: bool = False) -> HubSubscription:
        """Open a subscription, to everything or to these subjects only; with `transitions`, to steps of alarm states too."""

        def close(closed: HubSubscription) -> None:
            self._with_transitions.discard(closed)
            if only is None:
                self._all.discard(closed)
            else:
                _remove(self._of_systems, only.systems, closed)
                _remove(self._of_monitors, only.monitors, closed)
                self._of_tokens.discard(closed)

        subscription = HubSubscription(close, self._monotonic)
        if only is None:
            self._all.add(subscription)
        else:
            _add(self._of_systems, only.systems, subscription)
            _add(self._of_monitors, only.monitors, subscription)
            if only.tokens:
                self._of_tokens.add(subscription)
        if transitions:
            self._with_transitions.add(subscription)
        return subscription

    def system(self, key: str) -> None:
        """Announce that a system came or changed."""
        for subscription in self._to(self._of_systems.get(key)):
            subscription.system(key)

    def system_removed(self, key: str) -> None:
        """Announce that a system is no more."""
        for subscription in self._to(self._of_systems.get(key)):
            subscription.system_removed(key)

    def monitors(
        self, system: System, *, gone: Iterable[str] = (), changed: Iterable[str] = (), new: Collection[str] = ()
    ) -> None:
        """Announce which monitors of a system are gone, which have changed, and which of those are new."""
        for monitor in [(system.key, name) for name in gone]:
            for subscription in self._to(self._of_monitors.get(monitor)):
                subscription.removed((monitor,))
        for monitor in [(system.key, name) for name in changed]:
            has_event = monitor[1] in new and system.monitors[monitor[1]].last_event is not None
            for subscription in self._to(self._of_monitors.get(monitor)):
                subscription.described(monitor)
                subscription.state(monitor)
                if has_event:
                    subscription.last_event(monitor)

    def state(self, monitor: MonitorKey) -> None:
        """Announce that a monitor's state changed."""
        for subscription in self._to(self._of_monitors.get(monitor)):
            subscription.state(monitor)

    @property
    def wants_transitions(self) -> bool:
        """Whether anybody has asked for each step of an alarm state."""
        return bool(self._with_transitions)

    def transition(self, transition: Transition) -> None:
        """Announce that a monitor's alarm state became another one."""
        for subscription in self._to(self._of_monitors.get(transition.monitor)):
            if subscription in self._with_transitions:
                subscription.transition(transition)

    def last_event(self, monitor: MonitorKey) -> None:
        """Announce that a monitor's newest event changed."""
        for subscription in self._to(self._of_monitors.get(monitor)):
            subscription.last_event(monitor)

    def detection(self, monitor: MonitorKey, detection: Detection) -> None:
        """Report a monitor's newest detection."""
        for subscription in self._to(self._of_monitors.get(monitor)):
            subscription.detection(monitor, detection)

    def messages(self) -> None:
        """Announce that there are new event messages."""
        for subscription in self._all:
            subscription.messages()

    def bridge(self) -> None:
        """Announce that the bridge's own state changed."""
        for subscription in self._all:
            subscription.bridge()

    def tokens(self) -> None:
        """Announce that a token came or went."""
        for subscription in self._to(self._of_tokens):
            subscription.tokens()

    def notices(self) -> None:
        """Announce that notices came, changed or went."""
        for subscription in self._all:
            subscription.notices()

    def scripts(self, name: str) -> None:
        """Announce that something about a script changed; about which there are, where the name is empty."""
        for subscription in self._all:
            subscription.scripts(name)

    def own_entities(self, owner: str) -> None:
        """Announce that something about the entities of a script changed."""
        for subscription in self._all:
            subscription.own_entities(owner)

    def _to(self, some: Collection[HubSubscription] | None) -> Collection[HubSubscription]:
        """Return who receives everything, and these."""
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
