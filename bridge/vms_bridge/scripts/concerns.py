"""What people should know about scripts, as notices, for as long as it is so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import TooManyRequests
from vms_bridge.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView


@dataclass(frozen=True, slots=True)
class Concern:
    """What somebody should know; nothing of it quotes a script."""

    text: str
    hint: str
    kind: NoticeKind = NoticeKind.SCRIPT_FAILED


class Concerns:
    """What is told of them; `close` it."""

    def __init__(self, hub: HubView, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self._told: dict[str, tuple[Concern, Callable[[], None]]] = {}

    def be(self, concerns: Mapping[str, Concern]) -> None:
        """Have these be told, each by what it is about, and no others."""
        for about in [about for about, (told, _) in self._told.items() if concerns.get(about) != told]:
            self._told.pop(about)[1]()
        for about, concern in concerns.items():
            if about not in self._told:
                notice = Notice(
                    id=f"{concern.kind}:{about}",
                    kind=concern.kind,
                    since=self._clock.now(),
                    text=concern.text,
                    hint=concern.hint,
                )
                with suppress(TooManyRequests):  # it is tried again
                    self._told[about] = concern, self._hub.tell_notice(notice)

    def close(self) -> None:
        """Take all of them back."""
        self.be({})
