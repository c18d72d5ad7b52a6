"""`vms-bridge zm states`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.finding import NotFoundThere
from vms_bridge.cli.direct.showing import flat, said, yes_or_no
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import Listing, printable, say, show_fields, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import states

if TYPE_CHECKING:
    from vms_bridge.zoneminder import RunState

_NAME = click.argument("name", shell_complete=states)


@click.group("states")
def command() -> None:
    """Show and set the run state: a named set of all monitors' modes. And start, stop and restart ZoneMinder."""


@command.command("list")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, form: str | None) -> None:
    """List the run states."""
    rows = ask(ask.zm.states.list())
    with Listing(form, ("ID", "NAME", "ACTIVE", "SETS"), _row) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


@command.command("show")
@_NAME
@json_option
@asks_zoneminder
def show(ask: Ask, *, name: str, as_json: bool) -> None:
    """Show what a run state sets, monitor by monitor."""
    row = ask(ask.zm.states.find(name=name))
    if row is None:
        raise NotFoundThere(f"there is no run state {name!r}", hint="`states list` has them")
    if as_json:
        show_json(said(row))
        return
    show_fields(
        (
            ("name", row.name),
            ("active", yes_or_no(row.is_active)),
            *((f"monitor {monitor}", flat(modes)) for monitor, modes in row.modes.items()),
        )
    )


@command.command("set")
@_NAME
@click.option("--force", is_flag=True, help="Also where it is active already: all daemons are started anew.")
@asks_zoneminder
def set_(ask: Ask, *, name: str, force: bool) -> None:
    """Set the run state, and wait for it: ZoneMinder starts its daemons anew, which may take minutes.

    One that is active already is left alone.
    """
    has_changed = ask(ask.zm.states.change(name, force=force))
    say(printable(f"run state {name}{'' if has_changed else ', as it was already'}"))


@command.command("start")
@asks_zoneminder
def start(ask: Ask) -> None:
    """Start ZoneMinder's daemons."""
    say("started" if ask(ask.zm.states.start()) else "it runs already")


@command.command("stop")
@asks_zoneminder
def stop(ask: Ask) -> None:
    """Stop ZoneMinder's daemons: nothing is recorded until they are started."""
    say("stopped" if ask(ask.zm.states.stop()) else "it is stopped already")


@command.command("restart")
@asks_zoneminder
def restart(ask: Ask) -> None:
    """Stop ZoneMinder's daemons and start them."""
    ask(ask.zm.states.restart())
    say("restarted")


def _row(row: RunState) -> tuple[object, ...]:
    return row.id, row.name, "active" if row.is_active else None, f"{len(row.modes)} monitors" if row.modes else None
