"""`vms-bridge index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.completing import systems
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, local_time, say

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.group("index")
def command() -> None:
    """Show how far the bridge's own index of recorded events is, or make it anew."""


@command.command("status")
@form_options
@asks_the_bridge
def status(api: Api, *, form: str | None) -> None:
    """Show how much of what each system has recorded is in the index."""
    with Listing(form, ("SYSTEM", "EVENTS", "OF", "BACK TO", "STATE"), _row) as listing:
        listing.add(api.get("/index")["systems"])


@command.command("rebuild")
@click.option("--system", metavar="KEY", help="That of this system only.", shell_complete=systems)
@asks_the_bridge
def rebuild(api: Api, *, system: str | None) -> None:
    """Forget what was recorded before, and list it anew in the background; events go on to be added meanwhile."""
    begun = api.post("/index/rebuild", {} if system is None else {"system": system})["systems"]
    say(f"The index is made anew: {', '.join(begun)}." if begun else "There is no system whose recordings can be listed.")


def _row(each: dict[str, Any]) -> tuple[object, ...]:
    system, index = each["system"], each["index"]
    if index is None:
        return system, None, None, None, "its recordings can't be listed"
    state = index["detail"] or ("complete" if index["is_complete"] else "being filled")
    return system, index["events"], index["expected"], local_time(index["oldest"]), state
