"""From all that happens to the scripts that want it: found by kind and monitor, so that what nobody wants costs nothing."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.boundary import Boundary
from vms_bridge.errors import TooManyRequests
from vms_bridge.messaging import covers, matches
from vms_bridge.scripts.triggers.occurrences import GONE, message
from vms_bridge.scripts.triggers.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.messaging import Heard
    from vms_bridge.scripts.triggers.effects import Effects
    from vms_bridge.scripts.triggers.triggers import ScriptTriggers
    from vms_bridge.scripts.values import Occurrence, Permissions
    from vms_bridge.views import HubView, MonitorKey

_MOST_KNOWN = 20_000


class Joined:
    """A script's triggers among those that hear of everything, until it is closed."""

    def __init__(self, script: str, triggers: ScriptTriggers) -> None:
        self.script, self.triggers = script, triggers
        self.undo: list[Callable[[], None]] = []
        self.topics: list[str] = []
        """The filters by which messages come to it, and to what its script waits for."""
        self.hooks: set[str] = set()
        """The webhooks, likewise."""
        self.is_behind = False
        """Whether it is yet to be told of events that were missed: those of now come after these."""

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
    """Hands on what happens. `effects` holds back what scripts do to each other without end.

    Scripts that join are few and stay: what each wants is found by tables. What handlers wait for comes and goes: nothing
    is made anew for it, and no subscription either where its script hears of the same already.
    """

    def __init__(self, hub: HubView, clock: Clock, effects: Effects) -> None:
        self._hub, self._clock, self.effects = hub, clock, effects
        self._boundary = Boundary("what a script is told", clock)
        self._webhooks = Webhooks(hub.receivers, clock)
        self._joined: list[Joined] = []
        self._waits: dict[str, dict[Joined, None]] = {}
        """What handlers wait for, by kind."""
        self._by_kind: dict[str, tuple[Joined, ...]] = {}
        self._about: dict[tuple[str, MonitorKey, str], tuple[Joined, ...]] = {}
        self._fields: frozenset[str] = frozenset()
        self._waited_fields: Counter[str] = Counter()
        self.on_change: Callable[[], None] = _nothing
        """Called when others have joined or left, or other kinds are wanted."""

    @property
    def scripts(self) -> Sequence[Joined]:
        """Those that have joined."""
        return self._joined

    @property
    def fields(self) -> frozenset[str]:
        """The fields of states that anybody names."""
        return self._fields.union(self._waited_fields) if self._waited_fields else self._fields

    def join(self, script: str, triggers: ScriptTriggers, permissions: Permissions | None = None) -> Joined:
        """Have these hear of what happens, of messages on their topics and of calls of their webhooks too.

        What the permissions name beside these comes as long, for what handlers of the script wait for. Raises
        MessageRefused, ReceiverRefused, TooManyRequests.
        """
        joined = Joined(script, triggers)
        try:
            for topic in triggers.topics:
                self._listen(joined, topic)
            for name in triggers.webhooks:
                self._open_hook(joined, name)
            with suppress(TooManyRequests):  # who waits for a message on one of these is told so
                for topic in () if permissions is None else permissions.listen:
                    self._hear(joined, topic)
            for name in set() if permissions is None else {*permissions.webhooks} - triggers.webhooks:
                self._open_hook(joined, name)
        except BaseException:
            joined.close()
            raise
        self._joined.append(joined)
        joined.undo.append(lambda: self._leave(joined))
        self._changed()
        return joined

    def wait(self, script: str, triggers: ScriptTriggers) -> Joined:
        """Have what a handler of a script waits for hear of what happens, until it is closed. Raises the same."""
        waiting = Joined(script, triggers)
        theirs = [joined for joined in self._joined if joined.script == script]
        try:
            for topic in triggers.topics:
                if not any(covers(one, topic) for joined in theirs for one in joined.topics):
                    self._hear(waiting, topic)
            for name in triggers.webhooks:
                if not any(name in joined.hooks for joined in theirs):
                    self._open_hook(waiting, name)
        except BaseException:
            waiting.close()
            raise
        for kind in triggers.wanted:
            is_new = not self.wants(kind)
            self._waits.setdefault(kind, {})[waiting] = None
            if is_new:
                self.on_change()
        self._waited_fields.update(triggers.fields)
        waiting.undo.append(lambda: self._wait_no_more(waiting))
        return waiting

    def wants(self, kind: str) -> bool:
        """Say whether anybody wants anything of this kind."""
        return kind in self._by_kind or kind in self._waits

    def wants_of(self, kind: str, monitor: MonitorKey, name: str) -> bool:
        """Say whether anybody wants what is of this kind and about this monitor."""
        return any(True for _ in self._hearers(kind, monitor, name))

    def hearers(self, kind: str, monitor: MonitorKey, name: str) -> int:
        """Return how many scripts may want what is of this kind and about this monitor."""
        return sum(1 for _ in self._hearers(kind, monitor, name))

    def take(self, occurrence: Occurrence) -> None:
        """Hand on what has happened to whoever may want it."""
        kind = occurrence.kind
        if kind == GONE:
            self._about.clear()
            for joined in [*self._joined, *{one: None for several in self._waits.values() for one in several}]:
                self._boundary.do(joined.script, joined.take, occurrence)
        elif occurrence.monitor is None:
            self._offer((*self._by_kind.get(kind, ()), *self._waits.get(kind, ())), occurrence)
        else:
            self._offer(tuple(self._hearers(kind, occurrence.monitor, occurrence.name)), occurrence)

    def tell(self, joined: Joined, occurrence: Occurrence) -> None:
        """Hand on what has happened to one alone; what goes wrong there is logged, and nobody else's matter."""
        self._boundary.do(joined.script, self._tell, joined, occurrence)

    def _tell(self, joined: Joined, occurrence: Occurrence) -> None:
        if self.effects.lets(joined.script, occurrence):
            joined.take(occurrence)

    def _offer(self, several: Iterable[Joined], occurrence: Occurrence) -> None:
        is_event = occurrence.kind == "event"
        for joined in several:
            if not (is_event and joined.is_behind):
                self.tell(joined, occurrence)

    def _hearers(self, kind: str, monitor: MonitorKey, name: str) -> Iterable[Joined]:
        key = (kind, monitor, name)
        found = self._about.get(key)
        if found is None:
            if len(self._about) >= _MOST_KNOWN:
                self._about.clear()
            several = self._by_kind.get(kind, ())
            found = self._about[key] = tuple(one for one in several if one.triggers.is_about(kind, monitor, name))
        yield from found
        yield from (one for one in self._waits.get(kind, ()) if one.triggers.is_about(kind, monitor, name))

    def _listen(self, joined: Joined, topic: str) -> None:
        """Have messages come to a script's triggers, and to what it waits for."""
        self._subscribe(joined, topic, (joined,))

    def _hear(self, joined: Joined, topic: str) -> None:
        """Have messages come to what a script waits for alone."""
        if topic not in joined.topics:
            self._subscribe(joined, topic, ())

    def _subscribe(self, joined: Joined, topic: str, takers: tuple[Joined, ...]) -> None:
        """Listen for a script; what several of its filters find it hears once, by the first of them.

        What is retained was published before: nobody has waited for it.
        """
        before = tuple(joined.topics)

        def heard(said: Heard) -> None:
            waiting = () if said.is_retained else self._waiting(joined.script, "mqtt")
            if (takers or waiting) and not any(matches(one, said.topic) for one in before):
                found = message(said.topic, said.payload, is_retained=said.is_retained, at_s=self._clock.monotonic())
                self._offer((*takers, *waiting), found)

        joined.undo.append(self._hub.messaging.listen(topic, heard).close)
        joined.topics.append(topic)

    def _open_hook(self, joined: Joined, name: str) -> None:
        def called(occurrence: Occurrence) -> None:
            self._offer(dict.fromkeys((joined, *self._waiting(joined.script, "webhook"))), occurrence)

        joined.undo.append(self._webhooks.open(name, called))
        joined.hooks.add(name)

    def _waiting(self, script: str, kind: str) -> tuple[Joined, ...]:
        return tuple(one for one in self._waits.get(kind, ()) if one.script == script)

    def _leave(self, joined: Joined) -> None:
        if joined in self._joined:
            self._joined.remove(joined)
        self._changed()

    def _wait_no_more(self, waiting: Joined) -> None:
        for kind in waiting.triggers.wanted:
            several = self._waits.get(kind, {})
            several.pop(waiting, None)
            if not several:
                self._waits.pop(kind, None)
        self._waited_fields -= Counter(waiting.triggers.fields)

    def _changed(self) -> None:
        kinds = {kind for joined in self._joined for kind in joined.triggers.wanted}
        self._by_kind = {kind: tuple(one for one in self._joined if kind in one.triggers.wanted) for kind in kinds}
        self._fields = frozenset(field for joined in self._joined for field in joined.triggers.fields)
        self._about.clear()
        self.on_change()


def _nothing() -> None:
    """Tell nobody."""
