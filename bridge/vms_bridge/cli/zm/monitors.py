"""`vms-bridge zm monitors`: what there is, and its alarms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import ALARMS, Listing, Styled, printable, say, show_fields, show_json, size
from vms_bridge.cli.zm import monitor_changes
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import monitors
from vms_bridge.cli.zm.finding import the_monitor
from vms_bridge.errors import OutputError

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow

_COLUMNS = ("ID", "NAME", "TYPE", "MODE", "SIZE", "STATUS", "FPS", "EVENTS", "TODAY")
MONITOR = click.argument("monitor", metavar="ID|NAME", shell_complete=monitors)


@click.group("monitors")
def command() -> None:
    """Show, change, add and delete monitors, and force their alarms. A monitor is named by its id or by its name."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List all monitors that the user may see."""
    rows = ask(ask.zm.monitors.list())
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(rows if form is None else [as_said(row) for row in rows])


@command.command("show")
@MONITOR
@click.option("--raw", is_flag=True, help="Its whole row as ZoneMinder has it, as JSON: a camera's password may be in it.")
@json_option
@asks_zoneminder
def show(ask: Ask, *, monitor: str, raw: bool, as_json: bool) -> None:
    """Show all that is known of one monitor, its alarm too."""
    row = ask(the_monitor(ask.zm, monitor))
    if raw:
        show_json(said(row.raw))
        return
    alarm = None if row.is_idle else ask(ask.zm.monitors.alarm_state(row))
    if as_json:
        show_json({**as_said(row), "alarm": said(alarm)})
        return
    show_fields(
        (
            ("id", row.id),
            ("name", row.name),
            ("type", row.type),
            ("picture", _size(row)),
            *((name, value) for name, value in row.modes.items()),
            ("enabled", None if row.capturing is not None else yes_or_no(row.enabled)),
            ("armed", yes_or_no(row.armed)),
            ("alarm", None if alarm is None else Styled(str(alarm), ALARMS.get(str(alarm), "dim"))),
            ("status", row.status),
            ("frames a second", None if row.capture_fps is None else f"{row.capture_fps:g}"),
            ("analysed a second", None if row.analysis_fps is None else f"{row.analysis_fps:g}"),
            ("server", row.server_id),
            ("storage", row.storage_id),
            ("can be moved", yes_or_no(row.controllable)),
            *((f"events, {name}", count) for name, count in row.events.items() if name != "disk"),
            ("on disk", size(row.events.get("disk") or 0)),
        )
    )


def as_said(row: MonitorRow) -> dict[str, Any]:
    """Return a monitor as JSON has it."""
    return {**said(row), "modes": row.modes, "armed": row.armed}


def _row(row: MonitorRow) -> tuple[object, ...]:
    mode = row.function if row.capturing is None else "/".join(row.modes.values())
    return (
        row.id,
        row.name,
        row.type,
        f"{mode}, off" if row.capturing is None and not row.enabled else mode,
        _size(row),
        row.status,
        None if row.capture_fps is None else f"{row.capture_fps:g}",
        row.events.get("total"),
        row.events.get("day"),
    )


def _size(row: MonitorRow) -> str | None:
    return f"{row.width} x {row.height}" if row.width else None


@command.command("status")
@MONITOR
@json_option
@asks_zoneminder
def status(ask: Ask, *, monitor: str, as_json: bool) -> int:
    """Show whether a monitor's daemon runs, and its alarm. The exit code is 1 where it should run and does not."""
    row = ask(the_monitor(ask.zm, monitor))
    daemon = ask(ask.zm.monitors.daemon_status(row))
    alarm = ask(ask.zm.monitors.alarm_state(row)) if daemon.is_running else None
    if as_json:
        show_json({"id": row.id, "name": row.name, **said(daemon), "alarm": said(alarm)})
    else:
        text = f"{row.name}: {'running' if daemon.is_running else 'not running'}{'' if alarm is None else f', {alarm}'}"
        say(printable(text))
        if daemon.text:
            say(printable(daemon.text))
    return OK if daemon.is_running or row.is_idle else FAILED


@command.command("alarm")
@MONITOR
@click.argument("wish", type=click.Choice(["on", "off", "suppress"]))
@asks_zoneminder
def alarm(ask: Ask, *, monitor: str, wish: str) -> None:
    """Force an alarm (on), end it (off), or allow none until `off` (suppress, from ZoneMinder 1.36 on)."""
    row = ask(the_monitor(ask.zm, monitor))
    match wish:
        case "on":
            ask(ask.zm.monitors.force_alarm(row))
        case "suppress":
            ask(ask.zm.monitors.suppress_alarms(row))
        case _:
            ask(ask.zm.monitors.cancel_alarm(row))
    say(printable(f"{row.name}: alarm {wish}"))


@command.command("snapshot")
@MONITOR
@click.option("-o", "--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to (default: here).")
@asks_zoneminder
def snapshot(ask: Ask, *, monitor: str, to: Path | None) -> None:
    """Save what a monitor sees now, as a JPEG, and print the file's name."""
    row = ask(the_monitor(ask.zm, monitor))
    file = Path(f"monitor-{row.id}.jpg") if to is None else to
    picture = ask(ask.zm.monitors.snapshot(row))
    try:
        file.write_bytes(picture)
    except OSError as error:
        raise OutputError(f"{file} can't be written: {error.strerror}", hint="say another file by --to") from None
    say(str(file))


@command.command("counts")
@click.option("--in-last", "interval", default="1 hour", show_default=True, metavar="TIME", help="As '30 minute', '1 day'.")
@form_options
@asks_zoneminder
def counts(ask: Ask, *, interval: str, form: str | None) -> None:
    """Show how many events each monitor has had in a time."""
    names = {row.id: row.name for row in ask(ask.zm.monitors.list())}
    found = ask(ask.zm.monitors.event_counts(interval))
    rows = [{"monitor": key, "name": name, "events": found.get(key, 0)} for key, name in names.items()]
    with Listing(form, ("ID", "NAME", "EVENTS"), lambda row: tuple(row.values())) as listing:
        listing.add(rows)


@command.command("daemon")
@MONITOR
@click.argument("order", type=click.Choice(["start", "stop", "restart"]))
@asks_zoneminder
def daemon(ask: Ask, *, monitor: str, order: str) -> None:
    """Start, stop or restart a monitor's capture daemon: stopped, it records nothing until it is started."""
    row = ask(the_monitor(ask.zm, monitor))
    orders = {"start": ask.zm.monitors.start, "stop": ask.zm.monitors.stop, "restart": ask.zm.monitors.restart}
    ask(orders[order](row))
    say(printable(f"{row.name}: daemon {order}"))


for each in monitor_changes.VERBS:
    command.add_command(each)
