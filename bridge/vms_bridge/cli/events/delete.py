"""`vms-bridge events delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.events.changing import change, confirmed, ids_argument
from vms_bridge.cli.options import form_options

if TYPE_CHECKING:
    from vms_bridge.cli.client import Api


@click.command("delete")
@ids_argument
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask before.")
@form_options
@asks_the_bridge
def command(api: Api, *, events: tuple[str, ...], is_sure: bool, form: str | None) -> int:
    """Delete events in the VMS, with all their pictures and clips, for good.

    An event that is archived or locked, or goes on, is not deleted. It takes a token of the scope admin.
    """
    count = len(set(events))
    confirmed(f"Delete {f'event {events[0]}' if count == 1 else f'{count} events'} for good?", is_sure=is_sure)
    return change(api, events, "delete", None, form)
