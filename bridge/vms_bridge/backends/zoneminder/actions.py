"""What ZoneMinder is asked to do, and how its refusals read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from vms_bridge.backends.zoneminder.asking import asked
from vms_bridge.commands import Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection, SetRunState, SetSetting
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.zoneminder.alarms import alarm_path, alarm_refusal
from vms_bridge.zoneminder.modes import COLUMNS, DISARMED, SETTINGS, armed_modes
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.commands import Action
    from vms_bridge.zoneminder import MonitorRow

_PLAIN_ALARM = SetAlarm(on=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an answer is waited for: below the hub's limits, so that there is time left to see what became of it."""

    alarm_s: float = 3.0
    """zmu waits until the alarm is on: in 1.34 for ever, in 1.38 for minutes."""
    run_state_s: float = 150.0
    edit_s: float = 15.0


LIMITS = Limits()


async def perform(api: Api, action: Action, ladder: MonitorLadder | None, limits: Limits = LIMITS) -> bool:
    """Have it done to this monitor, and say whether its daemon starts anew for it.

    Raises CommandRejected, UnsupportedCommand or VmsError.
    """
    if isinstance(action, SetRunState):
        await _ask(api, f"states/change/{quote(action.name, safe='')}", limits.run_state_s)
        return True
    if ladder is None:
        raise CommandRejected("ZoneMinder has no such monitor any more", hint="was it deleted?")
    row = ladder.row
    match action:
        case SetAlarm(on=on):
            _refuse_what_only_zmtrigger_can(action)
            await _alarm(api, ladder, "on" if on else "off", limits.alarm_s)
            return False
        case SetMotionDetection(on=on):
            _refuse_what_can_not_be_paused(ladder, on=on)
            await _alarm(api, ladder, "off" if on else "disable", limits.alarm_s)
            return False
        case SetArmed() | SetMode():
            return await _edit(api, row, _modes(row, action), limits.edit_s)
        case SetSetting(setting=setting, value=number):
            return await _set(api, row, setting, number, limits.edit_s)
        case Restart():
            await _ask(api, f"monitors/daemonControl/{row.id}/restart", limits.edit_s, at=api_of(ladder))
            return True
    raise UnsupportedCommand(f"ZoneMinder can't do this: {type(action).__name__}")


def _modes(row: MonitorRow, action: SetArmed | SetMode) -> Mapping[str, str]:
    """Return the modes that are asked for."""
    if isinstance(action, SetMode):
        return {action.mode: action.value}
    return armed_modes(row, on=action.on, restore=action.restore or {})


def _refuse_what_only_zmtrigger_can(action: SetAlarm) -> None:
    said = (action.cause, action.text, action.score)
    if action.on and said != (_PLAIN_ALARM.cause, _PLAIN_ALARM.text, _PLAIN_ALARM.score):
        raise CommandRejected(
            "ZoneMinder's API can force an alarm, but not give it a cause, a text or a score",
            hint="leave them out; ZoneMinder's own cause is `Forced Web`, its score ZM_FORCED_ALARM_SCORE",
        )


def _refuse_what_can_not_be_paused(ladder: MonitorLadder, *, on: bool) -> None:
    """Refuse where a pause, which is an alarm that is forced off, could not be seen or would do harm. Raises CommandRejected."""
    row = ladder.row
    if ladder.memory.own is None:
        raise CommandRejected(
            f"whether monitor {row.id} detects shows in shared memory only: {ladder.memory.problem or 'there is none'}",
            hint="run the bridge on ZoneMinder's host, or use armed",
        )
    if not row.armed:
        raise CommandRejected(f"monitor {row.id} is not armed, so that there is nothing to pause", hint="use armed")
    if row.records_always and not on:
        raise CommandRejected(
            f"ZoneMinder would end the continuous recording of monitor {row.id} too", hint="use armed: recording then goes on"
        )


def api_of(ladder: MonitorLadder) -> str | None:
    """Return the API to ask for this monitor: that of its own server and no other. Raises CommandRejected."""
    if ladder.server.problem:
        raise CommandRejected(
            f"monitor {ladder.row.id} can't be commanded: {ladder.server.problem}",
            hint="fill in Hostname, Protocol, Port and PathToApi under Options > Servers",
        )
    return ladder.server.api


async def _alarm(api: Api, ladder: MonitorLadder, command: str, timeout_s: float) -> None:
    row = ladder.row
    answer = await _ask(api, alarm_path(row.id, command), timeout_s, at=api_of(ladder))
    refusal = alarm_refusal(answer, row.id, api.quoted)
    if refusal is not None:
        raise CommandRejected(refusal[0], hint=refusal[1])


async def _edit(api: Api, row: MonitorRow, modes: Mapping[str, str], timeout_s: float) -> bool:
    form = {f"Monitor[{COLUMNS[mode]}]": value for mode, value in modes.items() if row.modes.get(mode) != value}
    if row.capturing is None and not row.enabled and modes.get("function") in DISARMED:
        form["Monitor[Enabled]"] = "1"
    if not form:
        return False
    answer = await _ask(api, f"monitors/{row.id}", timeout_s, form)
    message = as_text(mapping(answer).get("message"))
    if message.startswith("Error"):
        raise CommandRejected(f"ZoneMinder did not save monitor {row.id}: {api.quoted(message)}")
    return True


async def _set(api: Api, row: MonitorRow, setting: str, value: float, timeout_s: float) -> bool:
    if setting not in row.settings:
        raise CommandRejected(f"monitor {row.id} of this ZoneMinder has no {setting}")
    if row.settings[setting] == value:
        return False
    form = {f"Monitor[{SETTINGS[setting]}]": f"{value:g}"}
    await asked(api, lambda: api.post(f"monitors/{row.id}", form, timeout_s=timeout_s), what=f"monitor {row.id}")
    return True


async def _ask(api: Api, path: str, timeout_s: float, form: Mapping[str, str] | None = None, *, at: str | None = None) -> object:
    """Return the answer, None where there is no clear one: then the state shows what became of it.

    Raises CommandRejected or VmsError.
    """
    if form is not None:
        return await asked(api, lambda: api.post(path, form, timeout_s=timeout_s))
    return await asked(api, lambda: api.get(path, timeout_s=timeout_s, at=at))
