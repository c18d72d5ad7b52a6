"""Alarm statuses as a source: asked for one by one, within a budget, of the monitors that no better source reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.down import Down
from vms_bridge.errors import VmsUnreachable
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.parse import parse_alarm_status

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.facts import Facts
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.sources.asker import Asker
    from vms_bridge.backends.zoneminder.system import SystemReader


class AlarmStatus:
    """The alarm statuses of one connection's monitors; `asker` says whose is to be asked for."""

    def __init__(self, connection: Connection, *, asker: Asker, system: SystemReader, facts: Facts) -> None:
        self._clock, self._asker, self._system, self._facts = connection.clock, asker, system, facts
        self._budget = connection.statuses
        self._down = Down(connection.name, connection.clock)

    async def ask_next(self) -> tuple[MonitorLadder, bool] | None:
        """Ask for the status of who is next, if the budget allows it. Raises VmsUnreachable.

        Returns of which monitor, and whether it says that there is no alarm although an event is open: perhaps that has just
        ended.
        """
        ladder = self._asker.next()
        if ladder is None or not self._budget.take():
            return None
        is_news = await self.ask(ladder) and ladder.status.answer is AlarmState.IDLE
        return ladder, is_news and ladder.events.doubt.event_id is not None

    async def ask(self, ladder: MonitorLadder) -> bool:
        """Ask for this monitor's status and report it, and say whether it is another than before. Raises VmsUnreachable."""
        path = f"monitors/alarm/id:{ladder.row.id}/command:status"
        asked_during = ladder.events.doubt.event_id
        server = ladder.server
        try:
            problem = server.problem or self._down.why(server)
            answer = None if problem else await self._system.optional(path, at=server.api)
        except VmsUnreachable as error:
            if server.api is None:
                raise
            problem, answer = self._down.note(server, error), None
        if server.api is not None and answer is None and not problem:
            problem = f"its server {server.name} does not say; see the log"
        ladder.server_is_down(problem)
        before = ladder.status.answer
        ladder.was_asked(parse_alarm_status(answer, self._facts.version), asked_during, self._clock.monotonic())
        return ladder.status.answer is not before
