"""`vms-bridge index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import local_time, say, show_json, show_table

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.group("index")
def command() -> None:
    """Show how far the bridge's own index of recorded events is, or make it anew."""


@command.command("status")
@json_option
@asks_the_bridge
def status(api: Api, *, as_json: bool) -> None:
    """Show how much of what each system has recorded is in the index."""
    systems = api.get("/index")["systems"]
    if as_json:
        show_json(systems)
        return
    show_table(("SYSTEM", "EVENTS", "OF", "BACK TO", "STATE"), (_row(each["system"], each["index"]) for each in systems))


@command.command("rebuild")
@click.option("--system", metavar="KEY", help="That of this system only.")
@asks_the_bridge
def rebuild(api: Api, *, system: str | None) -> None:
    """Forget what was recorded before, and list it anew in the background; events go on to be added meanwhile."""
    begun = api.post("/index/rebuild", {} if system is None else {"system": system})["systems"]
    say(f"The index is made anew: {', '.join(begun)}." if begun else "There is no system whose recordings can be listed.")


def _row(system: str, index: dict[str, Any] | None) -> tuple[object, ...]:
    if index is None:
        return system, None, None, None, "its recordings can't be listed"
    state = index["detail"] or ("complete" if index["is_complete"] else "being filled")
    return system, index["events"], index["expected"], local_time(index["oldest"]), state
