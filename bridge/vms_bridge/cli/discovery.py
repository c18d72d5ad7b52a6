"""`vms-bridge discovery`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import holders
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import Listing, local_time, printable, say, show_json

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_PATH = "/discovery"
_CHANGES = ("on", "off", "drop")
_SWITCH = "switch"


@click.command("discovery")
@click.argument("change", required=False, type=click.Choice(_CHANGES), metavar="[on|off|drop HOLDER]")
@click.argument("holder", required=False, metavar="", shell_complete=holders)
@json_option
@asks_the_bridge
def command(api: Api, *, change: str | None, holder: str | None, as_json: bool) -> None:
    """Show whether devices are announced to Home Assistant by MQTT, and who claims them, or change that.

    Discovery is off while anybody claims the devices: a Home Assistant with the integration, or you by `off`. `on` takes that
    back, and `drop HOLDER` the claim of a Home Assistant that has them no more.
    """
    if (change == "drop") is (holder is None):
        raise click.UsageError("say whose claim to drop, as `vms-bridge discovery drop HOLDER`; only that takes a holder")
    said = _changed(api, change, holder)
    if as_json:
        show_json(said)
        return
    claims: list[dict[str, Any]] = said["claims"]
    if not claims:
        say("MQTT discovery is on, where the configuration has not turned it off: nobody claims the devices.")
        return
    say("MQTT discovery is off:")
    with Listing(None, ("CLAIMED BY", "SINCE", "LAST SEEN", "BY TOKEN"), _row) as listing:
        listing.add(claims)
    for claim in claims:
        if claim.get("is_stale"):
            name = printable(claim["holder"])
            say(f"{name} was not seen for a week: if it is no more, `vms-bridge discovery drop {name}`.", err=True)


def _changed(api: Api, change: str | None, holder: str | None) -> dict[str, Any]:
    """Change it, if that is wanted, and return how it is then, in the API's words."""
    match change:
        case "drop":
            said = api.delete(f"{_PATH}/claims/{segment(holder or '')}")
        case "on" | "off":
            said = api.put(_PATH, {"is_on": change == "on"})
        case _:
            said = api.get(_PATH)
    found: dict[str, Any] = said
    return found


def _row(claim: dict[str, Any]) -> tuple[object, ...]:
    whose = "you, by `off`" if claim["holder"] == _SWITCH else claim["holder"]
    return whose, local_time(claim["since"]), local_time(claim["seen"]), claim.get("token")
