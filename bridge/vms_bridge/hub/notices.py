"""What people should know of now, found by looking through the systems now and then: no state pays for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import TooManyRequests, VmsAuthFailed, VmsUnreachable
from vms_bridge.hub.text import PROSE_CHARACTERS, shown
from vms_bridge.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.system import System
    from vms_bridge.views import BridgeState

LOOK_S = 2.0
GRACE_S: Mapping[NoticeKind, float] = {
    NoticeKind.SYSTEM_LOST: 10.0,
    NoticeKind.LOGIN_REFUSED: 10.0,
    NoticeKind.SIGNAL_LOST: 20.0,
    NoticeKind.UNDELIVERED: 30.0,
    NoticeKind.NETWORK: 10.0,
}
"""How long something has to be so before it is worth a notice: what heals by itself meanwhile, as after a restart, makes none."""
MOST_TOLD = 500
"""How many notices parts may tell together."""
HEALED_S = 5.0
"""How long it has to be over before its notice goes: what comes and goes all the time is one notice, and not many."""


@dataclass(slots=True)
class _Seen:
    """What was seen, since and until when; the times with `_s` are monotonic."""

    notice: Notice
    began_s: float
    seen_s: float
    is_told: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What a part has told, and until when it is so at most (monotonic)."""

    notice: Notice
    until_s: float


class Notices:
    """Knows which notices there are; `fares` returns how the bridge itself does, `on_change` is called when some came or went."""

    def __init__(
        self,
        clock: Clock,
        systems: Mapping[str, System],
        *,
        durable_sinks: Sequence[str],
        fares: Callable[[], BridgeState],
        on_change: Callable[[], None],
    ) -> None:
        self._clock, self._systems, self._durable_sinks = clock, systems, tuple(durable_sinks)
        self._fares, self._on_change = fares, on_change
        self._seen: dict[str, _Seen] = {}
        self._told: dict[str, _Told] = {}
        """What parts tell by themselves."""
        self.current: tuple[Notice, ...] = ()
        """Those that there are, the oldest first."""

    def tell(self, notice: Notice, lasts_s: float | None = None) -> Callable[[], None]:
        """Have this be one of them so long, or until what is returned is called; its texts are made fit to be shown."""
        if notice.id not in self._told and len(self._told) >= MOST_TOLD:
            raise TooManyRequests(f"{MOST_TOLD} notices are told already", hint="tell one for several things")
        before = self._told.pop(notice.id, None)
        fit = replace(notice, text=shown(notice.text, PROSE_CHARACTERS), hint=shown(notice.hint, PROSE_CHARACTERS))
        fit = fit if before is None else replace(fit, since=before.notice.since)
        told = self._told[notice.id] = _Told(fit, inf if lasts_s is None else self._clock.monotonic() + lasts_s)
        self._show()

        def take_back() -> None:
            if self._told.get(notice.id) is told:
                del self._told[notice.id]
                self._show()

        return take_back

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        while True:
            self._look()
            await self._clock.sleep(LOOK_S)

    def _look(self) -> None:
        now, moment = self._clock.monotonic(), self._clock.now()
        for notice in self._found(moment):
            seen = self._seen.get(notice.id)
            if seen is None:
                self._seen[notice.id] = _Seen(notice, began_s=now, seen_s=now)
            else:
                seen.notice, seen.seen_s = replace(notice, since=seen.notice.since), now
        for notice_id, seen in list(self._seen.items()):
            if self._is_over(seen, now):
                del self._seen[notice_id]
            elif now - seen.began_s >= GRACE_S[seen.notice.kind] and seen.seen_s == now:
                seen.is_told = True
        self._told = {notice_id: told for notice_id, told in self._told.items() if told.until_s > now}
        self._show()

    def _show(self) -> None:
        found = [seen.notice for seen in self._seen.values() if seen.is_told]
        told = [told.notice for told in self._told.values()]
        current = tuple(sorted((*found, *told), key=lambda notice: notice.since) if told else found)
        if current != self.current:
            self.current = current
            self._on_change()

    def _is_over(self, seen: _Seen, now: float) -> bool:
        """Say whether this is so no more: at once for what nobody was reported, and for what there is no more."""
        if seen.seen_s == now:
            return False
        system = seen.notice.system
        if not seen.is_told or (system is not None and not self._is_there(system, seen.notice.monitor)):
            return True
        return now - seen.seen_s >= HEALED_S

    def _is_there(self, system: str, monitor: str | None) -> bool:
        found = self._systems.get(system)
        return found is not None and (monitor is None or monitor in found.monitors)

    def _found(self, now: datetime) -> Iterator[Notice]:
        """Yield a notice for each thing that is not as it should be."""
        for system in self._systems.values():
            if (notice := self._lost(system, now)) is not None:
                yield notice
            yield from _without_signal(system, now)
        if (notice := self._cut_off(now)) is not None:
            yield notice
        if self._fares().undelivered:
            yield Notice(
                id=NoticeKind.UNDELIVERED,
                kind=NoticeKind.UNDELIVERED,
                since=now,
                text=f"event messages can't be delivered to {' or '.join(self._durable_sinks)}",
                hint="is what it delivers to out of reach? They are kept meanwhile, and sent as soon as that goes",
            )

    def _cut_off(self, now: datetime) -> Notice | None:
        """Return that no system can be reached, of several: not they are at fault, but what is between."""
        states = [system.state for system in self._systems.values()]
        if len(states) < 2 or any(state.available or state.code != VmsUnreachable.code for state in states):
            return None
        return Notice(
            id=NoticeKind.NETWORK,
            kind=NoticeKind.NETWORK,
            since=now,
            text=f"none of the {len(states)} systems can be reached",
            hint="is the network of the machine that runs the bridge in order?",
        )

    def _lost(self, system: System, now: datetime) -> Notice | None:
        state = system.state
        if state.available:
            return None
        if state.detail is None:  # nobody has asked yet: after a reload what was so before still is, as far as is known
            kinds = (NoticeKind.SYSTEM_LOST, NoticeKind.LOGIN_REFUSED)
            seen = (self._seen.get(f"{kind}:{system.key}") for kind in kinds)
            return next((each.notice for each in seen if each is not None and each.is_told), None)
        is_refused = state.code == VmsAuthFailed.code
        kind = NoticeKind.LOGIN_REFUSED if is_refused else NoticeKind.SYSTEM_LOST
        text = f"{system.name} refuses the bridge's login" if is_refused else f"{system.name} can't be reached"
        return Notice(id=f"{kind}:{system.key}", kind=kind, system=system.key, since=now, text=text, hint=state.detail)


def _without_signal(system: System, now: datetime) -> Iterator[Notice]:
    for key, view in system.monitors.items():
        if view.state.connected is False and view.state.available:
            yield Notice(
                id=f"{NoticeKind.SIGNAL_LOST}:{system.key}/{key}",
                kind=NoticeKind.SIGNAL_LOST,
                system=system.key,
                monitor=key,
                since=now,
                text=f"{view.monitor.name or key} delivers no pictures",
                hint=view.state.detail or "",
            )
