"""`vms-bridge monitors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import areas, monitors, systems
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import ALARMS, Listing, Styled, local_time, show_fields, show_json

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_COLUMNS = ("MONITOR", "NAME", "AREA", "ALARM", "IN VIEW", "RECORDING", "ARMED", "LAST EVENT")


@click.group("monitors")
def command() -> None:
    """Show the cameras, as they are now."""


@command.command("list")
@click.option("--system", multiple=True, metavar="KEY", help="Of this system; may be repeated.", shell_complete=systems)
@click.option("--area", multiple=True, metavar="NAME", help="In this area; may be repeated.", shell_complete=areas)
@form_options
@asks_the_bridge
def list_(api: Api, *, system: tuple[str, ...], area: tuple[str, ...], form: str | None) -> None:
    """List all cameras with their states."""
    query = [*(("system", each) for each in system), *(("area", each) for each in area)]
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(api.get("/monitors", query)["monitors"])


@command.command("show")
@click.argument("monitor", metavar="SYSTEM/KEY", shell_complete=monitors)
@json_option
@asks_the_bridge
def show(api: Api, *, monitor: str, as_json: bool) -> None:
    """Show all that is known of one camera."""
    system, slash, key = monitor.partition("/")
    if not (system and slash and key):
        raise click.BadParameter(
            "write the keys of its system and its own, as zm/1: `monitors list` has them", param_hint="SYSTEM/KEY"
        )
    found = api.get(f"/monitors/{segment(system)}/{segment(key)}")
    if as_json:
        show_json(found)
        return
    state = found["state"]
    zones = {zone["key"]: zone["name"] for zone in found["zones"]}
    occupied = [zones.get(zone, zone) for zone, is_in in state["zones"].items() if is_in]
    shown = {name for name in state if name not in {"v", "zones", "time", "alarm"} and not isinstance(state[name], dict | list)}
    show_fields(
        (
            ("monitor", f"{found['system']}/{found['key']}"),
            *((name, found[name]) for name in ("name", "area", "model")),
            ("picture", f"{found['width']} x {found['height']}" if found["width"] else None),
            ("zones", ", ".join(zones.values())),
            ("alarm", alarm(state)),
            ("alarm in", ", ".join(occupied)),
            ("in view", in_view(found["objects"])),
            *((name.replace("_", " "), _plain(state[name])) for name in state if name in shown),
            ("seen", local_time(state["time"])),
            ("last event", last_event(found["last_event"])),
            *((f"{mode} may be", ", ".join(values)) for mode, values in found["modes"].items()),
            ("can", ", ".join(found["capabilities"])),
        )
    )


def alarm(state: dict[str, Any]) -> Styled:
    """Return the state of a monitor's alarm, in its colour."""
    now = state["alarm"] or ("unknown" if state["available"] else "lost")
    return Styled(f"{now}, forced" if state.get("forced") else now, ALARMS.get(now, "dim"))


def in_view(objects: dict[str, Any] | None) -> str:
    """Return what a monitor shows now."""
    labels = objects["labels"] if objects else {}
    return ", ".join(label if count == 1 else f"{count} {label}" for label, count in labels.items())


def last_event(event: dict[str, Any] | None) -> str | None:
    """Return in a few words what a monitor's newest event is."""
    if event is None:
        return None
    return f"{event['id']} {event['type']}: {', '.join(event['labels']) or event['cause']}"


def _row(monitor: dict[str, Any]) -> tuple[object, ...]:
    state = monitor["state"]
    return (
        f"{monitor['system']}/{monitor['key']}",
        monitor["name"],
        monitor["area"],
        alarm(state),
        in_view(monitor["objects"]),
        _plain(state.get("is_recording")),
        _plain(state.get("armed")),
        last_event(monitor["last_event"]),
    )


def _plain(value: object) -> object:
    return ("yes" if value else "no") if isinstance(value, bool) else value
