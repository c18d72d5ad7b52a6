"""`vms-bridge zm monitors`: the verbs that change monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import printable, say, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import monitors
from vms_bridge.cli.zm.finding import the_monitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.zoneminder import MonitorRow

_MODES = {
    "function": ["None", "Monitor", "Modect", "Record", "Mocord", "Nodect"],
    "capturing": ["None", "Ondemand", "Always"],
    "analysing": ["None", "Always"],
    "recording": ["None", "OnMotion", "Always"],
    "decoding": ["None", "Ondemand", "KeyFrames", "KeyFrames+Ondemand", "Always"],
}
_MONITOR = click.argument("monitor", metavar="ID|NAME", shell_complete=monitors)


def columns(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Read `--set FIELD=VALUE` into ZoneMinder's columns."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"expected FIELD=VALUE, not {pair!r}", context, parameter)
        found[name.strip()] = value
    return found


_set_option = click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="FIELD=VALUE",
    callback=columns,
    help="Any column of ZoneMinder's, as Width=640 or Path=rtsp://...; may be repeated.",
)


def _mode_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    for name, values in reversed(_MODES.items()):
        generation = "before 1.37" if name == "function" else "from 1.37 on"
        verb = click.option(f"--{name}", type=click.Choice(values), help=f"A mode of ZoneMinder {generation}.")(verb)
    return verb


@click.command("add")
@click.argument("name")
@_set_option
@json_option
@asks_zoneminder
def add(ask: Ask, *, name: str, fields: dict[str, str], as_json: bool) -> None:
    """Add a monitor of this NAME, and print its id."""
    _report(ask(ask.zm.monitors.add({"Name": name, **fields})), "added", as_json=as_json)


@click.command("edit")
@_MONITOR
@_set_option
@json_option
@asks_zoneminder
def edit(ask: Ask, *, monitor: str, fields: dict[str, str], as_json: bool) -> None:
    """Change a monitor's columns. ZoneMinder starts its daemon anew where something is another than before."""
    if not fields:
        raise click.UsageError("say what to change, by --set FIELD=VALUE")
    row = ask(the_monitor(ask.zm, monitor))
    _report(ask(ask.zm.monitors.edit(row, fields)), "changed", as_json=as_json)


@click.command("mode")
@_MONITOR
@_mode_options
@click.option("--enable/--disable", "enabled", default=None, help="Turn it on and off, of ZoneMinder before 1.37.")
@json_option
@asks_zoneminder
def mode(ask: Ask, *, monitor: str, enabled: bool | None, as_json: bool, **modes: str | None) -> None:
    """Set what a monitor does: its function or, from ZoneMinder 1.37 on, what it captures, analyses and records."""
    wanted: dict[str, Any] = {name: value for name, value in modes.items() if value is not None}
    if enabled is not None:
        wanted["enabled"] = enabled
    if not wanted:
        raise click.UsageError("say which mode: --function Modect, or --recording OnMotion, say")
    row = ask(the_monitor(ask.zm, monitor))
    _report(ask(ask.zm.monitors.set_modes(row, **wanted)), "set", as_json=as_json)


@click.command("arm")
@_MONITOR
@click.argument("wish", type=click.Choice(["on", "off"]))
@json_option
@asks_zoneminder
def arm(ask: Ask, *, monitor: str, wish: str, as_json: bool) -> None:
    """Have a monitor detect motion or not, by its mode; whether it records is left as it is where that can be."""
    row = ask(the_monitor(ask.zm, monitor))
    _report(ask(ask.zm.monitors.set_armed(row, on=wish == "on")), "set", as_json=as_json)


@click.command("delete")
@_MONITOR
@destroys
@asks_zoneminder
def delete(ask: Ask, *, monitor: str, consent: Consent) -> None:
    """Delete a monitor for good, with its zones; its events stay until ZoneMinder's audit finds that nobody owns them."""
    row = ask(the_monitor(ask.zm, monitor))
    what = f"monitor {row.id} {row.name}"
    if consent.given(f"Delete {what}?", [f"delete {what}, and leave {row.events.get('total') or 0} events to nobody"]):
        ask(ask.zm.monitors.delete(row))
        say(printable(f"deleted {what}"))


def _report(row: MonitorRow, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(said(row))
    else:
        modes = ", ".join(f"{name} {value}" for name, value in row.modes.items())
        say(printable(f"{what} monitor {row.id} {row.name}: {modes}"))


VERBS = (add, edit, mode, arm, delete)
