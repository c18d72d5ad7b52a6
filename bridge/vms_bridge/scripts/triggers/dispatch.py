"""From all that happens to the scripts that want it: found by kind and monitor, so that what nobody wants costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from vms_bridge.messaging import matches
from vms_bridge.scripts.triggers.occurrences import GONE, message
from vms_bridge.scripts.triggers.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.clock import Clock
    from vms_bridge.messaging import Heard
    from vms_bridge.scripts.triggers.effects import Effects
    from vms_bridge.scripts.triggers.triggers import ScriptTriggers
    from vms_bridge.scripts.values import Occurrence
    from vms_bridge.views import HubView, MonitorKey

_MOST_KNOWN = 20_000


class Joined:
    """A script's triggers among those that hear of everything, until it is closed."""

    def __init__(self, script: str, triggers: ScriptTriggers) -> None:
        self.script, self.triggers = script, triggers
        self.undo: list[Callable[[], None]] = []

    def take(self, occurrence: Occurrence) -> None:
        """Take what has happened to this script alone."""
        self.triggers.take(occurrence)

    async def run(self) -> NoReturn:
        """Keep the time, until cancelled."""
        await self.triggers.run()

    def close(self) -> None:
        """Take nothing more."""
        self.triggers.close()
        while self.undo:
            self.undo.pop()()


class Dispatcher:
    """Hands on what happens. `effects` holds back what scripts do to each other without end."""

    def __init__(self, hub: HubView, clock: Clock, effects: Effects) -> None:
        self._hub, self._clock, self.effects = hub, clock, effects
        self._webhooks = Webhooks(hub.receivers, clock)
        self._joined: list[Joined] = []
        self._by_kind: dict[str, tuple[Joined, ...]] = {}
        self._about: dict[tuple[str, MonitorKey, str], tuple[Joined, ...]] = {}
        self.fields: frozenset[str] = frozenset()
        """The fields of states that anybody names."""
        self.on_change: Callable[[], None] = _nothing
        """Called when others are wanted."""

    def join(self, script: str, triggers: ScriptTriggers) -> Joined:
        """Have these hear of what happens, of messages on their topics and of calls of their webhooks too.

        Raises MessageRefused, ReceiverRefused, TooManyRequests.
        """
        joined = Joined(script, triggers)
        try:
            for topic in triggers.topics:
                joined.undo.append(self._listen(joined, topic))
            for name in triggers.webhooks:
                joined.undo.append(self._webhooks.open(name, lambda occurrence: self._offer((joined,), occurrence)))
        except BaseException:
            joined.close()
            raise
        self._joined.append(joined)
        joined.undo.append(lambda: self._leave(joined))
        self._changed()
        return joined

    def wants(self, kind: str) -> bool:
        """Say whether anybody wants anything of this kind."""
        return kind in self._by_kind

    def wants_of(self, kind: str, monitor: MonitorKey, name: str) -> bool:
        """Say whether anybody wants what is of this kind and about this monitor."""
        return bool(self._hearers(kind, monitor, name))

    def take(self, occurrence: Occurrence) -> None:
        """Hand on what has happened to whoever may want it."""
        if occurrence.kind == GONE:
            self._about.clear()
            for joined in self._joined:
                joined.take(occurrence)
        elif occurrence.monitor is None:
            self._offer(self._by_kind.get(occurrence.kind, ()), occurrence)
        else:
            self._offer(self._hearers(occurrence.kind, occurrence.monitor, occurrence.name), occurrence)

    def _offer(self, several: Iterable[Joined], occurrence: Occurrence) -> None:
        for joined in several:
            if self.effects.lets(joined.script, occurrence):
                joined.take(occurrence)

    def _hearers(self, kind: str, monitor: MonitorKey, name: str) -> tuple[Joined, ...]:
        key = (kind, monitor, name)
        found = self._about.get(key)
        if found is None:
            if len(self._about) >= _MOST_KNOWN:
                self._about.clear()
            several = self._by_kind.get(kind, ())
            found = self._about[key] = tuple(one for one in several if one.triggers.is_about(kind, monitor, name))
        return found

    def _listen(self, joined: Joined, topic: str) -> Callable[[], None]:
        """Listen for a script; what several of its filters find it hears once, by the first of them."""
        before = joined.triggers.topics[: joined.triggers.topics.index(topic)]

        def heard(said: Heard) -> None:
            if not any(matches(one, said.topic) for one in before):
                found = message(said.topic, said.payload, is_retained=said.is_retained, at_s=self._clock.monotonic())
                self._offer((joined,), found)

        return self._hub.messaging.listen(topic, heard).close

    def _leave(self, joined: Joined) -> None:
        if joined in self._joined:
            self._joined.remove(joined)
        self._changed()

    def _changed(self) -> None:
        kinds = {kind for joined in self._joined for kind in joined.triggers.wanted}
        self._by_kind = {kind: tuple(one for one in self._joined if kind in one.triggers.wanted) for kind in kinds}
        self.fields = frozenset(field for joined in self._joined for field in joined.triggers.fields)
        self._about.clear()
        self.on_change()


def _nothing() -> None:
    """Tell nobody."""
