"""`vms-bridge script settings`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, Styled
from vms_bridge.script.durations import written
from vms_bridge.steps import with_all_digits

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_SWITCHES = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_SECRET = "secret"  # noqa: S105 - a kind of setting


@click.command("settings")
@click.argument("name", shell_complete=scripts)
@click.argument("changes", nargs=-1, metavar="[SETTING=VALUE]...")
@click.option("--reset", multiple=True, metavar="SETTING", help="Back to its default; may be repeated.")
@click.option("--secret", "secrets", multiple=True, metavar="SETTING", help="Ask for this secret, which no command line shows.")
@form_options
@asks_the_bridge
def command(
    api: Api, *, name: str, changes: tuple[str, ...], reset: tuple[str, ...], secrets: tuple[str, ...], form: str | None
) -> None:
    """Show a script's settings, or set some of them: all or none. The script goes on running, and is told."""
    path = f"/scripts/{segment(name)}/settings"
    settings = api.get(path)["settings"]
    if changes or reset or secrets:
        kinds = {one["name"]: one["kind"] for one in settings}
        values: dict[str, object] = dict.fromkeys(reset)
        values |= dict(change_of(change, kinds) for change in changes)
        values |= {each: click.prompt(each, hide_input=True, err=True) for each in secrets}
        settings = api.put(path, {"values": values})["settings"]
    with Listing(form, ("SETTING", "VALUE", "TAKES", "WHAT"), _row) as listing:
        listing.add(settings)


def change_of(change: str, kinds: dict[str, str]) -> tuple[str, object]:
    """Return what is to be set, as the API takes it. Raises click.UsageError."""
    name, equals, text = change.partition("=")
    if not equals:
        raise click.UsageError(f"write {name}=VALUE")
    match kinds.get(name):
        case None:
            raise click.UsageError(f"there is no setting {name!r}; there are: {', '.join(kinds) or 'none'}")
        case "number":
            return name, _number(name, text)
        case "switch":
            if text.lower() not in _SWITCHES:
                raise click.UsageError(f"{name} takes on or off")
            return name, _SWITCHES[text.lower()]
        case kind if kind == _SECRET:
            raise click.UsageError(f"{name} is a secret: write --secret {name}, so that no list of processes shows it")
        case _:
            return name, text


def _number(name: str, text: str) -> float:
    for read in (int, float):
        with suppress(ValueError):
            return read(text)
    raise click.UsageError(f"{name} takes a number")


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    shown = ("(set)" if one["is_set"] else None) if one["kind"] == _SECRET else _text(one["value"], one)
    value = Styled(shown, "" if one["is_set"] else "dim") if shown is not None else None
    return one["name"], value, _takes(one), one["title"] or one["help"]


def _text(value: object, one: dict[str, Any]) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return written(value) if one["kind"] == "duration" else with_all_digits(value)
    return str(value)


def _takes(one: dict[str, Any]) -> str:
    """Return what a setting takes, in words."""
    if one["options"]:
        return ", ".join(one["options"])
    low, high = ("" if end is None else _text(end, one) for end in (one["min"], one["max"]))
    limits = f" {low}..{high}" if low or high else ""
    unit = f" {one['unit']}" if one["unit"] else ""
    return f"{one['kind']}{limits}{unit}"
