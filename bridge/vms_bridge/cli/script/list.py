"""`vms-bridge script list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, Styled, local_time

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api

_COLUMNS = ("NAME", "STATUS", "SINCE", "CALLS", "FAILED", "WHAT")
STYLES = {"ready": "green", "waiting": "yellow", "broken": "red", "refused": "red", "quarantined": "bold red"}


@click.command("list")
@form_options
@asks_the_bridge
def command(api: Api, *, form: str | None) -> None:
    """List the scripts, and how each fares."""
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(api.get("/scripts")["scripts"])


def _row(script: dict[str, Any]) -> tuple[object, ...]:
    status = Styled(script["status"], STYLES.get(script["status"], "dim"))
    counts, trouble = script["counts"], script["trouble"]
    what = script["reason"] and (f"{script['reason']}: {trouble['text']}" if trouble is not None else script["reason"])
    return script["name"], status, local_time(script["since"]), counts["calls"], counts["failures"], what or script["doc"]
