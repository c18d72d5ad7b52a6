"""`vms-bridge zm zones`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import Listing, printable, say, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import monitors
from vms_bridge.cli.zm.finding import the_monitor, the_zone

if TYPE_CHECKING:
    from vms_bridge.zoneminder import Zone

_KIND = click.Choice(["active", "inclusive", "exclusive", "preclusive", "inactive", "privacy"])
_POINTS_HELP = "Its corners, in shares of the picture from the top left: '0,0 1,0 1,0.5 0,0.5'."


class Points(click.ParamType[tuple[tuple[float, float], ...]]):
    """Corners, as `0,0 1,0 1,1`."""

    name = "points"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[tuple[float, float], ...]:
        """Return each corner's place from the left and from the top."""
        found = []
        for word in str(value).split():
            x, comma, y = word.partition(",")
            try:
                found.append((float(x), float(y)))
            except ValueError:
                self.fail(f"expected corners such as '0,0 1,0 1,0.5', not {word!r}{'' if comma else ': a comma'}", param, ctx)
        return tuple(found)


@click.group("zones")
def command() -> None:
    """Show, add, change and delete the zones of monitors. A daemon takes note when it is restarted: `zm monitors daemon`."""


@command.command("list")
@click.option("--monitor", metavar="ID|NAME", help="Of this monitor only.", shell_complete=monitors)
@form_options
@asks_zoneminder
def list_(ask: Ask, *, monitor: str | None, form: str | None) -> None:
    """List the zones."""
    rows = ask(ask.zm.zones.list(None if monitor is None else ask(the_monitor(ask.zm, monitor))))
    with Listing(form, ("ID", "MONITOR", "NAME", "KIND", "CORNERS"), _row) as listing:
        listing.add(rows if form is None else [said(row) for row in rows])


@command.command("add")
@click.argument("monitor", metavar="ID|NAME", shell_complete=monitors)
@click.argument("name", metavar="ZONE")
@click.argument("points", type=Points(), metavar="CORNERS")
@click.option("--kind", type=_KIND, default="active", show_default=True)
@json_option
@asks_zoneminder
def add(ask: Ask, *, monitor: str, name: str, points: tuple[tuple[float, float], ...], kind: str, as_json: bool) -> None:
    """Add a zone to a monitor: CORNERS are shares of the picture from the top left, as '0,0 1,0 1,0.5 0,0.5'."""
    row = ask(the_monitor(ask.zm, monitor))
    _report(ask(ask.zm.zones.add(row, name, points, kind=kind)), "added", as_json=as_json)


@command.command("edit")
@click.argument("zone", metavar="ID")
@click.option("--name", metavar="NAME")
@click.option("--points", type=Points(), metavar="CORNERS", help=_POINTS_HELP)
@click.option("--kind", type=_KIND)
@json_option
@asks_zoneminder
def edit(
    ask: Ask, *, zone: str, name: str | None, points: tuple[tuple[float, float], ...] | None, kind: str | None, as_json: bool
) -> None:
    """Change a zone's name, corners or kind."""
    if name is None and points is None and kind is None:
        raise click.UsageError("say what to change, by --name, --points or --kind")
    row = ask(the_zone(ask.zm, zone))
    _report(ask(ask.zm.zones.edit(row, name=name, points=points, kind=kind)), "changed", as_json=as_json)


@command.command("delete")
@click.argument("zone", metavar="ID")
@destroys
@asks_zoneminder
def delete(ask: Ask, *, zone: str, consent: Consent) -> None:
    """Delete a zone."""
    row = ask(the_zone(ask.zm, zone))
    what = f"zone {row.id} {row.name} of monitor {row.monitor_id}"
    if consent.given(f"Delete {what}?", [f"delete {what}"]):
        ask(ask.zm.zones.delete(row))
        say(printable(f"deleted {what}"))


def _report(row: Zone, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(said(row))
    else:
        say(printable(f"{what} zone {row.id} {row.name} of monitor {row.monitor_id}"))


def _row(row: Zone) -> tuple[object, ...]:
    corners = " ".join(f"{x:.3g},{y:.3g}" for x, y in row.points)
    return row.id, row.monitor_id, row.name, row.kind, corners
