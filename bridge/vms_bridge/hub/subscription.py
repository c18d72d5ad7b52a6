"""A sink's place in the hub's fan-out: names of what changed, so newest wins and nothing queues up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from vms_bridge.views import Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.model import Detection
    from vms_bridge.views import MonitorKey, Transition

MOST_TRANSITIONS = 1_000


class HubSubscription:
    """Gathers the names of changed things until the sink asks; its size is bounded by that of the world.

    Of transitions it keeps the last thousand, and counts those that were before.
    """

    def __init__(self, on_close: Callable[[HubSubscription], None], monotonic: Callable[[], float]) -> None:
        self._on_close, self._monotonic = on_close, monotonic
        self._wake = asyncio.Event()
        self._since: float | None = None
        self._is_new = True
        self._transitions: deque[Transition] = deque(maxlen=MOST_TRANSITIONS)
        self._clear()

    async def changes(self) -> Changes:
        """Wait until something is new and return it; what was returned before is not reported again."""
        await self._wake.wait()
        changes = Changes(
            systems=frozenset(self._systems),
            removed_systems=frozenset(self._removed_systems),
            described=frozenset(self._described),
            removed=frozenset(self._removed),
            states=frozenset(self._states),
            last_events=frozenset(self._last_events),
            messages=self._messages,
            bridge=self._bridge,
            tokens=self._tokens,
            notices=self._notices,
            scripts=frozenset(self._scripts),
            own_entities=frozenset(self._own_entities),
            detections={
                (*key, source): seen for key, by_source in self._detections.items() for source, seen in by_source.items()
            },
            transitions=tuple(self._transitions),
            transitions_lost=self._transitions_lost,
            since=None if self._is_new else self._since,
        )
        self._is_new = False
        self._clear()
        return changes

    def close(self) -> None:
        """Take no more."""
        self._on_close(self)

    def system(self, key: str) -> None:
        """Note that a system came or changed."""
        self._systems.add(key)
        self._removed_systems.discard(key)
        self._ring()

    def system_removed(self, key: str) -> None:
        """Note that a system is no more."""
        self._removed_systems.add(key)
        self._systems.discard(key)
        self._ring()

    def described(self, key: MonitorKey) -> None:
        """Note that a monitor came, or that its description changed."""
        self._described.add(key)
        self._removed.discard(key)
        self._ring()

    def removed(self, keys: Iterable[MonitorKey]) -> None:
        """Note that monitors are no more."""
        for key in keys:
            self._removed.add(key)
            self._described.discard(key)
            self._states.discard(key)
            self._last_events.discard(key)
            self._detections.pop(key, None)
            self._ring()

    def state(self, key: MonitorKey) -> None:
        """Note that a monitor's state changed."""
        self._states.add(key)
        self._ring()

    def last_event(self, key: MonitorKey) -> None:
        """Note that a monitor's newest event changed."""
        self._last_events.add(key)
        self._ring()

    def messages(self) -> None:
        """Note that there are new event messages."""
        self._messages = True
        self._ring()

    def bridge(self) -> None:
        """Note that the bridge's own state changed."""
        self._bridge = True
        self._ring()

    def tokens(self) -> None:
        """Note that a token came or went."""
        self._tokens = True
        self._ring()

    def scripts(self, name: str) -> None:
        """Note that something about a script changed; about which there are, where the name is empty."""
        self._scripts.add(name)
        self._ring()

    def own_entities(self, owner: str) -> None:
        """Note that something about the entities of a script changed."""
        self._own_entities.add(owner)
        self._ring()

    def notices(self) -> None:
        """Note that notices came, changed or went."""
        self._notices = True
        self._ring()

    def detection(self, key: MonitorKey, detection: Detection) -> None:
        """Keep a monitor's newest detection by its source."""
        self._detections.setdefault(key, {})[detection.source] = detection
        self._ring()

    def transition(self, transition: Transition) -> None:
        """Note that a monitor's alarm state became another one."""
        self._transitions_lost += len(self._transitions) == MOST_TRANSITIONS
        self._transitions.append(transition)
        self._ring()

    def _ring(self) -> None:
        if not self._wake.is_set():
            self._since = self._monotonic()
            self._wake.set()

    def _clear(self) -> None:
        self._systems: set[str] = set()
        self._removed_systems: set[str] = set()
        self._described: set[MonitorKey] = set()
        self._removed: set[MonitorKey] = set()
        self._states: set[MonitorKey] = set()
        self._last_events: set[MonitorKey] = set()
        self._detections: dict[MonitorKey, dict[str, Detection]] = {}
        self._own_entities: set[str] = set()
        self._messages = False
        self._scripts: set[str] = set()
        self._bridge = self._notices = False
        self._transitions.clear()
        self._transitions_lost = 0
        self._tokens = False
        self._wake.clear()
