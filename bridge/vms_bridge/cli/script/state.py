"""`vms-bridge script state`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.events.changing import confirmed
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, local_time, say, show_json, size

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_MOST_SHOWN = 200


@click.command("state")
@click.argument("name", shell_complete=scripts)
@click.option("--export", "is_export", is_flag=True, help="Print a JSON object with each value under its key, and nothing else.")
@click.option("--clear", "is_clear", is_flag=True, help="Forget all of it, or what is under --key.")
@click.option("--key", metavar="KEY", help="With --clear: this one only.")
@click.option("--yes", "is_sure", is_flag=True, help="With --clear: do not ask before.")
@form_options
@asks_the_bridge
def command(api: Api, *, name: str, is_export: bool, is_clear: bool, key: str | None, is_sure: bool, form: str | None) -> None:
    """Show what a script keeps, export it, or have it forgotten."""
    if (key is not None and not is_clear) or (is_clear and is_export):
        raise click.UsageError("--key belongs to --clear, and --export does not")
    path = f"/scripts/{segment(name)}/state"
    if is_clear:
        confirmed(f"Forget {'all' if key is None else repr(key)} that {name} keeps?", is_sure=is_sure)
        api.delete(path if key is None else f"{path}?{urlencode({'key': key})}")
        say(f"{'The state' if key is None else repr(key)} of the script {name} is forgotten.")
        return
    state = api.get(path)
    if is_export:
        show_json({item["key"]: item["value"] for item in state["items"]})
        return
    with Listing(form, ("KEY", "VALUE", "CHANGED", "UNTIL"), _row) as listing:
        listing.add(state["items"])
    if form is None:
        say(f"{size(state['bytes'])} of {size(state['most_bytes'])}.", err=True)


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    text = json.dumps(item["value"], ensure_ascii=False)
    shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    return item["key"], shown, local_time(item["changed"]), local_time(item["expires"])
